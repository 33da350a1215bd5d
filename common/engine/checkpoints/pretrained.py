"""Begins a training with weights of another, whatever fits by name and shape, or of ImageNet."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from ...bundle_config import IMAGENET, check_pretrained_source
from ...files import write_whole
from ...networks import encoder_names, in_encoder
from ..order import Moment, call_at
from ..trained.weights import read_weights
from .resume import Resume

__all__ = ["Pretrained", "load_fitting", "load_imagenet"]

_log = logging.getLogger(__name__)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} ({shown}{', ...' if len(names) > 3 else ''})" if names else "0"


def load_imagenet(network: torch.nn.Module, source: str | Path = IMAGENET) -> int:
    """Load ImageNet's weights into a network's encoder, and log what stays as it was.

    Args:
        network: the network; those that can have a method `load_imagenet`.
        source: the official file, or "imagenet" to download it.

    Returns:
        How many tensors the encoder has.

    Raises:
        ConnectionError: if the file cannot be downloaded.
        ValueError: if the network takes no such weights, or not these.
    """
    if not callable(load := getattr(network, "load_imagenet", None)):
        raise ValueError(
            f"--pretrained {source}: {type(network).__name__} has no encoder that ImageNet's weights are for:"
            " name a file with weights of the same network_def, or leave out --pretrained"
        )
    try:
        load(None if source == IMAGENET else source)
    except ValueError as error:
        raise ValueError(f"--pretrained {source}: {error}") from error
    encoder = encoder_names(network)
    rest = [name for name in network.state_dict() if not in_encoder(name, encoder)]
    count = len(network.state_dict()) - len(rest)
    _log.info(
        "pretrained: the encoder's %d tensors from ImageNet (%s); left at their start: %s",
        *(count, "the official file" if source == IMAGENET else source, _some(rest)),
    )
    return count


def _is_for_encoder(network: torch.nn.Module, given: Iterable[str]) -> bool:
    """Return whether these are names of an encoder that stands alone, as in official files."""
    parts = getattr(network, "ENCODER", ())
    own = [name for name, _ in network.named_parameters()]
    alone = {name[len(part) + 1 :] for part in parts for name in own if in_encoder(name, (part,))}
    return hasattr(network, "load_imagenet") and not alone.isdisjoint(given)


def load_fitting(network: torch.nn.Module, path: str | Path) -> int:
    """Load the weights that fit by name and shape, and log how many do, are missing, or have no place.

    Where nothing fits by its full name: weights of a network that is a part of this one go into that part (a
    network with such parts has a method `from_part`), an official file of ImageNet into the encoder.

    Args:
        network: the network.
        path: a file of weights or a checkpoint, of this bundle or another, or an official file of ImageNet.

    Returns:
        How many tensors were loaded.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no weights, or no parameter fits.
    """
    given = read_weights(path)
    own = network.state_dict()
    learned = {name for name, _ in network.named_parameters()}
    if not learned & given.keys() and callable(from_part := getattr(network, "from_part", None)):
        given = from_part(given) or given
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    if not learned & fitting.keys():
        if _is_for_encoder(network, given):
            return load_imagenet(network, path)
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
    """Loads weights when a training starts, not when it is resumed. For a trainer.

    Args:
        network: the network.
        path: the file (see `load_fitting`), "imagenet" (see `load_imagenet`), or None to begin at random.
        resume: the training that is continued, if any.
        folder: of the training. Where a LICENSE lies beside the file, as beside released weights, it holds
            for what is made of them, and is copied there; None: it is not.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        path: str | Path | None = None,
        resume: Resume | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.network = network
        self.path = path
        self.resume = resume
        self.folder = folder
        self._licence: bytes | None = None

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        if self.path:
            call_at(Moment.LOAD, engine, Events.STARTED, self.started)
            call_at(Moment.RESTORE, engine, Events.STARTED, self.write_licence)

    def started(self, engine: Engine) -> None:
        """Load the weights."""
        if not self.path or (self.resume is not None and self.resume.found):
            return
        check_pretrained_source(self.path)
        load = load_imagenet if self.path == IMAGENET else load_fitting
        load(self.network, self.path)
        licence = Path(self.path).with_name("LICENSE")
        self._licence = licence.read_bytes() if licence.is_file() else None

    def write_licence(self, engine: Engine) -> None:
        """Write the licence that was found, once the folder has been readied."""
        if self.folder is not None and (licence := self._licence) is not None:
            write_whole(Path(self.folder) / "LICENSE", lambda part: part.write_bytes(licence))
