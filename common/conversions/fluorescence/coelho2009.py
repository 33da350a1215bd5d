"""Coelho 2009: DNA of U2OS and NIH3T3 cells, 97 images of 1349 x 1030 and 1344 x 1024 pixels.

Layout: `dna-images/gnf/dna-0.png` and so on (U2OS, 48 images with a label map) and `dna-images/ic100`
(NIH3T3, 49), and in `preprocessed-data`, with the same folders and names, the label maps, drawn by hand; the
three pictures without one are left out. Pictures are grey, stored as red, green and blue. Nuclei are wide,
110 and 87 px (medians of the diameter). No lists are published, and no pixel size. The files hold 1,831 and
2,200 nuclei; the paper tells 1,831 and 2,178.

References:
    Coelho, Shariff and Murphy, "Nuclear segmentation in microscope cell images: a hand-segmented dataset and
    comparison of algorithms", IEEE International Symposium on Biomedical Imaging, 2009. Data:
    https://github.com/luispedro/Coelho2009_ISBI_NuclearSegmentation, which states no licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...messages import suggest
from ...readers import read_labels
from ...readers.images_in_folder import natural_key
from ...readers.plain_file import read_plain
from ..formats.dataset_image import DatasetImage, paint_nuclei, pixels_of_nuclei
from ..formats.source import opened_files

_PAGE = "https://github.com/luispedro/Coelho2009_ISBI_NuclearSegmentation"
LICENCE = f"for research; none is stated at {_PAGE}"
BY_HAND = f"run git clone --depth 1 {_PAGE}, and give --source that folder"
CELLS = {"gnf": "U2OS", "ic100": "NIH3T3"}


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has a label map; its platform is the cell line.

    Args:
        source: the cloned repository, its `data`, or an archive of either.
        only: "U2OS" or "NIH3T3".

    Raises:
        FileNotFoundError: if the source, or the picture of a label map, is not there.
        ValueError: if there is no such cell line, there are no label maps, or one is not of its picture.
    """
    if only is not None and only not in CELLS.values():
        raise ValueError(f"coelho2009 has no cells {only!r}: {suggest(str(only), sorted(CELLS.values()))}")
    folders = [folder for folder, cells in CELLS.items() if only in (None, cells)]
    with opened_files(source) as files:
        there = {path.absolute().parts[-3:]: path for path in files if path.suffix.lower() == ".png"}
        labels = [
            path
            for (kind, folder, _), path in there.items()
            if kind == "preprocessed-data" and folder in folders
        ]
        if not labels:
            raise ValueError(
                f"{source} holds no preprocessed-data/{folders[0]} with .png files: give --source the "
                f"folder of the repository {_PAGE}"
            )
        for file in sorted(labels, key=natural_key):
            folder = file.parent.name
            picture = there.get(("dna-images", folder, file.name))
            if picture is None:
                raise FileNotFoundError(
                    f"{file} has no picture dna-images/{folder}/{file.name}: clone the repository again"
                )
            yield _read_one(picture, file, CELLS[folder])


def _read_one(picture: Path, file: Path, cells: str) -> DatasetImage:
    grey, found = read_plain(picture)[:1], read_labels(file)
    if found.shape != grey.shape[1:]:
        raise ValueError(
            f"{file} is {found.shape} pixels but its picture is {grey.shape[1:]}: clone the repository again"
        )
    label_map, _ = paint_nuclei(list(pixels_of_nuclei(found).values()), found.shape)
    return DatasetImage(f"{cells}_{file.stem}", grey, label_map, {"platform": cells})
