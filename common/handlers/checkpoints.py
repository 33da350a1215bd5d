"""Checkpoints of a training: the best and the last one, always whole, never on top of an earlier training."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.handlers import CheckpointSaver

from ..export import write_whole
from ..running_config import running_config

__all__ = ["BestCheckpoint", "CheckpointFolder", "LastCheckpoint", "config_text", "set_aside"]

_log = logging.getLogger(__name__)
_FILES = ("model.pt", "last.pt", "train.json")


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration as JSON text; what was put in from Python and is no JSON appears by its name.

    Example:
        >>> print(config_text({"epochs": 3}))
        {
          "epochs": 3
        }
    """
    return json.dumps(config, indent=2, default=str)


def set_aside(ckpt_dir: str | Path) -> Path | None:
    """Move what an earlier training left into a sub-folder named by the time it was last written.

    Args:
        ckpt_dir: folder of the checkpoints.

    Returns:
        The sub-folder, or None if there was nothing.
    """
    ckpt_dir = Path(ckpt_dir)
    found = [file for name in _FILES if (file := ckpt_dir / name).is_file()]
    if not found:
        return None
    newest = max(file.stat().st_mtime for file in found)
    name = time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(newest))
    folder = ckpt_dir / name
    number = 1
    while folder.exists():
        number += 1
        folder = ckpt_dir / f"{name}_{number}"
    folder.mkdir()
    for file in found:
        file.rename(folder / file.name)
    _log.info("the earlier training in %s was moved to %s", ckpt_dir, folder)
    return folder


class CheckpointFolder:
    """Readies the folder of the checkpoints when a training starts, and saves its configuration there.

    Args:
        ckpt_dir: folder of the checkpoints, made if needed.
        keep_earlier: leave an earlier training's files in place, for a training that continues it.
        config: the configuration; by default the one that MONAI is executing.
    """

    def __init__(
        self, ckpt_dir: str | Path, *, keep_earlier: bool = False, config: Mapping[str, Any] | None = None
    ) -> None:
        self.ckpt_dir = Path(ckpt_dir)
        self.keep_earlier = keep_earlier
        self.config = running_config() if config is None else config

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        """Set an earlier training aside and write ``train.json``."""
        if engine.state.rank != 0:
            return
        self.ckpt_dir.mkdir(parents=True, exist_ok=True)
        if not self.keep_earlier:
            set_aside(self.ckpt_dir)
        if self.config is not None:
            text = config_text(self.config)
            write_whole(self.ckpt_dir / "train.json", lambda part: part.write_text(text, encoding="utf-8"))


def _save(checkpoint: Mapping[str, Any], path: Path) -> None:
    def write(part: Path) -> None:
        with open(part, "wb") as file:
            torch.save(checkpoint, file)
            # On the disk before it takes the old one's place: hours of training must survive a power cut.
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)


class _WholeFileSaver:
    """What ignite's ``Checkpoint`` saves with: one file name, replaced in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, checkpoint: Mapping[str, Any], filename: str, metadata: Any = None) -> None:
        _save(checkpoint, self.path)

    def remove(self, filename: str) -> None:
        """Leave the file: ignite removes the old best before it writes the new, and might die in between."""


class BestCheckpoint(CheckpointSaver):
    """Keeps the network with the best key metric as ``model.pt``, a plain state dict. For an evaluator.

    It is MONAI's saver, with files that appear whole.

    Args:
        ckpt_dir: folder of the file.
        network: the network.
    """

    def __init__(self, ckpt_dir: str | Path, network: torch.nn.Module) -> None:
        Path(ckpt_dir).mkdir(parents=True, exist_ok=True)
        super().__init__(
            save_dir=str(ckpt_dir),
            save_dict={"network": network},
            save_key_metric=True,
            key_metric_filename="model.pt",
        )
        assert self._key_metric_checkpoint is not None
        self._key_metric_checkpoint.save_handler = _WholeFileSaver(Path(ckpt_dir) / "model.pt")

    def metrics_completed(self, engine: Engine) -> None:
        """Save if this epoch was the best; only the first process of a distributed training writes."""
        if engine.state.rank == 0:
            super().metrics_completed(engine)


class LastCheckpoint:
    """Keeps network, optimizer and epoch after every epoch as ``last.pt``. For a trainer.

    Args:
        ckpt_dir: folder of the file.
        network: the network.
        optimizer: the optimizer.
        others: more objects with a ``state_dict``, by name: a learning rate schedule, an average of the
            weights.
    """

    def __init__(
        self,
        ckpt_dir: str | Path,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        others: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(ckpt_dir) / "last.pt"
        self.objects: dict[str, Any] = {"network": network, **(others or {})}
        if optimizer is not None:
            self.objects["optimizer"] = optimizer

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)

    def epoch_completed(self, engine: Engine) -> None:
        """Write the file."""
        if engine.state.rank != 0:
            return
        states = {name: each.state_dict() for name, each in self.objects.items()}
        checkpoint = {**states, "epoch": engine.state.epoch, "iteration": engine.state.iteration}
        _save(checkpoint, self.path)
