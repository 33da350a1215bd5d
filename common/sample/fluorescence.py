"""The look of nuclei under a fluorescence microscope: chromatin, blur, haze, uneven light and shot noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import NucleusGeometry, measure_geometry, scatter_spots, smooth_noise

__all__ = ["fluorescence_channel_names", "render_fluorescence"]

MARKER_PATTERNS = ("nuclear", "membrane", "cytoplasm")


def fluorescence_channel_names(channels: int) -> list[str]:
    """Name the channels of a rendered picture: DAPI, then marker1, marker2 and so on.

    Example:
        >>> fluorescence_channel_names(3)
        ['DAPI', 'marker1', 'marker2']
    """
    if channels < 1:
        raise ValueError(f"channels {channels} must be 1 or more")
    return ["DAPI", *(f"marker{i}" for i in range(1, channels))]


def render_fluorescence(
    label_map: np.ndarray, rng: np.random.Generator, channels: int = 1, *, dtype: type[np.generic] = np.uint8
) -> np.ndarray:
    """Picture the nuclei of a label map as a camera behind a fluorescence microscope would.

    Channel 0 is DAPI in every nucleus. Each further channel is a marker that a random subset of the cells
    expresses in the nucleus, at the membrane or in a ring of cytoplasm, in turn.

    Args:
        label_map: Nuclei 1..N, 0 = background.
        rng: Source of randomness.
        channels: Number of channels, 1 or more.
        dtype: numpy.uint8, or numpy.uint16 for a 12-bit camera.

    Shapes:
        label_map: (H, W) integer
        returns: (channels, H, W) of dtype

    Raises:
        ValueError: If `channels` is below 1 or `dtype` is another one.
    """
    fluorescence_channel_names(channels)
    if np.dtype(dtype) not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ValueError(f"dtype {np.dtype(dtype)} cannot be rendered: use uint8 or uint16")
    geometry = measure_geometry(label_map)
    blur_px = rng.uniform(0.8, 1.2)
    light = dapi_light(label_map, geometry, rng)
    dapi = through_optics(light, rng, blur_px=blur_px, haze=rng.uniform(0.15, 0.45))
    picture = np.empty((channels, *label_map.shape), np.dtype(dtype))
    picture[0] = camera(dapi, rng, picture.dtype, peak=rng.uniform(0.22, 0.45), photons=rng.uniform(90, 350))
    for channel in range(1, channels):
        pattern = MARKER_PATTERNS[(channel - 1) % len(MARKER_PATTERNS)]
        marker = _marker(label_map, geometry, rng, pattern) + rng.uniform(0.0, 0.08) * light
        marker = through_optics(marker, rng, blur_px=1.2 * blur_px, haze=rng.uniform(0.05, 0.2))
        picture[channel] = camera(
            marker, rng, picture.dtype, peak=rng.uniform(0.15, 0.4), photons=rng.uniform(40, 150)
        )
    return picture


def dapi_light(label_map: np.ndarray, geometry: NucleusGeometry, rng: np.random.Generator) -> np.ndarray:
    """Light that the DNA gives off: bright grains, dark nucleoli, thinner towards the rim."""
    shape, n = label_map.shape, int(label_map.max(initial=0))
    brightness = np.exp(rng.uniform(0.15, 0.35) * rng.standard_normal(n + 1, np.float32))
    brightness[rng.random(n + 1) < 0.02] *= 2.2  # condensed chromatin of dividing and dying cells
    brightness[0] = 0
    rim = np.clip(rng.uniform(0.3, 0.6) + 0.12 * rng.standard_normal(n + 1, np.float32), 0.2, 0.85)
    thin = np.clip((geometry.depth_px - 0.5) / np.maximum(0.65 * geometry.core_px, 2.5)[label_map], 0, 1)
    rim_of = rim[label_map]
    light = brightness[label_map] * (rim_of + (1 - rim_of) * np.sqrt(thin * (2 - thin)))

    grain = 0.12 * smooth_noise(shape, rng, scale_px=2.0) + 0.13 * smooth_noise(shape, rng, scale_px=4.0)
    light *= np.exp(rng.uniform(0.6, 1.3) * grain)
    light *= 1 + rng.uniform(0.1, 1.4) * scatter_spots(shape, rng, per_px=0.012, size_px=1.2)
    light *= 1 - rng.uniform(0.2, 0.6) * scatter_spots(shape, rng, per_px=0.004, size_px=1.8)
    return light


def _marker(
    label_map: np.ndarray, geometry: NucleusGeometry, rng: np.random.Generator, pattern: str
) -> np.ndarray:
    """Light of one marker, in the cells that express it."""
    n = int(label_map.max(initial=0))
    level = np.exp(0.45 * rng.standard_normal(n + 1, np.float32))
    level[rng.random(n + 1) > rng.uniform(0.25, 0.7)] = 0
    level[0] = 0
    ring_px = 0.7 * float(np.median(geometry.core_px))
    # A cell ends where it is far from its nucleus, not with a hard edge but over two pixels.
    cell = 1 / (1 + np.exp(np.clip((geometry.reach_px - ring_px) / 1.0, -30, 30)))
    grain = np.exp(0.25 * smooth_noise(label_map.shape, rng, scale_px=2.5))
    if pattern == "nuclear":
        place = (label_map > 0) * (0.6 + 0.4 * np.clip(geometry.depth_px / 4, 0, 1))
    elif pattern == "membrane":
        edge = ndimage.maximum_filter(geometry.nearest, 3) != geometry.nearest
        shell = np.exp(-(((geometry.reach_px - ring_px) / 1.3) ** 2)) * (label_map == 0)
        place = np.maximum(shell, edge * cell) + 0.08 * cell
    else:
        place = cell * np.where(label_map > 0, np.float32(0.3), np.float32(1.0))
    return (level[geometry.nearest] * place * grain).astype(np.float32)


def through_optics(light: np.ndarray, rng: np.random.Generator, *, blur_px: float, haze: float) -> np.ndarray:
    """Blur by the microscope, with light from other planes, background and uneven illumination added."""
    shape = light.shape
    sharp = ndimage.gaussian_filter(light, blur_px, truncate=3)
    # Out-of-focus light varies slowly: made on every fourth pixel and spread back.
    coarse = light[::4, ::4]
    shift = tuple(int(s) for s in rng.integers(3, 9, 2))
    ghosts = ndimage.gaussian_filter(np.roll(coarse, shift, (0, 1)), 1.6, mode="nearest")
    veil = ndimage.gaussian_filter(coarse, 4.0, mode="nearest") + rng.uniform(0.0, 0.6) * ghosts
    veil = ndimage.zoom(veil, (4, 4), order=1, mode="nearest", grid_mode=True)[: shape[0], : shape[1]]
    background = rng.uniform(0.03, 0.1) * np.exp(0.3 * smooth_noise(shape, rng, scale_px=60.0))
    illumination = np.exp(0.12 * smooth_noise(shape, rng, scale_px=max(160.0, max(shape) / 3)))
    return np.maximum((sharp + haze * veil + background) * illumination, 0).astype(np.float32)


def camera(
    light: np.ndarray, rng: np.random.Generator, dtype: np.dtype, *, peak: float, photons: float
) -> np.ndarray:
    """Count photons, add read noise and an offset, and digitise; `peak` is where light 1.0 ends up."""
    counted = rng.poisson(light * photons).astype(np.float32) / photons
    noise = 0.008 * rng.standard_normal(light.shape, dtype=np.float32)
    full = 255.0 if dtype == np.uint8 else 4095.0
    grey = full * (peak * (counted + noise) + rng.uniform(0.01, 0.04))
    return np.clip(np.round(grey), 0, full).astype(dtype)
