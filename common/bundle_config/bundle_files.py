"""A bundle found by its name, and its configuration read, whatever the working directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from ..messages import suggest
from .config_faults import read_json

__all__ = ["bundle_folder", "bundle_names", "bundle_overlays", "bundle_parser", "packed_root", "project_root"]

_AROUND = Path(__file__).resolve().parents[2]


def project_root() -> Path:
    """Return the folder that names of files in configurations begin at: the working directory if it fits."""
    here = Path.cwd()
    is_repository = packed_root() is None and (here / "common" / "configs").is_dir()
    return here if is_repository else _AROUND


def packed_root() -> Path | None:
    """Return the folder of the packed bundle that this code is in; None in the repository."""
    return _AROUND if (_AROUND / "configs" / "inference.json").is_file() else None


def bundle_names() -> list[str]:
    """Return the names of all bundles, sorted."""
    return sorted(file.parents[1].name for file in project_root().glob("bundles/*/configs/train.json"))


def bundle_folder(name: str | Path) -> Path:
    """Return the folder of a bundle.

    Args:
        name: its name, or its folder.

    Raises:
        FileNotFoundError: if there is no such bundle; the sentence names the nearest.
    """
    for folder in (project_root() / "bundles" / name, project_root() / name):
        if (folder / "configs" / "inference.json").is_file():
            return folder
    known = bundle_names()
    hint = suggest(str(name), known) if known else f"there are no bundles in {project_root()}"
    raise FileNotFoundError(f"there is no bundle {str(name)!r}: {hint}")


def bundle_overlays(folder: Path) -> dict[str, Path]:
    """Return the files that a bundle's training can be changed by, by their names without the suffix.

    Args:
        folder: the bundle's folder, as `bundle_folder` returns it.
    """
    configs = folder / "configs"
    files = [configs / "as_published.json", configs / "whole_cells.json"]
    files += sorted(configs.glob("ablations/*.json"))
    return {file.stem: file for file in files if file.is_file()}


def bundle_parser(
    folder: Path, name: str = "inference.json", *, overlays: Sequence[str] = ()
) -> ConfigParser:
    """Return the parser of a bundle's configuration, with macros resolved and nothing built.

    Args:
        folder: the bundle's folder, as `bundle_folder` returns it.
        name: the configuration.
        overlays: names of overlays that change it, one after the other, as `bundle_overlays` has them.
    """
    config = {key: _absolute(value) for key, value in read_json(folder / "configs" / name).items()}
    parser = ConfigParser(config)
    parser.resolve_macro_and_relative_ids()
    for overlay in overlays:  # after the macros, into which an overlay's keys may reach
        for key, value in read_json(bundle_overlays(folder)[overlay]).items():
            parser[key] = _absolute(value)
    parser.resolve_macro_and_relative_ids()
    return parser


def _absolute(value: Any) -> Any:
    # "%common/configs/train.json::network": MONAI opens the file from the working directory.
    if not isinstance(value, str) or not value.startswith("%"):
        return value
    file, inner = ConfigParser.split_path_id(value[1:])
    return f"%{project_root() / file}::{inner}" if file else value
