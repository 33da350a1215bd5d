"""Public data sets and exports: one reader a file, found by its file name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ..messages import suggest
from ._dataset_image import DatasetImage

__all__ = ["DatasetImage", "dataset_readers", "describe", "read_dataset"]


def dataset_readers() -> list[str]:
    """Return the names that `read_dataset` knows: the modules of this folder.

    Example:
        >>> "bbbc038" in dataset_readers()
        True
    """
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def describe(name: str) -> str:
    """Return the first line of what a reader says of itself.

    Args:
        name: one of `dataset_readers`.
    """
    return (import_module(f".{_known(name)}", __name__).__doc__ or "").strip().splitlines()[0]


def read_dataset(name: str, source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Read a data set as it is published.

    Args:
        name: one of `dataset_readers`.
        source: its folder or archive.
        only: a part of it, where its reader offers parts.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if there is no such reader, or the source does not look as expected.
    """
    images: Iterator[DatasetImage] = import_module(f".{_known(name)}", __name__).read(source, only=only)
    return images


def _known(name: str) -> str:
    names = dataset_readers()
    if name not in names:
        raise ValueError(f"there is no reader for the data set {name!r}: {suggest(name, names)}")
    return name
