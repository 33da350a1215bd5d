"""Labels that people corrected: read, checked against their image, and made a data set to train on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..conversions.own_annotations.qupath import read_one
from ..files import write_whole
from ..readers import BadFileError, probe, read_labels

__all__ = ["read_correction", "write_training_set"]


def read_correction(file: str | Path, image: str | Path) -> np.ndarray:
    """Read a label map that a client sent, and refuse one that is not of its image.

    Args:
        file: TIFF, PNG, BMP, NIfTI, NRRD, or outlines as QuPath exports them (`.geojson`, `.geojson.gz`).
        image: the file that it labels.

    Shapes:
        returns: (h, w) of the image, int32; 0 = background, i = nucleus i.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, holds no label map, or one of another size.
    """
    name = str(file).lower()
    if name.endswith((".geojson", ".geojson.gz")):
        return read_one(Path(image), Path(file)).label_map.astype(np.int32)
    labels = _read_nrrd(Path(file)) if name.endswith(".nrrd") else read_labels(file)
    expected = probe(image).shape[1:]
    if labels.shape != expected:
        raise ValueError(
            f"the label has {labels.shape[0]} x {labels.shape[1]} px (height x width), {Path(image).name} has"
            f" {expected[0]} x {expected[1]}: send the label of this image, at full size"
        )
    return labels


def _read_nrrd(file: Path) -> np.ndarray:
    try:
        import nrrd  # comes with MONAI Label, for 3D Slicer

        stored, _ = nrrd.read(str(file))
    except ImportError as error:
        raise BadFileError("NRRD is not read here: install pynrrd, or send .nii.gz") from error
    except Exception as error:  # whatever a damaged file makes of the parser
        raise BadFileError(f"{file.name} cannot be read as NRRD: {error}") from error
    if stored.ndim not in (2, 3) or stored.shape[2:] not in ((), (1,)) or stored.dtype.kind not in "iu":
        raise BadFileError(
            f"{file.name} is {stored.dtype} of shape {stored.shape}: send one plane of integers"
        )
    if stored.size and not 0 <= int(stored.min()) <= int(stored.max()) < 2**31:
        raise BadFileError(f"{file.name} holds labels that are no numbers of nuclei: number them from 1")
    return np.ascontiguousarray(stored.reshape(stored.shape[:2]).T.astype(np.int32))


def write_training_set(
    folder: Path, labelled: Sequence[Mapping[str, str]], *, validation: float = 0.2, name: str = "corrected"
) -> Path:
    """Write MONAI's datalist of corrected images; the files stay where they are.

    Args:
        folder: gets `dataset.json`.
        labelled: "image" and "label", absolute paths.
        validation: which share chooses the best epoch; at least one image. Of fewer than three images all
            train, and all choose.
        name: of the data set.

    Returns:
        The file.

    Raises:
        ValueError: there is no labelled image.
    """
    items = sorted(
        ({"image": str(item["image"]), "label": str(item["label"])} for item in labelled),
        key=lambda item: item["image"],
    )
    if not items:
        raise ValueError("no image has a corrected label yet: submit one, then train")
    held = min(max(round(validation * len(items)), 1), len(items) - 1) if len(items) > 2 else 0
    # Every k-th, so that the images of one slide, which lie beside each other, do not all go one way.
    chosen = {round((number + 0.5) * len(items) / held - 0.5) for number in range(held)}
    lists = {
        "training": [item for number, item in enumerate(items) if number not in chosen],
        "validation": [item for number, item in enumerate(items) if number in chosen or not held],
        "test": [],
    }
    text = json.dumps({"name": name, **lists}, indent=1) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    return write_whole(folder / "dataset.json", lambda part: part.write_text(text, encoding="utf-8"))
