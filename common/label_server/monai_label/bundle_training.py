"""One bundle's training as MONAI Label calls it: all corrected labels of the studies -> newer weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.others.generic import device_list, name_to_device

from ..fine_tuning import FineTuning, fine_tune, last_result, refuse_whole_cells
from ..served_bundle import ServedBundle
from .studies import Studies

__all__ = ["BundleTraining"]


class BundleTraining(TrainTask):
    """Trains a packed bundle on the studies' corrected labels, from its newest weights.

    Args:
        bundle: the bundle.
    """

    def __init__(self, bundle: ServedBundle) -> None:
        super().__init__(f"train {bundle.name} on the corrected labels")
        self.bundle = bundle

    def config(self) -> dict[str, Any]:
        """Return what clients let their users choose, with MONAI Label's names."""
        usual = FineTuning()
        return {
            "max_epochs": usual.epochs, "steps_per_epoch": usual.steps, "train_batch_size": usual.batch_size,
            "learning_rate": usual.learning_rate, "val_split": usual.validation, "pretrained": True,
            "weights": list(self.bundle.weights()), "device": device_list(),
        }  # fmt: skip

    def stats(self) -> dict[str, Any]:
        """Return what came out of the last training, which a process of its own has done."""
        return last_result(self.bundle)

    def check(self, datastore: Studies) -> None:
        """Refuse a training that could not start.

        Raises:
            ValueError: no image has a corrected label, or the bundle learns whole cells too.
        """
        refuse_whole_cells(self.bundle)
        if not datastore.datalist():
            raise ValueError(
                "no image has a corrected label yet: submit one (PUT /datastore/label), then train"
            )

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any]:
        """Train.

        Args:
            request: what `config` has, as a client wishes.
            datastore: the studies.

        Returns:
            What came out of it, see `fine_tune`.
        """
        self.check(datastore)
        usual, wanted, device = FineTuning(), request.get("weights"), request.get("device")
        how = FineTuning(
            epochs=_whole(request, "max_epochs", usual.epochs),
            steps=_whole(request, "steps_per_epoch", usual.steps),
            batch_size=_whole(request, "train_batch_size", usual.batch_size),
            learning_rate=float(request.get("learning_rate", usual.learning_rate)),
            validation=float(request.get("val_split", usual.validation)),
            from_weights=wanted if isinstance(wanted, str) else None,
            from_scratch=not request.get("pretrained", True),
            device=str(name_to_device(device)) if isinstance(device, str) else None,
        )
        return fine_tune(self.bundle, datastore.datalist(), how)


def _whole(request: Mapping[str, Any], name: str, usual: int) -> int:
    value = int(request.get(name, usual))
    if value < 1:
        raise ValueError(f"{name} is {value}: give 1 or more")
    return value
