"""CPDMI 2023: multiplex fluorescence of three platforms, crops of 5 to 32 channels, nuclei and whole cells.

Layout: below the folders `Vectra`, `Zeiss` and `CODEX` one folder a crop, with files whose names end in
`-Crop_Dapi_Mask_Png.png` (nuclei), `-Crop_Cell_Mask_Png.png` (whole cells) and `-Crop_Tif.tif` or
`-Crop_Cell_Tif.tif` (all channels), and `Annotation Panel Table.xlsx`, which tells organ and diagnosis.
Either mask may be missing. The nuclei become the labels, and the whole cells lie beside them; crops without a
mask of nuclei, which are all of Zeiss, are left out, and the log counts them.

Masks are black and one other value: every piece is a nucleus, corners counting as contact, as the programs
number them that read this set. Nuclei that touch in a mask therefore stay one; masks of several values are
refused. A mask may cover a part of its picture, whose left upper corner ends the folder's name, as in
`P03-10005[46905,11217]800,600`: the picture is cut to it. What stands before the brackets becomes the slide.

Vectra files name their channels and tell a resolution. CODEX files hold cycles of four channels each, without
names, of which the first is DAPI; pixels are 0.377 um wide. No list of test images is published: take
`--test_platform`. The archive itself was not at hand when this was written, nor the ImageJ outlines in it,
which are not read; programs that read it, and agree on its folders, names, masks and axes, were.

References:
    Aleynick et al., "Cross-platform dataset of multiplex fluorescent cellular object image annotations",
    Scientific Data 10:193, 2023. Data: https://www.synapse.org/Synapse:syn27624812, CC BY 4.0.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...messages import suggest
from ...readers import read_image
from ...readers.images_in_folder import natural_key
from ..formats.dataset_image import DatasetImage, colour_components
from ..formats.hyperstack import Hyperstack, read_hyperstack
from ..formats.source import opened_source
from ..formats.xlsx_table import xlsx_rows

LICENCE = "CC BY 4.0"
BY_HAND = (
    "open https://www.synapse.org/Synapse:syn27624812 in a browser, which wants a login, download the "
    "folders Vectra, Zeiss and CODEX and the table, and give --source the folder with them"
)
PLATFORMS = ("Vectra", "Zeiss", "CODEX")
TABLE = "Annotation Panel Table.xlsx"
NUCLEI, CELLS = "Crop_Dapi_Mask_Png", "Crop_Cell_Mask_Png"
PICTURES = ("Crop_Cell_Tif", "Crop_Tif")
PIXEL_SIZES_UM = {"CODEX": 0.377}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Crop:
    folder: Path
    platform: str
    nuclei: Path | None
    cells: Path | None
    pictures: list[Path]


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every crop that has a mask of nuclei, with its whole cells where there are any.

    Args:
        source: the folder with `Vectra`, `Zeiss` and `CODEX`, one of these, or an archive.
        only: a platform, or an organ of the table, in any letter case; all if not given.

    Raises:
        FileNotFoundError: if the source, or the picture of a mask, is not there.
        ValueError: if no crop has a mask of nuclei, there is no such platform or organ, a mask is none, or
            fits no place in its picture.
    """
    with opened_source(source) as folder:
        crops = _crops(folder)
        if not crops:
            raise ValueError(
                f"{source} holds no masks named *-{NUCLEI}.png in folders Vectra, Zeiss or CODEX: give "
                f"--source the folder or archive of CPDMI 2023"
            )
        tables = sorted(folder.rglob(TABLE))
        told = _told(tables[0]) if tables else {}
        known = {crop.folder: _known(crop, told) for crop in crops}
        chosen = [crop for crop in crops if _is_part(known[crop.folder], only)]
        if not chosen:
            parts = sorted({known[c.folder][key] for c in crops for key in ("platform", "tissue")} - {""})
            raise ValueError(f"cpdmi has no part {only!r}: {suggest(str(only), parts)}")
        usable = [crop for crop in chosen if crop.nuclei]
        if not usable:
            raise ValueError(
                f"none of the {len(chosen)} crops{f' of {only}' if only else ''} in {source} has a mask of "
                f"nuclei (*-{NUCLEI}.png), the first is {chosen[0].folder}: nuclei are what is taught, and "
                f"whole cells alone are not read, so give --source folders with such masks too"
            )
        if left := len(chosen) - len(usable):
            logger.warning("%d of %d crops have no mask of nuclei, and are left out", left, len(chosen))
        for crop in usable:
            yield _read_one(crop, known[crop.folder])


def _crops(folder: Path) -> list[_Crop]:
    """Find the crops: folders with a mask, below one of a platform's name."""
    by_folder: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*"), key=natural_key):
        if path.is_file() and not path.name.startswith("._") and "__MACOSX" not in path.parts:
            by_folder.setdefault(path.parent, []).append(path)
    crops = []
    for place, files in by_folder.items():
        nuclei, cells = (_mask_in(place, files, kind) for kind in (NUCLEI, CELLS))
        if nuclei or cells:
            pictures = [
                path
                for kind in PICTURES
                for path in files
                if kind in path.name and path.suffix.lower() in (".tif", ".tiff")
            ]
            crops.append(_Crop(place, _platform(place), nuclei, cells, pictures))
    return crops


def _mask_in(folder: Path, files: list[Path], kind: str) -> Path | None:
    masks = [path for path in files if kind in path.name and path.suffix.lower() == ".png"]
    if len(masks) > 1:
        raise ValueError(
            f"{folder} has {len(masks)} masks {kind}, {masks[0].name} and {masks[1].name}: keep one crop a "
            f"folder, as they are published"
        )
    return masks[0] if masks else None


def _platform(folder: Path) -> str:
    names = {name.casefold(): name for name in PLATFORMS}
    for part in reversed(folder.parts):
        if part.casefold() in names:
            return names[part.casefold()]
    raise ValueError(
        f"{folder} lies in no folder Vectra, Zeiss or CODEX, which tell the platform: keep the folders as "
        f"they are published"
    )


def _told(table: Path) -> dict[str, dict[str, str]]:
    """Return what the table says of each crop, by its name without signs, in which folders differ."""
    rows = [{key.rstrip(": ").lower(): text for key, text in row.items()} for row in xlsx_rows(table)]
    return {_plain(row["annotation"]): row for row in rows if "annotation" in row}


def _plain(name: str) -> str:
    """Return a name with a single low line for signs and spaces.

    Example:
        >>> _plain("P03-10005[46905,11217]800,600") == _plain("P03-10005(46905.11217)800,600")
        True
    """
    return re.sub(r"[^0-9A-Za-z-]+", "_", name).strip("_")


def _known(crop: _Crop, told: dict[str, dict[str, str]]) -> dict[str, str]:
    row = told.get(_plain(crop.folder.name), {})
    slide = re.match(r"(.+?)\s*[\[(]", crop.folder.name)
    return {
        "platform": crop.platform,
        "tissue": row.get("organ", ""),
        "diagnosis": row.get("tissue type", ""),
        "slide": slide[1] if slide else "",
    }


def _is_part(known: dict[str, str], only: str | None) -> bool:
    return only is None or str(only).casefold() in (
        known["platform"].casefold(),
        known["tissue"].casefold() or None,
    )


def _read_one(crop: _Crop, known: dict[str, str]) -> DatasetImage:
    assert crop.nuclei is not None
    label_map = _instances(crop.nuclei)
    cell_map = _instances(crop.cells) if crop.cells else None
    if cell_map is not None and cell_map.shape != label_map.shape:
        raise ValueError(
            f"{crop.cells} is {_size(cell_map)} px, and the mask of nuclei beside it {_size(label_map)}: "
            f"remove the one that is not of this crop"
        )
    stack = _cut(_picture(crop, label_map.shape), label_map, crop)
    extras: dict[str, Any] = {key: value for key, value in known.items() if value}
    if names := _channels(stack, crop.platform):
        extras["channels"] = names
    if size := PIXEL_SIZES_UM.get(crop.platform) or stack.pixel_size_um:
        extras["pixel_size_um"] = size
    stem = f"{crop.platform}_{_plain(crop.folder.name)}"
    return DatasetImage(stem, stack.pixels, label_map, extras, cell_map=cell_map)


def _instances(mask: Path) -> np.ndarray:
    """Number the pieces of a black and white mask."""
    pixels = read_image(mask).pixels
    values = np.unique(pixels)
    if len(values) > 2 or values[0] != 0:
        raise ValueError(
            f"{mask} has {len(values)} values, {values[0]} to {values[-1]}, and a published mask is black "
            f"and one other: download it again"
        )
    return colour_components(pixels)


def _picture(crop: _Crop, shape: tuple[int, ...]) -> Hyperstack:
    """Read the picture of a crop; where there are several, the first that is as large as the mask."""
    if not crop.pictures:
        raise FileNotFoundError(
            f"{crop.folder} has masks but no picture (*-{' or *-'.join(PICTURES)}.tif): unpack or download "
            f"it again"
        )
    first, *others = crop.pictures
    stack = read_hyperstack(first)
    if stack.pixels.shape[1:] == shape:
        return stack
    more = (read_hyperstack(path) for path in others)
    return next((each for each in more if each.pixels.shape[1:] == shape), stack)


def _cut(stack: Hyperstack, label_map: np.ndarray, crop: _Crop) -> Hyperstack:
    """Cut a picture to its mask, which begins where the folder's name says."""
    height, width = label_map.shape
    if stack.pixels.shape[1:] == (height, width):
        return stack
    corner = re.search(r"[\])]\s*(\d+),(\d+)$", crop.folder.name)
    if corner is not None:
        column, row = int(corner[1]), int(corner[2])
        part = stack.pixels[:, row : row + height, column : column + width]
        if part.shape[1:] == (height, width):
            return Hyperstack(part, stack.leading, stack.channel_names, stack.pixel_size_um)
    where = "which does not fit there" if corner else "and the folder's name tells no place"
    raise ValueError(
        f"{crop.nuclei} is {_size(label_map)} px, its picture {_size(stack.pixels[0])}, {where}: download "
        f"both again"
    )


def _channels(stack: Hyperstack, platform: str) -> list[str]:
    if platform == "CODEX" and len(stack.leading) == 2:
        cycles, channels = stack.leading
        return [
            f"DAPI {cycle}" if channel == 1 else f"cycle {cycle} channel {channel}"
            for cycle in range(1, cycles + 1)
            for channel in range(1, channels + 1)
        ]
    return list(stack.channel_names)


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
