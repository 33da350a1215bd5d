"""TNBC: H&E of triple negative breast cancer, 50 images of 512 x 512 pixels at 40x, of 11 patients.

Layout: `Slide_<patient>/<patient>_<number>.png` and `GT_<patient>` with masks of the same names, in a folder
or the downloaded archive (version 1.1). Each connected piece of a mask is a nucleus, corners count as
contact. No lists are published: the split by seed, and folds, keep the images of a patient together. No pixel
size is published beside the magnification.

The archive itself was not at hand when this was written. Seen were programs that read it, which agree on
folders, names and connected pieces; the checksum is that which one of them holds downloads against.

References:
    Naylor, Lae, Reyal and Walter, "Segmentation of nuclei in histopathology images by deep regression of the
    distance map", IEEE Transactions on Medical Imaging 38, 2019. Images: https://zenodo.org/records/2579118,
    CC BY 4.0.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from ...readers.images_in_folder import natural_key
from ...readers.plain_file import read_plain
from ..formats.dataset_image import DatasetImage, colour_components
from ..formats.source import RemoteFile, opened_files

LICENCE = "CC BY 4.0"
FILES = (
    RemoteFile(
        "https://zenodo.org/records/2579118/files/TNBC_NucleiSegmentation.zip",
        "md5:1605712a752b201b57eacc8f866adb4f",
    ),
)
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map and patient.

    Args:
        source: the folder with `Slide_01`, `GT_01` and so on, one around it, or the archive.
        only: not used: the set has no parts.

    Raises:
        FileNotFoundError: if the source, or the mask of an image, is not there.
        ValueError: if there are no such folders, or a mask is not of its image's size.
    """
    if only is not None:
        raise ValueError(f"tnbc has no part {only!r}: leave --only out")
    with opened_files(source) as files:
        pictures = sorted((path for path in files if path.suffix.lower() == ".png"), key=natural_key)
        images = [path for path in pictures if re.fullmatch(r"Slide_\d+", path.parent.name)]
        masks = {(path.parent.name, path.name): path for path in pictures}
        if not images:
            raise ValueError(
                f"{source} holds no folders Slide_01, Slide_02 ... with pictures: give --source the folder "
                f"or archive TNBC_NucleiSegmentation"
            )
        used = 0
        for image in images:
            patient = image.parent.name.removeprefix("Slide_")
            mask = masks.get((f"GT_{patient}", image.name))
            if mask is None:
                raise FileNotFoundError(
                    f"{image} has no mask GT_{patient}/{image.name}: unpack or download the data set again"
                )
            pixels, label_map = read_plain(image), colour_components(read_plain(mask))
            if label_map.shape != pixels.shape[1:]:
                raise ValueError(
                    f"{mask} is {label_map.shape} pixels but its image is {pixels.shape[1:]}: download the "
                    f"data set again"
                )
            used += 1
            yield DatasetImage(image.stem, pixels, label_map, {"patient": patient})
        left = sum(path.parent.name.startswith("GT_") for path in pictures) - used
        if left:
            logger.warning("%d masks without an image are left out", left)
