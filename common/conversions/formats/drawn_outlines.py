"""Images beside files of outlines that somebody drew: which belong together, and the label maps of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...files import stem_of
from ...geometry import outline_runs
from ...readers.images_in_folder import images_in
from .dataset_image import DatasetImage, paint_nuclei, sizes_of
from .pixel_runs import PixelRuns

logger = logging.getLogger(__name__)
_LARGEST_PX = 2**22  # of the rectangle around an outline: what is larger is no nucleus


def annotated_images(
    folder: Path, files: Mapping[str, Path], source: str, *, what: str, program: str
) -> list[tuple[Path, Path]]:
    """Return the images of a folder, or of its folder `images`, that have a file of outlines.

    Args:
        folder: the folder.
        files: files of outlines, by the name of their image, with or without its suffix.
        source: what the user named, for a sentence.
        what: such files' suffix.
        program: the program that exports them.

    Raises:
        ValueError: if no image has any.
    """
    images = images_in(folder) or (images_in(folder / "images") if (folder / "images").is_dir() else [])
    pairs = [(image, files.get(stem_of(image)) or files.get(image.name)) for image in images]
    none = (
        f"{source} holds {len(images)} images and none has a {what} file of its name: "
        f"export them from {program}"
    )
    return with_outlines(pairs, what=f"a {what} file", none=none)


def with_outlines(
    pairs: Sequence[tuple[Path, Path | None]], *, what: str, none: str
) -> list[tuple[Path, Path]]:
    """Return the images that have a file of outlines; the log tells how many have none.

    Args:
        pairs: images, and the file of each, if there is one.
        what: what they lack, in the log.
        none: the sentence for the user where no image has any.

    Raises:
        ValueError: then.
    """
    bare = [image.name for image, file in pairs if file is None]
    if len(bare) == len(pairs):
        raise ValueError(none)
    if bare:
        logger.warning("%d images without %s are left out, the first is %s", len(bare), what, bare[0])
    return [(image, file) for image, file in pairs if file is not None]


def add_outline(
    nuclei: PixelRuns,
    rings: Sequence[Sequence[Sequence[Any]] | np.ndarray],
    pixels: Callable[[], np.ndarray],
) -> None:
    """Add what lies inside an outline; of one as large as a slide the pixels are not told one by one.

    Args:
        nuclei: gets its pixels.
        rings: the polygons that it is made of, as `outline_runs` has them.
        pixels: returns the pixels inside, flat indices, ascending; asked where the outline is small.

    Raises:
        ValueError: if a corner is no two numbers.

    Shapes:
        rings: (N, 2 or more) each.
    """
    corners = [np.asarray([point[:2] for point in ring], float) for ring in rings]
    if not all(np.isfinite(points).all() for points in corners):
        raise ValueError("a corner lies nowhere")
    if max((np.ptp(points, axis=0).prod() for points in corners), default=0) > _LARGEST_PX:
        nuclei.append_runs(*outline_runs(corners, nuclei.shape))
    else:
        nuclei.append(pixels())


def image_of_outlines(
    image: Path,
    file: Path,
    nuclei: Sequence[np.ndarray],
    shape: tuple[int, int],
    *,
    classes: Sequence[str],
    mend: str = "export them for this image, in pixels of its full resolution",
) -> DatasetImage:
    """Paint an image's nuclei, the bigger ones first; a warning tells how many hold no pixel of their own.

    Args:
        image: the image's file.
        file: where the outlines come from.
        nuclei: flat pixel indices of each nucleus.
        shape: height and width.
        classes: class of each nucleus, empty where it has none.
        mend: what to do where all lie outside.

    Raises:
        ValueError: if there are nuclei and all lie outside the image.
    """
    gone = int((sizes_of(nuclei) == 0).sum())
    if gone and gone == len(nuclei):
        raise ValueError(
            f"{file}: all {gone} outlines lie outside {image.name} ({shape[1]} x {shape[0]} pixels): {mend}"
        )
    label_map, kept = paint_nuclei(nuclei, shape)
    if len(kept) < len(nuclei):
        logger.warning(
            "%s: %d outlines hold no pixel of their own and are left out", file, len(nuclei) - len(kept)
        )
    named = {label: classes[position] for label, position in enumerate(kept, start=1) if classes[position]}
    return DatasetImage(stem_of(image), image, label_map, classes=named)
