"""What segmentation gives, at a glance: images, their label maps and their outlines, row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer, Shaped, UInt8
from skimage.segmentation import expand_labels

from ..export import composite_image, contact_sheet, display_image, label_colours, overlay

__all__ = ["Look", "first_look_fingerprint", "first_look_panels", "first_look_picture"]

# A dark card of its own is legible on white pages and on dark ones. Twice the pixels that a page shows.
_PAPER, _INK = (36, 41, 47), (240, 243, 246)
_FONT_PX, _GAP_PX = 26, 14
_CLOSE_PX = 24


class Look(NamedTuple):
    """One image and the nuclei that were found in it.

    Attributes:
        title: what it is, in a few words.
        image: the whole image: contrast is stretched over all of it.
        label_map: the whole label map.
        window: the piece that is shown: rows, columns.
        channel: the channel that was segmented; None: all of them.
        colours: of each channel of a multiplex image, red, green, blue; None: grey, or a section's own.
        zoom: edge, in pixels of the picture, of one pixel of the image.

    Shapes:
        image: (C, H, W).
        label_map: (H, W), integers.
    """

    title: str
    image: Shaped[np.ndarray, "c h w"]
    label_map: Integer[np.ndarray, "h w"]
    window: tuple[slice, slice]
    channel: int | None = None
    colours: Sequence[tuple[int, int, int]] | None = None
    zoom: int = 3


def first_look_panels(look: Look) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Return image, label map and outlines of a window; every pixel becomes a square of `zoom` pixels.

    Outlines are orange and one pixel of the image thick, on the channel that was segmented.

    Args:
        look: the image and its nuclei.

    Example:
        >>> labels = np.zeros((8, 8), dtype=int)
        >>> labels[2:6, 2:6] = 1
        >>> look = Look("a square", (labels > 0)[None] * 1.0, labels, (slice(0, 8), slice(0, 8)), zoom=2)
        >>> [panel.shape for panel in first_look_panels(look)]
        [(16, 16, 3), (16, 16, 3), (16, 16, 3)]
    """
    image = look.image
    shown = display_image(image) if look.colours is None else composite_image(image, look.colours)
    segmented = image if look.channel is None else image[look.channel][None]
    pictures = (shown, _coloured(look.label_map), overlay(segmented, look.label_map))
    return [picture[look.window].repeat(look.zoom, axis=0).repeat(look.zoom, axis=1) for picture in pictures]


def _coloured(label_map: np.ndarray) -> np.ndarray:
    # Nuclei that lie close differ as well as those that touch: of one colour they would look like one.
    wide = label_colours(expand_labels(label_map, _CLOSE_PX / 2))
    return np.where(label_map[..., None] > 0, wide, 0).astype(np.uint8)


def first_look_picture(looks: Sequence[Look]) -> UInt8[np.ndarray, "h w 3"]:
    """Draw a row of three panels for each image: the image, its label map, its outlines.

    Args:
        looks: at least one.

    Returns:
        The picture, whose titles can be read where a page shows it at half its size.

    Raises:
        ValueError: if there is none.
    """
    panels = [panel for look in looks for panel in first_look_panels(look)]
    titles = [
        words
        for look in looks
        for words in (look.title, f"label map: {_nuclei(look)} nuclei here", "outlines")
    ]
    return contact_sheet(panels, 3, captions=titles, gap_px=_GAP_PX, font_px=_FONT_PX, paper=_PAPER, ink=_INK)


def _nuclei(look: Look) -> int:
    return int(np.count_nonzero(np.unique(look.label_map[look.window])))


def first_look_fingerprint() -> str:
    """Return a short text that changes if, and only if, the panels or the sheet are drawn otherwise.

    It is made from what is drawn of a fixed image, not from the code, so that no refactoring changes it; and
    from whole steps of brightness, so that no machine rounds otherwise. Letters are left out: their shapes
    belong to Pillow.
    """
    rows, columns = np.mgrid[:48, :60]
    label_map = (rows // 12 * 5 + columns // 12) * ((rows % 12 > 1) & (columns % 12 != 0))
    # A fifth of the pixels at the darkest and at the brightest step: they are the percentiles, exactly.
    steps = np.stack([(rows + columns) % 5, (2 * rows + columns) % 5, 4 - (label_map % 5 == 1)]) * 51
    window = (slice(3, 45), slice(2, 58))
    cards = [
        Look("", steps[:1], label_map, window),
        Look("", steps[:2], label_map, window, channel=1, colours=_PRIMARY, zoom=2),
        Look("", steps, label_map, window),
    ]
    digest = hashlib.sha256(repr((_PAPER, _INK, _FONT_PX, _GAP_PX)).encode())
    for card in cards:
        for panel in first_look_panels(card):
            digest.update(panel.tobytes())
    return digest.hexdigest()[:16]


_PRIMARY = ((0, 255, 0), (0, 0, 255))
