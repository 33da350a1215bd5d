"""Begins a training with weights of another: whatever fits by name and shape."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from .resume import Resume
from .weights import read_weights

__all__ = ["Pretrained", "load_fitting"]

_log = logging.getLogger(__name__)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} ({shown}{', ...' if len(names) > 3 else ''})" if names else "0"


def load_fitting(network: torch.nn.Module, path: str | Path) -> int:
    """Load the weights that fit by name and shape, and log how many do, are missing, or have no place.

    Args:
        network: the network.
        path: a file of weights or a checkpoint, of this bundle or another.

    Returns:
        How many tensors were loaded.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no weights, or no parameter fits.
    """
    given = read_weights(path)
    own = network.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    learned = {name for name, _ in network.named_parameters()}
    if not learned & fitting.keys():
        raise ValueError(
            f"nothing in --pretrained {path} fits the network: its first weights are"
            f" {', '.join(list(given)[:3])}, the network's {', '.join(list(own)[:3])};"
            " name weights of the same network_def"
        )
    network.load_state_dict({**own, **fitting})
    missing = [name for name in own if name not in fitting]
    extra = [name for name in given if name not in fitting]
    _log.info(
        "pretrained: %d of %d tensors from %s; left at their start: %s; not used: %s",
        *(len(fitting), len(own), path, _some(missing), _some(extra)),
    )
    return len(fitting)


class Pretrained:
    """Loads weights that fit when a training starts, not when it is resumed. For a trainer.

    Args:
        network: the network.
        path: the file, or None to begin at random.
        resume: the training that is continued, if any.
    """

    def __init__(
        self, network: torch.nn.Module, *, path: str | Path | None = None, resume: Resume | None = None
    ) -> None:
        self.network = network
        self.path = path
        self.resume = resume

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        if self.path:
            engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        """Load the weights."""
        if self.path and not (self.resume is not None and self.resume.found):
            load_fitting(self.network, self.path)
