"""`model.pt`: the best weights of a training by its validation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.handlers import CheckpointSaver

from .file import save_checkpoint

__all__ = ["BestCheckpoint"]


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

    def continue_from(self, best_metric: float) -> None:
        """Let only what is better than an earlier training's best replace its file.

        Args:
            best_metric: the best key metric so far.
        """
        self.load_state_dict({"_saved": [(best_metric, self.path.name)]})
