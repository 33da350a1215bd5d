"""CoNSeP: H&E of colorectal adenocarcinoma, 41 images of 1000 x 1000 pixels at 40x, nuclei of seven classes.

Layout: `Train/Images/train_1.png`, `Train/Labels/train_1.mat` and the same in `Test`, in a folder or the
downloaded archive. Of a .mat file `inst_map` numbers the nuclei and `type_map` has the class of each pixel; a
nucleus is of the class that most of its pixels have. The published test images stay the test list. The 41
images are of 16 patients, but no file tells which, so images of one patient may train and validate.

The readme tells 40x, which programs take for 0.25 um. The archive itself was not at hand when this was
written; its readme, and programs that read it, were.

References:
    Graham et al., "HoVer-Net: simultaneous segmentation and classification of nuclei in multi-tissue
    histology images", Medical Image Analysis 58, 2019. Data:
    https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/, for research.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...readers import probe
from ...readers.images_in_folder import natural_key
from ..formats.dataset_image import DatasetImage, classes_by_majority, paint_nuclei, pixels_of_nuclei
from ..formats.mat_file import as_label_map, read_mat
from ..formats.source import opened_files

LICENCE = "for research; see https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/"
BY_HAND = (
    "open https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/ in a browser, save consep_dataset.zip (the "
    "site may ask for a login), and give --source that file"
)
CLASSES = (
    *("other", "inflammatory", "healthy epithelial", "dysplastic or malignant epithelial"),
    *("fibroblast", "muscle", "endothelial"),
)
PIXEL_SIZE_UM = 0.25  # 40x
SPLITS = {"train": "training", "test": "test"}


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map, classes and published list.

    Args:
        source: the folder with `Train` and `Test`, one around it, or the archive.
        only: not used: the set has no parts.

    Raises:
        FileNotFoundError: if the source, or the label file of an image, is not there.
        ValueError: if there are no such folders, or a label file is none of its image.
    """
    if only is not None:
        raise ValueError(f"consep has no part {only!r}: leave --only out")
    with opened_files(source) as files:
        there = set(files)
        images = [
            path
            for path in sorted(files, key=natural_key)
            if path.suffix.lower() == ".png"
            and path.parent.name == "Images"
            and path.parents[1].name.lower() in SPLITS
        ]
        if not images:
            raise ValueError(
                f"{source} holds no Train/Images and Test/Images: give --source the folder or archive of "
                f"CoNSeP"
            )
        for image in images:
            file = image.parents[1] / "Labels" / f"{image.stem}.mat"
            if file not in there:
                raise FileNotFoundError(
                    f"{image} has no Labels/{file.name}: unpack or download the data set again"
                )
            yield _read_one(image, file, SPLITS[image.parents[1].name.lower()])


def _read_one(image: Path, file: Path, split: str) -> DatasetImage:
    shape = probe(image).shape[1:]
    instances, types = (
        as_label_map(values, file, shape) for values in read_mat(file, "inst_map", "type_map")
    )
    if types.max() > len(CLASSES):
        raise ValueError(
            f"{file}: type_map has the class {types.max()}, but there are {len(CLASSES)}: download the data "
            f"set again"
        )
    nuclei = list(pixels_of_nuclei(instances).values())
    label_map, kept = paint_nuclei(nuclei, shape)
    classes = classes_by_majority(types, [nuclei[position] for position in kept], CLASSES)
    return DatasetImage(image.stem, image, label_map, {"pixel_size_um": PIXEL_SIZE_UM}, classes, split)
