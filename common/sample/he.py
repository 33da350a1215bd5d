"""The look of nuclei in a tissue section stained with haematoxylin and eosin (H&E)."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from .fields import NucleusGeometry, measure_geometry, scatter_spots, smooth_noise

__all__ = ["render_he"]

# Optical density of each stain in red, green and blue light; how strong is decided per image.
HAEMATOXYLIN = (0.60, 0.73, 0.32)
EOSIN = (0.15, 0.87, 0.47)
LUMA = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32)


def render_he(label_map: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Picture the nuclei of a label map as a slide scanner would see them in an H&E section.

    The amounts of both stains are drawn per pixel, then turned into colours by the Beer-Lambert law: light
    falls off exponentially with the sum over stains of amount times optical density. Stain colours and
    strengths differ from image to image.

    Args:
        label_map: Nuclei 1..N, 0 = background.
        rng: Source of randomness.

    Shapes:
        label_map: (H, W) integer
        returns: (3, H, W) uint8, red, green, blue
    """
    geometry = measure_geometry(label_map)
    shape = label_map.shape
    tissue = _tissue(geometry, shape, rng)
    blue = _haematoxylin(label_map, geometry, tissue, rng)
    stains = np.stack([blue, _eosin(label_map, geometry, tissue, rng)])
    vectors = np.array([HAEMATOXYLIN, EOSIN]) + rng.normal(0, 0.035, (2, 3))
    vectors = np.clip(vectors, 0.03, None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    strength = np.array([rng.uniform(1.4, 2.1), rng.uniform(0.6, 1.05)])
    density = np.tensordot((vectors * strength[:, None]).astype(np.float32), stains, axes=(0, 0))
    for band in density:
        ndimage.gaussian_filter(band, rng.uniform(0.65, 0.95), output=band, truncate=3)
    white = rng.uniform(236, 250, (3, 1, 1)).astype(np.float32)
    noise = rng.uniform(1.0, 2.5) * rng.standard_normal(density.shape, np.float32)
    picture = white * np.exp(-density) + noise
    picture = _compress(picture, rng.uniform(3, 9))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _tissue(geometry: NucleusGeometry, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Where there is tissue (1) and where glass shows through a gap (0), never inside a nucleus."""
    field = smooth_noise(shape, rng, scale_px=26.0) + 0.35 * smooth_noise(shape, rng, scale_px=7.0)
    reach = geometry.reach_px
    level = field + rng.uniform(1.1, 1.9) + 3 * np.exp(-reach / 4) - 0.05 * np.minimum(reach, 15)
    return 1 / (1 + np.exp(-np.clip(level * 5, -30, 30)))


def _haematoxylin(
    label_map: np.ndarray, geometry: NucleusGeometry, tissue: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Blue-purple stain: chromatin clumps, a darker nuclear membrane, nucleoli, a trace in the cytoplasm."""
    shape, n = label_map.shape, int(label_map.max(initial=0))
    open_share = rng.uniform(0.2, 0.9)  # pale nuclei with loose chromatin; the others are small and dark
    loose = rng.random(n + 1) < open_share
    base = np.where(loose, rng.uniform(0.42, 0.62), rng.uniform(0.75, 0.95))
    base = base * np.exp(0.14 * rng.standard_normal(n + 1))
    membrane = np.where(loose, 0.42, 0.2) * rng.uniform(0.6, 1.4, n + 1)
    clumps = np.where(loose, 0.36, 0.22)
    texture = 0.6 * smooth_noise(shape, rng, scale_px=2.2) + 0.6 * smooth_noise(shape, rng, scale_px=4.0)
    inside = label_map > 0
    per_nucleus = np.stack([base, clumps, membrane]).astype(np.float32)
    amount = per_nucleus[0][label_map] * (1 + per_nucleus[1][label_map] * texture)
    amount += per_nucleus[2][label_map] * np.exp(-(((geometry.depth_px - 1.3) / 0.9) ** 2))
    amount += 0.45 * scatter_spots(shape, rng, per_px=0.006, size_px=1.4)
    cytoplasm = rng.uniform(0.02, 0.14) * np.exp(-geometry.reach_px / 8) + 0.03 * np.abs(texture)
    return np.where(inside, np.maximum(amount, 0.12), cytoplasm * tissue).astype(np.float32)


def _eosin(
    label_map: np.ndarray, geometry: NucleusGeometry, tissue: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Pink stain: grainy cytoplasm near the nuclei, wavy fibres of collagen away from them, cell borders."""
    shape = label_map.shape
    grain = 0.5 * smooth_noise(shape, rng, scale_px=2.2) + 0.5 * smooth_noise(shape, rng, scale_px=6.0)
    patch = smooth_noise(shape, rng, scale_px=30.0)
    cytoplasm = rng.uniform(0.32, 0.5) * np.exp(0.22 * grain + 0.15 * patch)

    fibres = 0.5 * np.exp(0.5 * _fibres(shape, rng) + 0.3 * patch) + 0.06 * grain

    cell_px = rng.uniform(5, 9)
    far = 1 / (1 + np.exp(-np.clip((geometry.reach_px - cell_px) / 1.2, -30, 30)))
    amount = (1 - far) * cytoplasm + far * fibres
    border = (ndimage.maximum_filter(geometry.nearest, 2) != geometry.nearest) & (label_map == 0)
    border = ndimage.gaussian_filter(border.astype(np.float32), 0.7, truncate=3)
    amount *= 1 - rng.uniform(-0.2, 0.8) * np.clip(border, 0, 1)  # shrinkage opens some borders, others stain
    amount = np.where(label_map > 0, 0.35 * cytoplasm, amount * tissue)
    return np.maximum(amount, 0).astype(np.float32)


def _fibres(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Wavy strands of variance about 1: noise that is long one way, seen through bent coordinates."""
    row, column = np.ogrid[: shape[0], : shape[1]]
    turn = rng.uniform(0, np.pi)
    along = np.cos(turn) * row + np.sin(turn) * column
    across = np.cos(turn) * column - np.sin(turn) * row
    across = across + 9.0 * smooth_noise(shape, rng, scale_px=40.0)
    across = across + 1.5 * smooth_noise(shape, rng, scale_px=12.0)
    strands = smooth_noise((256, 256), rng, scale_px=2.0)
    coordinates = np.stack([across / rng.uniform(0.9, 1.6), along / rng.uniform(12, 22)])
    return ndimage.map_coordinates(strands, coordinates, order=1, mode="mirror")


def _compress(picture: np.ndarray, step: float) -> np.ndarray:
    """Round the cosine coefficients of 8x8 blocks as JPEG does: fine for brightness, coarser for colour.

    Args:
        picture: Red, green and blue.
        step: Size of a rounding step of brightness, in grey levels.

    Shapes:
        picture: (3, H, W) float32
        returns: (3, H, W) float32
    """
    height, width = picture.shape[1:]
    planes = np.tensordot(LUMA, picture, axes=1)
    planes = np.pad(planes, ((0, 0), (0, -height % 8), (0, -width % 8)), mode="edge")
    blocks = planes.reshape(3, planes.shape[1] // 8, 8, planes.shape[2] // 8, 8)
    waves = np.arange(8)
    steps = step * (1 + 0.35 * (waves[:, None] + waves[None, :])).astype(np.float32)
    steps = np.stack([steps, 2 * steps, 2 * steps])[:, None, :, None, :]
    spectrum = fft.dctn(blocks, axes=(2, 4), norm="ortho")
    blocks = fft.idctn(np.round(spectrum / steps) * steps, axes=(2, 4), norm="ortho")
    planes = blocks.reshape(planes.shape)[:, :height, :width]
    return np.tensordot(np.linalg.inv(LUMA).astype(np.float32), planes, axes=1)
