"""Several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

__all__ = ["contact_sheet"]

_LINE = 1.4  # height of a caption's line, in heights of its letters


def contact_sheet(
    pictures: Sequence[UInt8[np.ndarray, "_ _ *rgb"]],
    columns: int = 4,
    *,
    captions: Sequence[str] | None = None,
    gap_px: int = 4,
    font_px: int = 13,
    paper: tuple[int, int, int] = (255, 255, 255),
    ink: tuple[int, int, int] = (0, 0, 0),
) -> UInt8[np.ndarray, "h w 3"]:
    """Lay pictures out in rows, from left to right.

    Args:
        pictures: grey or colour, of any sizes; each cell is as large as the largest.
        columns: pictures in a row; fewer pictures make a narrower sheet.
        captions: a line of text above each picture.
        gap_px: width of the lines around the pictures.
        font_px: height of the captions' letters.
        paper: colour around the pictures: red, green, blue.
        ink: colour of the captions.

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
    head = round(_LINE * font_px) if captions is not None else 0
    height = head + max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    sheet = np.empty((gap_px + rows * (height + gap_px), gap_px + columns * (width + gap_px), 3), np.uint8)
    sheet[:] = paper
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
        draw.text(corner, caption, fill=ink, font=ImageFont.load_default(size=font_px))
    return np.asarray(canvas)
