"""The first network of a cascade is trained before the second: on every image, and without each fold."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import monai.bundle
import torch

from ...bundle_config import IMAGENET, as_json, running_config, top_level_scalars
from ...files import hold, write_whole
from ..trained.weights import read_weights

__all__ = ["ALL", "FOLDS_FILE", "FirstStage", "fold_name"]

ALL = "all"  # the part that is trained on every image
FOLDS_FILE = "folds.json"  # image -> the fold that it is left out of
_STATE, _FINISHED = "begun_as.json", "finished"  # what a training was told, and whether it came to its end
_OUTPUTS = {*("bundle_name", "bundle_root", "dataset_dir", "ckpt_dir", "output_dir", "weights", "split")}
# What has been decided already, or concerns the second network alone.
_OWN = {*_OUTPUTS, "fold", "folds", "test_platform", "epochs", "resume", "pretrained", "select_by"}
_OWN |= {"freeze_encoder_epochs", "encoder_learning_rate_factor"}
_SHARED_BLOCKS = ("intensity", "augmentation", "augmentation_ranges", "device")

_log = logging.getLogger(__name__)


@runtime_checkable
class Lists(Protocol):
    """The lists of a run; `common.datalists.RunData` is one."""

    def fingerprint(self) -> str:
        """Return a text that changes with the images."""

    def deal_training(self, folds: int) -> dict[str, int]:
        """Return the fold of each training image, by its path."""

    def write_lists(self, folder: Path, *, left_out: Collection[str] = ()) -> list[str]:
        """Write the lists without some images as data sets, and return their folders."""


def fold_name(fold: int) -> str:
    """Return the folder of the training that leaves a fold out.

    Example:
        >>> fold_name(2)
        'fold_2'
    """
    return f"fold_{fold}"


class FirstStage:
    """Trains the first network of a cascade as a bundle of its own, into `ckpt_dir/stage1`.

    The second network must learn from maps like those that it will get for new images: maps of networks that
    have not seen the image. So the training images are dealt to folds, by patient, and one more network is
    trained without each of them. `OutOfFoldMaps` then uses them.

    Every setting of the cascade that the other bundle has too holds there as well. Each training is a run of
    its own in MLflow and has checkpoints of its own.

    Args:
        config_file: the bundle of the first network, its train.json, perhaps with overlays.
        lists: the run's lists.
        ckpt_dir: folder of the cascade's checkpoints.
        epochs: epochs of each training.
        folds: how many networks leave a part out, 2 or more; 0: none, then maps come from a network that has
            seen the image.
        select_by: score by which the best weights of the first network are chosen.
        resume: the cascade's training is continued, perhaps for more epochs: what is finished of stage one
            stays as it is then, whatever its number of epochs.
        config: the configuration of the cascade; by default the one that MONAI is executing.

    Raises:
        ValueError: folds is no such number.

    References:
        Wolpert, Stacked generalization, Neural Networks 5, 1992.
    """

    def __init__(
        self,
        config_file: str | list[str],
        *,
        lists: Lists,
        ckpt_dir: str | Path,
        epochs: int,
        folds: int = 3,
        select_by: str = "pq_pooled",
        resume: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 0 or folds == 1:
            raise ValueError(f"--stage1_folds must be a whole number of at least 2, or 0, not {folds!r}")
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"--stage1_epochs must be a whole number of at least 1, not {epochs!r}")
        self.config_files = [config_file] if isinstance(config_file, str) else list(config_file)
        self.lists, self.folder = lists, Path(ckpt_dir) / "stage1"
        self.epochs, self.folds, self.select_by, self.resume = epochs, folds, select_by, resume
        self.config = (running_config() if config is None else config) or {}

    def train(self, *, missing: bool = False) -> None:
        """Train every network of the first stage, one after the other.

        Args:
            missing: leave those alone that were trained to the end with these settings and images, and go on
                with one that was cut; otherwise all begin anew. What was there before is moved aside.

        Raises:
            ValueError: if there are too few training images, or a setting does not fit.
        """
        with hold(self.folder.parent, job="a training", option="--ckpt_dir"):
            self._train_all(missing=missing)

    def _train_all(self, *, missing: bool) -> None:
        dealt = self.lists.deal_training(self.folds) if self.folds else {}
        for part in [*map(fold_name, range(self.folds)), ALL]:
            left_out = {image for image, fold in dealt.items() if fold_name(fold) == part}
            self._train(part, left_out, missing=missing)
        _write(self.folder / FOLDS_FILE, dealt)

    def _train(self, part: str, left_out: set[str], *, missing: bool) -> None:
        folder = self.folder / part
        datasets = self.lists.write_lists(folder / "data", left_out=left_out)
        options = self._options(part, datasets)
        state = folder / _STATE
        told = as_json({**options, "left_out": sorted(left_out), "fingerprint": self.lists.fingerprint()})
        of = f"without fold {part.rsplit('_')[-1]} of {self.folds}" if left_out else "on all training images"
        before = json.loads(state.read_text(encoding="utf-8")) if missing and state.is_file() else {}
        finished = before.pop(_FINISHED, False)
        if finished and (folder / "model.pt").is_file():
            pair = [_without_epochs(each) for each in (before, told)] if self.resume else [before, told]
            if pair[0] == pair[1]:
                _log.info("stage one %s: trained already, in %s", of, folder)
                return
        _log.info("stage one %s: training, into %s", of, folder)
        resume = before == told and not finished
        _write(state, {**told, _FINISHED: False})
        with _brief():
            monai.bundle.run(
                "training", config_file=self.config_files, logging_file=False, resume=resume, **options
            )
        _write(state, {**told, _FINISHED: True})

    def _options(self, part: str, datasets: list[str]) -> dict[str, Any]:
        """Return what is set in the other bundle."""
        known: dict[str, Any] = {}
        for file in self.config_files:
            known |= monai.bundle.ConfigParser.load_config_file(file)
        settings = top_level_scalars(known).keys() - _OWN
        shared = {name: v for name, v in top_level_scalars(self.config).items() if name in settings}
        network = self.config.get("network_def", {})
        if "first" not in network:
            raise ValueError("network_def has no `first`: define the cascade's first network there")
        blocks = {name: self.config[name] for name in _SHARED_BLOCKS if name in self.config}
        return {
            **shared,
            **blocks,
            "network_def": network["first"],
            "bundle_name": f"{self.config.get('bundle_name', 'cascade')}_stage1_{part}",
            "dataset_dir": datasets if len(datasets) > 1 else datasets[0],
            "ckpt_dir": str(self.folder / part),
            "epochs": self.epochs,
            "select_by": self.select_by,
            "pretrained": self._pretrained(),
        }

    def _pretrained(self) -> str | None:
        """Take the first network's part out of the weights of another cascade."""
        source = self.config.get("pretrained")
        if not source or source == IMAGENET:
            return None
        prefix = "first."
        given = read_weights(source)
        weights = {
            name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)
        }
        if not weights:
            return None
        file = self.folder / "pretrained.pt"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda part: torch.save(weights, part))
        return str(file)


@contextmanager
def _brief() -> Iterator[None]:
    """Leave out MONAI's list of the options: whole blocks are among them, which nobody typed."""
    logger = logging.getLogger("monai.bundle.scripts")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _without_epochs(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "epochs"}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1)
    write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))
