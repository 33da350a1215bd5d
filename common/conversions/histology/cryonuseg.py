"""CryoNuSeg: H&E of frozen sections of ten organs at 40x, 30 images of 512 x 512 pixels.

Layout: `tissue images/Human_AdrenalGland_01.tif` and so on, and for each annotation a folder, such as
`Annotator 1 (biologist)`, or one inside another of the same name, with `label masks modify/<name>.tif`: a
number a nucleus. One image a patient. There are three annotations: the biologist's first is taken, `--only`
takes another, "biologist again" (months later) or "bioinformatician".

The readme tells 40x, about 0.25 um. The archive itself was not at hand when this was written; its readme, and
programs that read it and agree on its folders, were.

References:
    Mahbod et al., "CryoNuSeg: a dataset for nuclei instance segmentation of cryosectioned H&E-stained
    histological images", Computers in Biology and Medicine 132, 2021. Data:
    https://www.kaggle.com/datasets/ipateam/segmentation-of-nuclei-in-cryosectioned-he-images, whose page
    tells the licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...messages import suggest
from ...readers.images_in_folder import natural_key
from ..formats.dataset_image import DatasetImage
from ..formats.label_masks import LABELS, PICTURES, read_label_mask
from ..formats.source import opened_files

_PAGE = "https://www.kaggle.com/datasets/ipateam/segmentation-of-nuclei-in-cryosectioned-he-images"
LICENCE = f"for research; see {_PAGE}"
BY_HAND = f"open {_PAGE} in a browser, which wants a login, save the archive, and give --source that file"
ANNOTATIONS = {
    "biologist": "Annotator 1 (biologist)",
    "biologist again": "Annotator 1 (biologist second round of manual marks up)",
    "bioinformatician": "Annotator 2 (bioinformatician)",
}
PIXEL_SIZE_UM = 0.25  # 40x


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map, organ and patient.

    Args:
        source: the folder or archive.
        only: whose annotation: "biologist" (if not given), "biologist again" or "bioinformatician".

    Raises:
        FileNotFoundError: if the source, or the label map of an image, is not there.
        ValueError: if there is no such annotation, no picture, or a label map is none of its picture.
    """
    chosen = "biologist" if only is None else only
    if chosen not in ANNOTATIONS:
        raise ValueError(f"cryonuseg has no annotation {only!r}: {suggest(str(only), [*ANNOTATIONS])}")
    with opened_files(source) as files:
        images = [path for path in files if path.suffix.lower() == ".tif" and path.parent.name == PICTURES]
        labels = {
            path.name: path
            for path in files
            if path.parent.name == LABELS and path.parents[1].name == ANNOTATIONS[chosen]
        }
        if not images or not labels:
            missing = f"{ANNOTATIONS[chosen]}/{LABELS}" if images else PICTURES
            raise ValueError(
                f"{source} holds no {missing} with .tif files: give --source the folder or archive of "
                f"CryoNuSeg"
            )
        for image in sorted(images, key=natural_key):
            label_map = read_label_mask(labels.get(image.name, Path(LABELS, image.name)), image)
            organ = image.stem.split("_")[1] if image.stem.count("_") > 1 else image.stem
            extras = {"tissue": organ, "patient": image.stem, "pixel_size_um": PIXEL_SIZE_UM}
            yield DatasetImage(image.stem, image, label_map, extras)
