"""Files of a training: its folder, its best weights; always whole, never on top of an earlier training."""

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
from .resume import Resume

__all__ = ["BestCheckpoint", "CheckpointFolder", "config_text", "save_checkpoint", "set_aside"]

_log = logging.getLogger(__name__)
_FILES = ("model.pt", "last.pt", "train.json", "bad_batch.pt")


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
        resume: the training that is continued, whose files stay in place; None continues nothing.
        config: the configuration; by default the one that MONAI is executing.
        measured: what was measured for the training, by the name of the setting that it is saved as.
    """

    def __init__(
        self,
        ckpt_dir: str | Path,
        *,
        resume: Resume | None = None,
        config: Mapping[str, Any] | None = None,
        measured: Mapping[str, Any] | None = None,
    ) -> None:
        self.ckpt_dir = Path(ckpt_dir)
        self.resume = resume
        self.config = running_config() if config is None else config
        if self.config is not None and measured:
            self.config = {**self.config, **measured}

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
        for part in self.ckpt_dir.glob(".*.part.pt"):
            part.unlink(missing_ok=True)  # of a training that was killed while it wrote
        if self.resume is None or not self.resume.found:
            set_aside(self.ckpt_dir)
        if self.config is not None:
            text = config_text(self.config)
            write_whole(self.ckpt_dir / "train.json", lambda part: part.write_text(text, encoding="utf-8"))


def save_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint that is on the disk, whole, when this returns.

    Args:
        checkpoint: what `torch.save` takes.
        path: the file, replaced in one step.
    """

    def write(part: Path) -> None:
        with open(part, "wb") as file:
            torch.save(checkpoint, file)
            # On the disk before it takes the old one's place: hours of training must survive a power cut.
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)
    if os.name == "posix":
        # The name, too, is on the disk only when its folder is; Windows cannot open folders.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class _WholeFileSaver:
    """What ignite's ``Checkpoint`` saves with: one file name, replaced in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, checkpoint: Mapping[str, Any], filename: str, metadata: Any = None) -> None:
        save_checkpoint(checkpoint, self.path)

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
        self.path = Path(ckpt_dir) / "model.pt"
        self._key_metric_checkpoint.save_handler = _WholeFileSaver(self.path)

    def metrics_completed(self, engine: Engine) -> None:
        """Save if this epoch was the best; only the first process of a distributed training writes."""
        if engine.state.rank == 0:
            super().metrics_completed(engine)

    def continue_from(self, best_metric: float) -> None:
        """Let only what is better than an earlier training's best replace its file.

        Args:
            best_metric: the best key metric so far.
        """
        self.load_state_dict({"_saved": [(best_metric, self.path.name)]})
