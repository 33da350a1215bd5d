"""What is segmented at once: an image, or a rectangle of an image or of a whole slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from ..readers import fitting_pixels, memory_fault, probe, read_image
from ..readers.image_record import RGB_NAMES

__all__ = ["Section", "read_section"]

_SLIDES = (".svs", ".svslide", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu")


class Section(NamedTuple):
    """Pixels, and where they lie in their image.

    Attributes:
        pixels: (c, h, w) as stored.
        channel_names: one a channel.
        pixel_size_um: edge of one of these pixels in micrometres, where it is known.
        origin: x and y of the first pixel in the image, in pixels of its highest resolution.
        step: how many pixels of the highest resolution one of these is wide.
    """

    pixels: Shaped[np.ndarray, "c h w"]
    channel_names: tuple[str, ...]
    pixel_size_um: float | None
    origin: tuple[int, int] = (0, 0)
    step: float = 1.0


def read_section(
    path: str | Path,
    *,
    location: Sequence[int] | None = None,
    size: Sequence[int] | None = None,
    level: int = 0,
) -> Section:
    """Read an image, or a rectangle of it.

    Args:
        path: any file that `common.readers.read_image` reads, or a whole slide that OpenSlide reads.
        location: x and y of the rectangle's first pixel, at the highest resolution; None: the whole image.
        size: width and height of the rectangle, in pixels of `level`; one that reaches beyond the image is
            cut to it.
        level: of a slide's pyramid, 0 = highest resolution.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, the rectangle lies outside, or is too large for the memory.
    """
    path = Path(path)
    if path.name.lower().endswith(_SLIDES) and path.is_file():
        return _read_slide(path, location, size, level)
    header = probe(path)
    if fault := memory_fault(path, header, channels=header.shape[0]):
        raise ValueError(fault)
    image = read_image(path)
    whole = Section(image.pixels, image.channel_names, image.pixel_size_um)
    if location is None or size is None:
        return whole
    if level:
        raise ValueError(f"{path.name} has one resolution: level {level} is not there")
    _, height, width = image.pixels.shape
    x, y, wide, high = _inside(path, location, size, width, height, 1.0)
    return whole._replace(pixels=image.pixels[:, y : y + high, x : x + wide], origin=(x, y))


def _read_slide(path: Path, location: Any, size: Any, level: int) -> Section:
    """Read a rectangle of a slide in colours; what lies outside the scanned area is white."""
    try:
        import openslide  # only who serves slides needs it
    except ImportError as error:
        raise ValueError(
            f"{path.name} is a whole slide: install openslide-python and openslide-bin to read it"
        ) from error
    try:
        slide = openslide.OpenSlide(str(path))
    except openslide.OpenSlideError as error:
        raise ValueError(f"{path.name} cannot be read as a slide: {error}") from error
    with slide:
        if not 0 <= level < slide.level_count:
            raise ValueError(
                f"{path.name} has the levels 0 to {slide.level_count - 1}: level {level} is not there"
            )
        step = float(slide.level_downsamples[level])
        width, height = slide.dimensions
        x, y, wide, high = _inside(
            path, location or (0, 0), size or slide.level_dimensions[level], width, height, step
        )
        if fitting_pixels(wide * high, channels=3) < wide * high:
            raise ValueError(
                f"{wide} x {high} px of {path.name} are more than the memory carries: ask for less"
            )
        region = slide.read_region((x, y), level, (wide, high))
        measured = slide.properties.get("openslide.mpp-x")
    colours = np.asarray(region, dtype=np.float32)
    opaque = colours[..., 3:] / 255
    pixels = np.round(colours[..., :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    pixel_size_um = float(measured) * step if measured else None
    return Section(np.ascontiguousarray(pixels.transpose(2, 0, 1)), RGB_NAMES, pixel_size_um, (x, y), step)


def _inside(
    path: Path, location: Sequence[int], size: Sequence[int], width: int, height: int, step: float
) -> tuple[int, int, int, int]:
    """Return x, y, width and height of a rectangle, cut to the image."""
    x, y, wide, high = (int(number) for number in (*location, *size))
    left, top = max(x, 0), max(y, 0)
    # What is cut off at the left and at the top is as much less to read.
    wide = min(wide - math.ceil((left - x) / step), math.ceil((width - left) / step))
    high = min(high - math.ceil((top - y) / step), math.ceil((height - top) / step))
    if wide < 1 or high < 1:
        raise ValueError(
            f"the region at {x}, {y} of {size[0]} x {size[1]} px lies outside {path.name}, which has"
            f" {width} x {height} px"
        )
    return left, top, wide, high
