"""Several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

__all__ = ["contact_sheet"]

_CAPTION_PX = 18


def contact_sheet(
    pictures: Sequence[UInt8[np.ndarray, "_ _ *rgb"]],
    columns: int = 4,
    *,
    captions: Sequence[str] | None = None,
    gap_px: int = 4,
) -> UInt8[np.ndarray, "h w 3"]:
    """Lay pictures out in rows, from left to right, on white.

    Args:
        pictures: grey or colour, of any sizes; each cell is as large as the largest.
        columns: pictures in a row; fewer pictures make a narrower sheet.
        captions: a line of text above each picture.
        gap_px: width of the white lines around the pictures.

    Shapes:
        pictures: (H, W) or (H, W, 3), uint8.
        returns: one sheet (rows, columns, 3), uint8.

    Raises:
        ValueError: if there is no picture, columns is below 1, or captions and pictures differ in number.

    Example:
        >>> contact_sheet([np.zeros((10, 20), dtype=np.uint8)] * 3, columns=2, gap_px=1).shape
        (23, 43, 3)
    """
    if not pictures or columns < 1:
        raise ValueError(
            f"{len(pictures)} pictures in {columns} columns make no sheet: give one of each or more"
        )
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(f"{len(captions)} captions do not fit {len(pictures)} pictures: give one for each")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    head = _CAPTION_PX if captions is not None else 0
    height = head + max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    sheet = np.full(
        (gap_px + rows * (height + gap_px), gap_px + columns * (width + gap_px), 3), 255, dtype=np.uint8
    )
    corners = []
    for index, picture in enumerate(pictures):
        top = gap_px + index // columns * (height + gap_px)
        left = gap_px + index % columns * (width + gap_px)
        corners.append((left, top))
        colour = picture[..., None] if picture.ndim == 2 else picture
        sheet[top + head : top + head + picture.shape[0], left : left + picture.shape[1]] = colour
    if captions is None:
        return sheet
    canvas = Image.fromarray(sheet)
    draw = ImageDraw.Draw(canvas)
    for caption, corner in zip(captions, corners, strict=True):
        draw.text(corner, caption, fill=(0, 0, 0), font=ImageFont.load_default(size=13))
    return np.asarray(canvas)
