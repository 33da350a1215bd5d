"""One sample picture and its label map, from a modality, a shape and a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cells import cell_channel_names, make_cells
from .fluorescence import fluorescence_channel_names, render_fluorescence
from .he import render_he
from .shapes import draw_between

__all__ = ["MODALITIES", "channel_names", "make_image"]

MODALITIES = ("fluorescence", "multiplex", "cells", "he")
MULTIPLEX_CHANNELS = 3


def channel_names(modality: str, channels: int | None = None) -> list[str]:
    """Name the channels of a modality, and check that it can have that many.

    Args:
        modality: "fluorescence" (DAPI alone), "multiplex" (DAPI and markers), "cells" (DAPI, membrane,
            cytoplasm) or "he" (red, green, blue).
        channels: Number of channels; the default is 1, 3, 3 and 3.

    Raises:
        ValueError: If the modality is unknown or cannot have that many channels.

    Example:
        >>> channel_names("he")
        ['red', 'green', 'blue']
    """
    if modality == "multiplex":
        return fluorescence_channel_names(MULTIPLEX_CHANNELS if channels is None else channels)
    if modality == "cells":
        return cell_channel_names(channels)
    names = {"fluorescence": ["DAPI"], "he": ["red", "green", "blue"]}.get(modality)
    if names is None:
        raise ValueError(f"modality '{modality}' is unknown: choose one of {', '.join(MODALITIES)}")
    if channels not in (None, len(names)):
        raise ValueError(
            f"channels {channels} does not fit modality '{modality}' (which has {len(names)}): use multiplex"
        )
    return names


def make_image(
    modality: str = "fluorescence",
    shape: tuple[int, int] = (256, 256),
    *,
    seed: int | Sequence[int],
    channels: int | None = None,
    radius_px: float | None = None,
    density: float | None = None,
    clustering: float | None = None,
    elongation: float | None = None,
    dtype: type[np.generic] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make one picture of crowded nuclei and its label map; the same arguments give the same bytes.

    What is not given is drawn per image, so that a set of images varies as one from several slides does.

    Args:
        modality: "fluorescence", "multiplex", "cells" (see `make_cells`, which gives the label map of the
            cells too, and has defaults of its own) or "he".
        shape: Height and width in pixels.
        seed: One number of 0 or more, or several that together are the seed.
        channels: Number of channels of a multiplex picture or of one of cells, 3 by default.
        radius_px: Typical radius of a nucleus, 8 to 11 by default.
        density: Share of the pixels in nuclei, 0.3 to 0.55 by default.
        clustering: Share of the nuclei in touching groups, 0.6 to 0.9 by default.
        elongation: Typical ratio of the axes, 1.1 to 1.8 by default.
        dtype: numpy.uint8 or numpy.uint16; uint8 by default, uint16 (12 bits used) for multiplex
            and cells.

    Shapes:
        image: (C, H, W) of dtype
        label_map: (H, W) int32, 0 = background, 1..N without gaps

    Raises:
        ValueError: If the modality is unknown, or an option does not go with it or lies outside its range.

    Example:
        >>> image, label_map = make_image("he", (64, 64), seed=1)
        >>> image.shape, label_map.shape
        ((3, 64, 64), (64, 64))
    """
    names = channel_names(modality, channels)
    if modality == "he" and dtype is not None and np.dtype(dtype) != np.uint8:
        raise ValueError(f"dtype {np.dtype(dtype)} does not go with modality 'he': use uint8")
    if modality == "cells":
        image, nuclei, _ = make_cells(
            shape,
            seed=seed,
            channels=channels,
            radius_px=radius_px,
            density=density,
            clustering=clustering,
            elongation=elongation,
            dtype=np.uint16 if dtype is None else dtype,
        )
        return image, nuclei
    rng = np.random.default_rng(seed)
    given = {"radius_px": radius_px, "density": density, "clustering": clustering, "elongation": elongation}
    label_map = draw_between(shape, (8.0, 0.3, 0.6, 1.1), (11.0, 0.55, 0.9, 1.8), rng=rng, **given)
    return render(label_map, modality, rng=rng, channels=len(names), dtype=dtype), label_map


def render(
    label_map: np.ndarray,
    modality: str,
    *,
    rng: np.random.Generator,
    channels: int,
    dtype: type[np.generic] | None = None,
) -> np.ndarray:
    """Picture a label map in the look of a modality.

    Shapes:
        label_map: (H, W) integer
        returns: (channels, H, W)
    """
    if modality == "he":
        return render_he(label_map, rng)
    if dtype is None:
        dtype = np.uint16 if modality == "multiplex" else np.uint8
    return render_fluorescence(label_map, rng, channels, dtype=dtype)
