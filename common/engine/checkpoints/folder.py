"""The folder of a training: readied at its start, never on top of an earlier training."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ...bundle_config import running_config
from ...files import move_file, write_whole
from ..order import Moment, call_at
from ..trained.training_cost import COST_FILE
from .resume import Resume

__all__ = ["CheckpointFolder", "config_text", "set_aside"]

_log = logging.getLogger(__name__)
# All that a training writes here; those of a first stage lie in folders of their own, each readied by itself.
# last.pt goes first: where it is, nothing has been moved yet, and --resume finds the training whole.
_FILES = ("last.pt", "model.pt", "train.json", "tuned.json", "LICENSE", "bad_batch.pt", COST_FILE)
_MOVING = ".moving"


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
    # First into one folder, then that to its name: a start that is killed in between is finished by the next,
    # so that what belongs together stays together.
    moving = ckpt_dir / _MOVING
    found = [file for name in _FILES if (file := ckpt_dir / name).is_file()]
    if found:
        moving.mkdir(exist_ok=True)
    for file in found:
        move_file(file, moving / file.name)
    if not moving.is_dir():
        return None
    newest = max((file.stat().st_mtime for file in moving.iterdir()), default=time.time())
    name = time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(newest))
    folder, number = ckpt_dir / name, 1
    while folder.exists():
        number += 1
        folder = ckpt_dir / f"{name}_{number}"
    moving.rename(folder)
    _log.info(
        "the earlier training in %s was moved to %s; what was made with it (evaluation, label maps) stays",
        *(ckpt_dir, folder),
    )
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
        call_at(Moment.READY, engine, Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        """Set an earlier training aside and write ``train.json``."""
        self.ckpt_dir.mkdir(parents=True, exist_ok=True)
        for part in self.ckpt_dir.glob(".*.part.*"):
            part.unlink(missing_ok=True)  # of a training that was killed while it wrote
        if self.resume is None or not self.resume.found:
            set_aside(self.ckpt_dir)
        if self.config is not None:
            text = config_text(self.config)
            write_whole(self.ckpt_dir / "train.json", lambda part: part.write_text(text, encoding="utf-8"))
