"""The first network of a cascade is trained before the second: on every image, and without each fold."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import monai.bundle
import torch

from ...bundle_config import IMAGENET, as_json, running_config, shown, top_level_scalars
from ...files import hold, write_whole
from ..checkpoints.folder import set_aside
from ..checkpoints.resume import forbidden_change
from ..trained.weights import read_weights
from . import next_steps
from .next_steps import tell_next_stage

__all__ = ["ALL", "FOLDS_FILE", "LISTS", "FirstStage", "begun_as", "fold_name", "names_left_out"]

ALL = "all"  # the part that is trained on every image
FOLDS_FILE = "folds.json"  # image -> the fold that it is left out of
# What, with the data's fingerprint, decides on which images a run trains.
LISTS = ("split_seed", "fold", "folds", "test_platform")
_STATE, _FINISHED = "begun_as.json", "finished"  # what a training was told, and whether it came to its end
_OUTPUTS = {*("bundle_name", "bundle_root", "dataset_dir", "ckpt_dir", "output_dir", "weights", "split")}
# What has been decided already, or concerns the second network alone.
_OWN = {*_OUTPUTS, "fold", "folds", "test_platform", "epochs", "resume", "pretrained", "select_by"}
_OWN |= {"freeze_encoder_epochs", "encoder_learning_rate_factor"}
_SHARED_BLOCKS = ("intensity", "augmentation", "augmentation_ranges", "more_augmentation", "device")

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


def names_left_out(dealt: Mapping[str, int], part: str) -> list[str]:
    """Return which images a training leaves out, by names that do not change when the data set is moved.

    Args:
        dealt: fold of each training image, by its path.
        part: `fold_name` of the fold, or `ALL`, which leaves out none.

    Example:
        >>> names_left_out({"/data/a.png": 0, "/data/b.png": 1, "/data/c.png": 0}, "fold_0")
        ['a.png', 'c.png']
    """
    start = os.path.commonprefix(list(dealt))
    return sorted(image.removeprefix(start) for image, fold in dealt.items() if fold_name(fold) == part)


def begun_as(folder: Path) -> tuple[dict[str, Any], bool]:
    """Return what a training of stage one was told, and whether it is finished.

    Args:
        folder: folder of its checkpoints. Nothing was told where there is no training, or its weights are
            gone.
    """
    file = folder / _STATE
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    finished = bool(told.pop(_FINISHED, False))
    if finished and not (folder / "model.pt").is_file():
        return {}, False
    return told, finished


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

        What begins anew is moved aside, and the folds are written, before the first network is trained:
        however early this ends, new folds never stand beside networks that were trained on old ones.

        Args:
            missing: leave those alone that were trained to the end with these settings and images, and go on
                with one that was cut; otherwise all begin anew.

        Raises:
            ValueError: if there are too few training images, a setting does not fit, or a training that shall
                be continued was begun with another.
        """
        with hold(self.folder.parent, job="a training", option="--ckpt_dir"):
            self._train_all(missing=missing)
        tell_next_stage("training_stage1", "training_stage2")

    def _train_all(self, *, missing: bool) -> None:
        dealt = self.lists.deal_training(self.folds) if self.folds else {}
        parts = [*map(fold_name, range(self.folds)), ALL]
        told = {part: self._told(part, dealt) for part in parts}
        kept = {part for part in parts if missing and self._is_kept(part, told[part])}
        for part in parts:
            if part not in kept:
                set_aside(self.folder / part)
                _write(self.folder / part / _STATE, {**told[part], _FINISHED: False})
        _write(self.folder / FOLDS_FILE, dealt)
        for part in parts:
            number = part.rsplit("_")[-1]
            of = "on all training images" if part == ALL else f"without fold {number} of {self.folds}"
            if part in kept and begun_as(self.folder / part)[1]:
                _log.info("stage one %s: trained already, in %s", of, self.folder / part)
                continue
            _log.info("stage one %s: training, into %s", of, self.folder / part)
            left_out = {image for image, fold in dealt.items() if fold_name(fold) == part}
            self._train(part, left_out, resume=part in kept)
            _write(self.folder / part / _STATE, {**told[part], _FINISHED: True})

    def _told(self, part: str, dealt: Mapping[str, int]) -> dict[str, Any]:
        """Return all that decides what a training comes to."""
        given = {name: self.config.get(name) for name in (*LISTS, "dataset_dir", "pretrained")}
        folds = {} if part == ALL else {"stage1_folds": self.folds}
        told = {**folds, **self._options(part), **given, "left_out": names_left_out(dealt, part)}
        return dict(as_json({**told, "fingerprint": self.lists.fingerprint()}))

    def _is_kept(self, part: str, told: Mapping[str, Any]) -> bool:
        """Whether a training stays, or goes on: it was begun as it would be now."""
        folder = self.folder / part
        before, _ = begun_as(folder)
        if not before or not self.resume:
            return before == told
        if (found := forbidden_change(before, told)) is not None:
            name, then, now = found
            raise ValueError(
                f"--resume cannot continue stage one in {folder}: {name} was {shown(then)} and is now"
                f" {shown(now)}: give the same, or leave out --resume to start anew"
            )
        return True

    def _train(self, part: str, left_out: set[str], *, resume: bool) -> None:
        datasets = self.lists.write_lists(self.folder / part / "data", left_out=left_out)
        with _brief():
            monai.bundle.run(
                "training",
                config_file=self.config_files,
                logging_file=False,
                resume=resume,
                dataset_dir=datasets if len(datasets) > 1 else datasets[0],
                pretrained=self._pretrained(),
                **self._options(part),
            )

    def _options(self, part: str) -> dict[str, Any]:
        """Return what is set in the other bundle, but for the places of data and weights."""
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
            "ckpt_dir": str(self.folder / part),
            "epochs": self.epochs,
            "select_by": self.select_by,
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
    """Leave out MONAI's list of the options, among them whole blocks that nobody typed, and the next steps.

    After a network of stage one nothing is to be typed: the next one follows by itself.
    """
    loggers = [logging.getLogger(name) for name in ("monai.bundle.scripts", next_steps.__name__)]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1)
    write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))
