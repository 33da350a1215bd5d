"""A label map -> the file that a client asked for: TIFF, PNG, NIfTI, NRRD, or GeoJSON of nuclei or cells."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from jaxtyping import Integer
from PIL import Image

from ..export import cell_features, cell_table, nuclei_features, nuclei_table, write_geojson, write_label_map
from ..files import write_whole
from .section import Section

__all__ = ["RESULT_SUFFIXES", "result_suffix", "write_result"]

RESULT_SUFFIXES = (".tif", ".tiff", ".png", ".nii", ".nii.gz", ".nrrd", ".geojson", ".geojson.gz")
_MOST_IN_PNG = np.iinfo(np.uint16).max


def result_suffix(source: str | Path, wanted: str | None = None) -> str:
    """Return a result's suffix: the wanted one, else the image's where it can hold a label map, else .tif.

    Args:
        source: the image.
        wanted: what a client asked for, with or without the dot.

    Raises:
        ValueError: the wanted one is not written here.

    Example:
        >>> result_suffix("a.nii.gz"), result_suffix("a.jpg"), result_suffix("a.ome.tif")
        ('.nii.gz', '.tif', '.tif')
        >>> result_suffix("a.tif", "nrrd")
        '.nrrd'
    """
    if wanted:
        suffix = f".{wanted.lower().lstrip('.')}"
        if suffix not in RESULT_SUFFIXES:
            raise ValueError(
                f"result_extension {wanted} is not written: ask for {', '.join(RESULT_SUFFIXES)}"
            )
        return suffix
    return _ending(source, RESULT_SUFFIXES) or ".tif"


def write_result(
    path: Path,
    label_map: Integer[np.ndarray, "h w"],
    section: Section,
    *,
    source: str | Path = "",
    cells: Integer[np.ndarray, "h w"] | None = None,
) -> Path:
    """Write a label map as its suffix says, whole or not at all.

    Args:
        path: the file, with one of `RESULT_SUFFIXES`.
        label_map: 0 = background, i = nucleus i.
        section: what was segmented.
        source: its file; a NIfTI's place in space is that of its image.
        cells: i = the cell of nucleus i, which GeoJSON then has around it; other formats hold nuclei alone.

    Raises:
        ValueError: the format cannot hold so many nuclei.
    """
    writers: dict[str, Callable[[Path], Any]] = {
        ".png": lambda part: _write_png(part, label_map),
        ".nii": lambda part: _write_nifti(part, label_map, section, source),
        ".nii.gz": lambda part: _write_nifti(part, label_map, section, source),
        ".nrrd": lambda part: _write_nrrd(part, label_map, section),
    }
    suffix = _ending(path, RESULT_SUFFIXES)
    if suffix in writers:
        return write_whole(path, writers[suffix])
    if suffix in (".tif", ".tiff"):
        return write_label_map(path, label_map, pixel_size_um=section.pixel_size_um)
    told: dict[str, Any] = {"channel_names": section.channel_names, "pixel_size_um": section.pixel_size_um}
    table, name = nuclei_table(label_map, section.pixels, **told), Path(source).name
    if cells is None:
        return write_geojson(path, nuclei_features(label_map, table, name=name))
    measured = cell_table(cells, section.pixels, **told)
    return write_geojson(path, cell_features(label_map, cells, table, measured, name=name))


def _ending(path: str | Path, suffixes: Iterable[str]) -> str:
    """Return the longest of the suffixes that a file has; none is empty."""
    name = Path(path).name.lower()
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")


def _write_png(part: Path, label_map: np.ndarray) -> None:
    if label_map.max(initial=0) > _MOST_IN_PNG:
        raise ValueError(
            f"{label_map.max()} nuclei are more than a PNG can number ({_MOST_IN_PNG}): ask for"
            " result_extension .tif"
        )
    Image.fromarray(label_map.astype(np.uint16)).save(part, format="PNG")


def _write_nifti(part: Path, label_map: np.ndarray, section: Section, source: str | Path) -> None:
    # As the readers have it: the first axis of the file is x.
    if str(source).lower().endswith((".nii", ".nii.gz")):
        affine = nibabel.load(source).affine
    else:
        # Programs that read pictures count x to the left and y to the back of a patient, NIfTI the other way.
        edge = section.pixel_size_um / 1000 if section.pixel_size_um else 1.0
        affine = np.diag([-edge, -edge, 1.0, 1.0])
    file = nibabel.Nifti1Image(np.ascontiguousarray(label_map.T[..., None]).astype(np.int32), affine)
    content = file.to_bytes()
    # Without the time in it the same nuclei are the same bytes.
    part.write_bytes(gzip.compress(content, mtime=0) if part.suffix == ".gz" else content)


def _write_nrrd(part: Path, label_map: np.ndarray, section: Section) -> None:
    try:
        import nrrd  # comes with MONAI Label, for 3D Slicer
    except ImportError as error:
        raise ValueError("NRRD is not written here: install pynrrd, or ask for .nii.gz") from error
    edge = section.pixel_size_um / 1000 if section.pixel_size_um else 1.0
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([edge, edge, 1.0]),
        "space origin": [0.0, 0.0, 0.0],
        "encoding": "gzip",
    }
    nrrd.write(str(part), np.ascontiguousarray(label_map.T[..., None]).astype(np.int32), header)
