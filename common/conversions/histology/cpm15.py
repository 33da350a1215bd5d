"""CPM-15: H&E of tumours, 15 images at 20x and 40x, 2,905 nuclei.

The training images of the segmentation challenge of MICCAI 2015's workshop on computational precision
medicine. Layout: `image01.png` to `image15.png`, and for each such as `image01_mask.txt`: width and height,
then the nucleus of each pixel, row by row, 0 = none. The readme tells 20x of the first seven and 40x of the
others, about 0.5 and 0.25 um. In the copy that was seen the texts of image04 and image05 are exchanged: a
text that is of another size than its image is taken for the image of its size.

References:
    Usually cited: Vu et al., "Methods for segmentation and classification of digital microscopy tissue
    images", Frontiers in Bioengineering and Biotechnology 7, 2019. The challenge's page is gone. A copy:
    https://github.com/pengyzhang/cell_seg_matlab, data/MICCAI_competition_dataset of commit 9a3cf3b, which
    states no licence; the images are of The Cancer Genome Atlas.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ...readers import probe
from ...readers.images_in_folder import natural_key
from ..formats.dataset_image import DatasetImage, paint_nuclei, pixels_of_nuclei
from ..formats.source import opened_files

_PAGE = "https://github.com/pengyzhang/cell_seg_matlab"
LICENCE = f"for research; none is stated at {_PAGE}"
BY_HAND = (
    f"run git clone {_PAGE}, then git checkout 9a3cf3b in it, and give --source its folder "
    f"data/MICCAI_competition_dataset"
)
PIXEL_SIZES_UM = {"20x": 0.5, "40x": 0.25}
_FIRST_OF_40X = 8
_IMAGE = re.compile(r"image\d+\.png")
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map and pixel size; its platform is the magnification.

    Args:
        source: the folder with `image01.png`, or an archive of it.
        only: "20x" or "40x".

    Raises:
        FileNotFoundError: if the source, or the text of an image, is not there.
        ValueError: if there is no such magnification, there are no images, or a text is no label map of any.
    """
    if only is not None and only not in PIXEL_SIZES_UM:
        raise ValueError(f"cpm15 has no part {only!r}: give --only 20x or --only 40x")
    with opened_files(source) as files:
        images = sorted((path for path in files if _IMAGE.fullmatch(path.name)), key=natural_key)
        if not images:
            raise ValueError(
                f"{source} holds no image01.png, image02.png ...: give --source the folder "
                f"MICCAI_competition_dataset"
            )
        texts = _texts_of({image: probe(image).shape[1:] for image in images})
        for image, text in texts.items():
            magnification = "20x" if int(image.stem.removeprefix("image")) < _FIRST_OF_40X else "40x"
            if only in (None, magnification):
                found = _read_text(text)
                label_map, _ = paint_nuclei(list(pixels_of_nuclei(found).values()), found.shape)
                extras = {"platform": magnification, "pixel_size_um": PIXEL_SIZES_UM[magnification]}
                yield DatasetImage(image.stem, image, label_map, extras)


def _texts_of(images: Mapping[Path, tuple[int, ...]]) -> dict[Path, Path]:
    """Return the text of each image: that of its name, or where sizes differ, the one of its size."""
    texts = {image: image.with_name(f"{image.stem}_mask.txt") for image in images}
    for image, text in texts.items():
        if not text.is_file():
            raise FileNotFoundError(f"{image} has no {text.name}: get the data set again")
    sizes = {text: _size_told(text) for text in texts.values()}
    wrong = [image for image in images if sizes[texts[image]] != images[image]]
    found = dict(texts)
    for image in wrong:
        fitting = [texts[other] for other in wrong if sizes[texts[other]] == images[image]]
        if len(fitting) != 1:
            raise ValueError(
                f"{texts[image]} is {sizes[texts[image]]} pixels but its image is {images[image]}: get the "
                f"data set again"
            )
        found[image] = fitting[0]
        logger.warning("%s is taken for %s, whose size it has", found[image].name, image.name)
    return found


def _size_told(text: Path) -> tuple[int, ...]:
    """Return the height and width in a text's first line."""
    with text.open(encoding="ascii", errors="replace") as lines:
        told = lines.readline().split()
    return tuple(int(number) for number in reversed(told) if number.isdecimal())


def _read_text(text: Path) -> np.ndarray:
    try:
        width, height, *labels = (int(number) for number in text.read_text(encoding="ascii").split())
        found = np.array(labels, np.int64).reshape(height, width)
    except ValueError:
        raise ValueError(
            f"{text} is no width, height and a number for each of their pixels: get the data set again"
        ) from None
    if found.size and found.min() < 0:
        raise ValueError(f"{text} has the label {found.min()}, below 0: get the data set again")
    return found
