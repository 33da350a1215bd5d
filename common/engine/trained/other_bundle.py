"""Weights that belong to another bundle than the one that shall run them: which one it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from ...bundle_config import read_json, running_command
from .settings import trained_settings

__all__ = ["fitting_bundle", "refuse_other_bundle"]

_BUNDLES = Path("bundles")


def refuse_other_bundle(weights: str | Path, bundle_root: str | Path | None) -> None:
    """Refuse weights whose training was one of another bundle, by the ``train.json`` beside them.

    Their settings would turn this bundle into that one, network and decoder and all, under the wrong name.
    The networks of a cascade's first stage are those of the bundle that trained them.

    Args:
        weights: the file of weights; without ``train.json`` beside it there is nothing to tell.
        bundle_root: folder of the bundle that shall run them, or its name; None knows no bundle.

    Raises:
        ValueError: naming the bundle of the weights, and its configuration where that is here.
    """
    trained = trained_settings(weights)
    theirs = _names(trained)
    if bundle_root is None or not theirs:
        return
    root = Path(bundle_root)
    file = root / "configs" / "train.json"
    own = _names({"bundle_root": str(root.resolve()), "bundle_name": _name_in(file)})
    if theirs & own:
        return
    name = _folder(trained.get("bundle_root")) or str(trained["bundle_name"])
    asked = _folder(str(root.resolve()))
    raise ValueError(f"{weights}: these are weights of {name}, not of {asked}: {_mend(trained, name)}")


def fitting_bundle(state: Mapping[str, torch.Tensor], bundles: str | Path = _BUNDLES) -> str | None:
    """Return the bundle whose network has the weights' names, the one with their shapes if there are several.

    The networks are built, which takes seconds: for weights that did not fit.

    Args:
        state: weights by name.
        bundles: folder of the bundles; where there is none, nothing fits.

    Returns:
        The name of the bundle's folder, or None.
    """
    found: list[tuple[int, str]] = []
    for file in sorted(Path(bundles).glob("*/configs/train.json")):
        own = _network_state(file)
        if own.keys() == state.keys():
            others = sum(state[key].shape != value.shape for key, value in own.items())
            found.append((others, file.parents[1].name))
    return min(found)[1] if found else None


def _network_state(file: Path) -> Mapping[str, torch.Tensor]:
    parser = ConfigParser()
    try:
        parser.read_config(str(file))
        network: torch.nn.Module = parser.get_parsed_content("network_def")
        return network.state_dict()
    except Exception:  # somebody's unfinished bundle is no answer to what the weights are
        return {}


def _names(settings: Mapping[str, Any]) -> set[str]:
    """Return what a bundle goes by: its folder, which may be renamed, and its name, which is an option."""
    return {_folder(settings.get("bundle_root")), str(settings.get("bundle_name") or "")} - {""}


def _folder(root: Any) -> str:
    # Windows' paths are read anywhere; a packed bundle, at home in ".", has no folder to be known by.
    return str(root or "").replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].strip(".")


def _name_in(file: Path) -> str | None:
    return str(read_json(file).get("bundle_name") or "") if file.is_file() else None


def _mend(trained: Mapping[str, Any], name: str) -> str:
    command = running_command() or {"config_files": []}
    asked = Path(command["config_files"][0]).name if command["config_files"] else "inference.json"
    for root in (Path(str(trained.get("bundle_root") or ".")), _BUNDLES / name):
        if root != Path(".") and (file := root / "configs" / asked).is_file():
            return f"use --config_file {file.as_posix()}, or name other --weights"
    return f"use the configuration of {name}, or name other --weights"
