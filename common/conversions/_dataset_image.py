"""One annotated image on its way into a prepared data set, and the painting of its nuclei."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from skimage.segmentation import relabel_sequential

from ..geometry import largest_pieces


@dataclass(frozen=True)
class DatasetImage:
    """What a reader of a public data set yields for each image.

    Attributes:
        stem: name of the image without suffix, unique in the set.
        image: the pixels, or the path of a file to copy as it is.
        label_map: 0 = background, i = nucleus i.
        extras: what else goes into the image's entry of `dataset.json`, such as "channels".
        classes: class of each nucleus that has one.
        split: "training" or "test" where the set is published in two lists, else empty.

    Shapes:
        image: (C, H, W).
        label_map: (H, W), uint16, or uint32 above 65,535 nuclei.
    """

    stem: str
    image: np.ndarray | Path
    label_map: np.ndarray
    extras: dict[str, Any] = field(default_factory=dict)
    classes: dict[int, str] = field(default_factory=dict)
    split: str = ""


def paint_nuclei(
    nuclei: Sequence[np.ndarray], shape: tuple[int, int], *, connected: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Paint nuclei into one label map, the bigger first, so that a small one on top of a big one survives.

    Args:
        nuclei: flat pixel indices (row * width + column) of each nucleus.
        shape: height and width.
        connected: keep only the largest part (corners count as contact) of each nucleus.

    Returns:
        The label map, numbered 1 to N in the order given, and for each label the position of its nucleus in
        the list: one without pixels, or wholly covered by smaller ones, is gone.

    Shapes:
        returns: (H, W), uint16, or uint32 above 65,535 nuclei.

    Example:
        >>> paint_nuclei([np.array([0]), np.array([0, 1, 2])], (1, 4))[0].tolist()
        [[1, 2, 2, 0]]
    """
    painted = np.zeros(shape[0] * shape[1], np.uint32)
    for position in sorted(range(len(nuclei)), key=lambda position: -nuclei[position].size):
        painted[nuclei[position]] = position + 1
    label_map = painted.reshape(shape)
    if connected:
        numbered, kept = largest_pieces(label_map, connectivity=2)
    else:
        numbered, _, label_of = relabel_sequential(label_map)
        kept = np.asarray(label_of)[1:]  # the first is the background's
    few = len(kept) <= np.iinfo(np.uint16).max
    return numbered.astype(np.uint16 if few else np.uint32), [int(label) - 1 for label in kept]


@contextmanager
def opened_source(source: str | Path) -> Iterator[Path]:
    """Give the folder of a source: itself, or an archive unpacked for the time being.

    Args:
        source: a folder, or a .zip or .tar(.gz, .bz2, .xz) archive.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if it is a file but no archive.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{source} does not exist: give --source a folder or an archive (.zip, .tar.gz)"
        )
    if path.is_dir():
        yield path
        return
    folder = Path(tempfile.mkdtemp(prefix="nuclei-"))
    try:
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    packed.extractall(folder)
            elif tarfile.is_tarfile(path):
                with tarfile.open(path) as tarred:
                    tarred.extractall(folder, filter="data")  # nothing outside the folder
            else:
                raise ValueError(
                    f"{source} is neither a folder nor a whole archive (.zip, .tar.gz): download it again"
                )
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(f"{source} cannot be unpacked ({error}): download it again") from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
