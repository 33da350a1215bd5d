"""BBBC039: U2OS cells of a chemical screen in Hoechst stain, 200 images of 520 x 696 pixels, 16 bits.

Layout: `images/<name>.tif`, `masks/<name>.png` and `metadata/{training,validation,test}.txt` (names of the
masks, one a line), in a folder, or the downloaded `images.zip`, `masks.zip` and `metadata.zip` in one. A mask
is in colours that separate nuclei may share: each connected piece of one value of its first channel is a
nucleus, corners count as contact (so the decoder that the set's page links to). The lists are kept as they
are published. The well in an image's name becomes its "slide", so that folds do not part the sites of a well.
The page tells no pixel size.

Of the 23,615 pieces 59 are specks of fewer than 10 pixels, which the authors' own program drops, and so does
this.

Tried on a public copy of all images and masks. The archives themselves, and the lists, were not at hand when
this was written; programs that read them were, which agree on folders, names, lists and decoding. The
checksums are those that one of them holds downloads against.

References:
    Caicedo et al., "Evaluation of deep learning strategies for nucleus segmentation in fluorescence images",
    Cytometry Part A 95, 2019. Images: BBBC039v1, Broad Bioimage Benchmark Collection,
    https://bbbc.broadinstitute.org/BBBC039, CC0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from skimage.segmentation import relabel_sequential

from ...files import stem_of
from ...readers import probe
from ...readers.images_in_folder import by_stem
from ...readers.plain_file import read_plain
from ..formats.dataset_image import DatasetImage, colour_components
from ..formats.source import RemoteFile, opened_files

LICENCE = "CC0"
_URL = "https://data.broadinstitute.org/bbbc/BBBC039"
FILES = (
    RemoteFile(
        f"{_URL}/images.zip", "sha256:6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7"
    ),
    RemoteFile(
        f"{_URL}/masks.zip", "sha256:f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710"
    ),
    RemoteFile(
        f"{_URL}/metadata.zip", "sha256:a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2"
    ),
)
SPLITS = ("training", "validation", "test")
MIN_AREA_PX = 10


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image of the lists with its label map and well.

    Args:
        source: the folder with `images`, `masks` and `metadata`, or with their archives.
        only: not used: the set has no parts.

    Raises:
        FileNotFoundError: if the source, a list, an image or its mask is not there.
        ValueError: if a mask is not of its image's size.
    """
    if only is not None:
        raise ValueError(f"bbbc039 has no part {only!r}: leave --only out")
    with opened_files(source) as files:
        lists = {path.stem: path for path in files if path.suffix == ".txt" and path.stem in SPLITS}
        missing = [f"{split}.txt" for split in SPLITS if split not in lists]
        if missing:
            raise FileNotFoundError(
                f"{source} lacks {' and '.join(missing)}: put metadata.zip, or its folder, beside the images"
            )
        images = by_stem(path for path in files if path.suffix.lower() in (".tif", ".tiff"))
        masks = by_stem(path for path in files if path.suffix.lower() == ".png")
        for split in SPLITS:
            for line in lists[split].read_text(encoding="utf-8-sig").splitlines():
                if stem := stem_of(line.strip()):
                    for kind, found, suffix in (("images", images, "tif"), ("masks", masks, "png")):
                        if stem not in found:
                            raise FileNotFoundError(
                                f"{source} lacks {kind}/{stem}.{suffix}, which {split}.txt lists: put "
                                f"{kind}.zip, whole, beside the others, or unpack it again"
                            )
                    yield _read_one(images[stem], masks[stem], split)


def well_of(stem: str) -> str:
    """Return the well that an image shows a site of; empty for other names.

    Example:
        >>> well_of("IXMtest_A02_s1_w1051DAA7C-7042-435F-99F0-1E847D9B42CB"), well_of("mine_3")
        ('A02', '')
    """
    found = re.search(r"_([A-P]\d\d)_s\d+_", stem)
    return found[1] if found else ""


def _read_one(image: Path, mask: Path, split: str) -> DatasetImage:
    pieces = colour_components(read_plain(mask)[:1])
    is_speck = np.bincount(pieces.ravel()) < MIN_AREA_PX
    label_map = relabel_sequential(np.where(is_speck[pieces], 0, pieces))[0]
    shape = probe(image).shape[1:]
    if label_map.shape != shape:
        raise ValueError(
            f"{mask} is {label_map.shape} pixels but its image is {shape}: download the data set again"
        )
    well = well_of(stem_of(image))
    return DatasetImage(stem_of(image), image, label_map, {"slide": well} if well else {}, split=split)
