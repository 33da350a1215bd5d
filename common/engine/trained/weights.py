"""Which weights to use, and loading them with an error that says what does not fit."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .other_bundle import fitting_bundle

__all__ = ["choose_weights", "find_weights", "load_weights", "read_weights"]

_log = logging.getLogger(__name__)


def choose_weights(
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    bundle_root: str | Path | None = None,
) -> tuple[Path, str]:
    """Choose the file of weights: the named one, else one's own training, else released ones.

    Args:
        weights: a file named by the user.
        ckpt_dir: folder of one's own training; its best (``model.pt``) comes before its last (``last.pt``).
        bundle_root: folder of the bundle, whose released weights are ``models/model.pt``.

    Returns:
        The file, and what it is.

    Raises:
        FileNotFoundError: saying how to train or to name a file.
    """
    if weights:
        if not Path(weights).is_file():
            raise FileNotFoundError(f"there is no file of weights {weights}: give --weights an existing file")
        return Path(weights), "named"
    candidates = []
    if ckpt_dir:
        candidates += [
            (Path(ckpt_dir) / "model.pt", "the best of your training"),
            (Path(ckpt_dir) / "last.pt", "the last of your training, which has no best one yet"),
        ]
    if bundle_root:
        candidates.append((Path(bundle_root) / "models" / "model.pt", "released with the bundle"))
    for file, what in candidates:
        if file.is_file():
            return file, what
    looked = " or ".join(dict.fromkeys(str(file.parent) for file, _ in candidates)) or "nowhere"
    raise FileNotFoundError(f"there are no weights in {looked}: train first, or name a file with --weights")


def find_weights(
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    bundle_root: str | Path | None = None,
) -> Path:
    """Choose the file of weights, see `choose_weights`, and log which.

    Args:
        weights: see `choose_weights`.
        ckpt_dir: see `choose_weights`.
        bundle_root: see `choose_weights`.
    """
    file, what = choose_weights(weights, ckpt_dir, bundle_root)
    _log.info("weights: %s (%s)", file, what)
    return file


def _state_dict(content: Any, path: Path) -> Mapping[str, torch.Tensor]:
    for key in ("network", "model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ValueError(
            f"{path} holds no weights: give a state dict, or a checkpoint with one under 'network'"
        )
    # DataParallel writes its own name in front of every key.
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _first(keys: list[str]) -> str:
    return repr(keys[0]) + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")


def _mend(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> str:
    # Of the same names it is the same network, in other sizes.
    other = None if own.keys() == state.keys() else fitting_bundle(state)
    if other is not None:
        return f"these are weights of {other}: use its config"
    return "use the settings it was trained with, saved beside it in train.json"


def read_weights(path: str | Path) -> Mapping[str, torch.Tensor]:
    """Read a file's weights by name.

    Args:
        path: a file with a plain state dict, or with one under "network" or "model".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of weights {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as weights (damaged, or not written by torch.save): name another file"
        ) from error
    return _state_dict(content, path)


def load_weights(network: torch.nn.Module, path: str | Path) -> None:
    """Load weights into a network; nothing is loaded unless everything fits.

    Args:
        network: the network.
        path: a file with a plain state dict, or with one under "network" or "model".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no weights, or names and shapes differ from the network's.
    """
    state = read_weights(path)
    own = network.state_dict()
    faults = []
    if missing := [key for key in own if key not in state]:
        faults.append(f"{_first(missing)} missing")
    if unexpected := [key for key in state if key not in own]:
        faults.append(f"{_first(unexpected)} unexpected")
    for key in own:
        if key in state and state[key].shape != own[key].shape:
            faults.append(
                f"{key!r} has shape {tuple(state[key].shape)} where {tuple(own[key].shape)} is needed"
            )
            break
    if faults:
        raise ValueError(f"{path} does not fit the network ({'; '.join(faults)}): {_mend(own, state)}")
    network.load_state_dict(dict(state))
