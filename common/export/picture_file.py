"""A picture -> a PNG file, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..files import MARK, write_whole

__all__ = ["write_picture"]


def write_picture(
    path: str | os.PathLike[str], picture: UInt8[np.ndarray, "h w 3"], *, colours: int | None = None
) -> Path:
    """Write a picture as PNG.

    Args:
        path: the file, `.png`; one that exists is replaced.
        picture: red, green, blue.
        colours: at most so many, those that fit best, up to 256: a third of the bytes; None: as they are.

    Shapes:
        picture: (H, W, 3), uint8.

    Returns:
        The file, as a path.

    Raises:
        ValueError: if the name does not end in `.png`.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path} is no PNG: name it .png, which keeps thin outlines as they are")

    said = PngInfo()
    said.add_text("Software", MARK)

    def write(part: Path) -> None:
        image = Image.fromarray(picture)
        if colours is not None:
            image.quantize(colours).save(part, format="PNG", optimize=True, pnginfo=said)
            return
        # The lowest level takes a third of the time for a tenth more bytes.
        image.save(part, format="PNG", compress_level=1, pnginfo=said)

    return write_whole(path, write)
