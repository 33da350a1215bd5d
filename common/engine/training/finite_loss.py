"""Stops a training whose loss is no number any more, and keeps the batch that did it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from ..checkpoints.file import save_checkpoint

__all__ = ["FiniteLoss", "NotFiniteError"]


class NotFiniteError(ValueError):
    """A loss that is infinite or not a number."""


class FiniteLoss:
    """Ends a training at the first loss that is not finite, before it spoils the weights. For a trainer.

    ``bad_batch.pt`` holds the image and targets of that step, the names of their files, epoch and iteration.

    Args:
        ckpt_dir: folder of ``bad_batch.pt``.
    """

    def __init__(self, ckpt_dir: str | Path) -> None:
        self.path = Path(ckpt_dir) / "bad_batch.pt"

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self.loss_completed)

    def loss_completed(self, engine: Engine) -> None:
        """Look at the loss.

        Raises:
            NotFiniteError: naming the place, the batch's file and what may help.
        """
        output, state = engine.state.output, engine.state
        loss = output["loss"].detach()
        if bool(torch.isfinite(loss).all()):
            return
        files = _file_names(output["image"])
        save_checkpoint(
            {
                **{key: _plain_tensor(output[key]) for key in ("image", "label", "pred")},
                "files": files,
                "epoch": state.epoch,
                "iteration": state.iteration,
            },
            self.path,
        )
        raise NotFiniteError(
            f"the loss is {float(loss)} in epoch {state.epoch}, iteration {state.iteration}: the batch"
            f" ({', '.join(dict.fromkeys(files)) or 'files unknown'}) is kept in {self.path};"
            " look at its images, or lower --learning_rate"
        )


def _plain_tensor(value: Any) -> torch.Tensor:
    value = value.as_tensor() if hasattr(value, "as_tensor") else value
    return value.detach().cpu().contiguous()


def _file_names(image: Any) -> list[str]:
    names = getattr(image, "meta", {}).get("filename_or_obj", [])
    return [names] if isinstance(names, str) else [str(name) for name in names]
