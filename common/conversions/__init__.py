"""Public data sets and exports: one reader a file, found by its file name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from ..files import download
from ..messages import suggest
from . import fluorescence, histology, own_annotations
from .formats.dataset_image import DatasetImage
from .formats.source import RemoteFile

__all__ = [
    "DatasetImage",
    "RemoteFile",
    "dataset_readers",
    "describe",
    "fetch_dataset",
    "licence_of",
    "read_dataset",
]


def dataset_readers() -> list[str]:
    """Return the names that `read_dataset` knows: the modules of three folders, by what their images are.

    Example:
        >>> "bbbc038" in dataset_readers()
        True
    """
    return sorted(_readers())


def _readers() -> dict[str, str]:
    """Return where the module of each reader is, by its name."""
    return {
        module.name: f"{folder.__name__}.{module.name}"
        for folder in (fluorescence, histology, own_annotations)
        for module in pkgutil.iter_modules(folder.__path__)
    }


def describe(name: str) -> str:
    """Return the first line of what a reader says of itself.

    Args:
        name: one of `dataset_readers`.
    """
    return (_module(name).__doc__ or "").strip().splitlines()[0]


def licence_of(name: str) -> str:
    """Return the licence that a data set is published under; empty where it is your own.

    Args:
        name: one of `dataset_readers`.

    Example:
        >>> licence_of("bbbc038")
        'CC0'
    """
    return str(getattr(_module(name), "LICENCE", ""))


def fetch_dataset(name: str, folder: str | Path) -> list[tuple[RemoteFile, Path]]:
    """Download the files of a data set that its source hands out to anyone; those that are there stay.

    Args:
        name: one of `dataset_readers`.
        folder: where the files go; it is made where it is missing.

    Returns:
        The files and where they lie.

    Raises:
        ValueError: if there is no such reader, the source wants a person, or a file is not the published one;
            the sentence tells what to fetch by hand.
        OSError: if a file cannot be fetched or written; what has arrived is kept (see `files.download`).
    """
    module = _module(name)
    files: tuple[RemoteFile, ...] = getattr(module, "FILES", ())
    if not files:
        raise ValueError(f"{name} cannot be downloaded by a command: {module.BY_HAND}")
    return [(file, download(file.url, Path(folder) / file.name, checksum=file.checksum)) for file in files]


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
    images: Iterator[DatasetImage] = _module(name).read(source, only=only)
    return images


def _module(name: str) -> Any:
    return import_module(_readers()[_known(name)])


def _known(name: str) -> str:
    names = dataset_readers()
    if name not in names:
        raise ValueError(f"there is no reader for the data set {name!r}: {suggest(name, names)}")
    return name
