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

from ..export import write_whole
from ..pretrained_source import IMAGENET
from ..running_config import running_config, top_level_scalars
from ..settings_difference import as_json
from .trained_settings import trained_settings
from .weights import read_weights

__all__ = ["ALL", "FOLDS_FILE", "FirstStage", "fold_name"]

ALL = "all"  # the part that is trained on every image
FOLDS_FILE = "folds.json"  # image -> the fold that it is left out of
_DONE = "finished.json"
_OUTPUTS = {*("bundle_name", "bundle_root", "dataset_dir", "ckpt_dir", "output_dir", "weights", "split")}
# What has been decided already, or concerns the second network alone.
_OWN = {*_OUTPUTS, "fold", "folds", "test_platform", "epochs", "resume", "pretrained", "select_by"}
_OWN |= {"freeze_encoder_epochs", "encoder_learning_rate_factor"}
_SHARED_BLOCKS = ("intensity", "augmentation")

_log = logging.getLogger(__name__)


@runtime_checkable
class Lists(Protocol):
    """The lists of a run; `common.readers.RunData` is one."""

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
        dealt = self.lists.deal_training(self.folds) if self.folds else {}
        for part in [*map(fold_name, range(self.folds)), ALL]:
            left_out = {image for image, fold in dealt.items() if fold_name(fold) == part}
            self._train(part, left_out, missing=missing)
        text = json.dumps(dealt, indent=1)
        write_whole(self.folder / FOLDS_FILE, lambda file: file.write_text(text, encoding="utf-8"))

    def _train(self, part: str, left_out: set[str], *, missing: bool) -> None:
        folder = self.folder / part
        datasets = self.lists.write_lists(folder / "data", left_out=left_out)
        options = self._options(part, datasets)
        done, told = folder / _DONE, as_json({**options, "left_out": sorted(left_out)})
        of = f"without fold {part.rsplit('_')[-1]} of {self.folds}" if left_out else "on all training images"
        if missing and done.is_file() and (folder / "model.pt").is_file():
            before = json.loads(done.read_text(encoding="utf-8"))
            if _same(before, told, leave=["epochs"] if self.resume else []):
                _log.info("stage one %s: trained already, in %s", of, folder)
                return
        done.unlink(missing_ok=True)
        _log.info("stage one %s: training, into %s", of, folder)
        resume = missing and _same(trained_settings(folder / "last.pt"), as_json(options))
        with _brief():
            monai.bundle.run(
                "training", config_file=self.config_files, logging_file=False, resume=resume, **options
            )
        text = json.dumps(told, indent=1)
        write_whole(done, lambda file: file.write_text(text, encoding="utf-8"))

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


def _same(trained: Mapping[str, Any], options: Mapping[str, Any], leave: Collection[str] = ()) -> bool:
    """Return whether a training was begun with these options, some of which may differ."""
    return bool(trained) and all(trained.get(n) == value for n, value in options.items() if n not in leave)
