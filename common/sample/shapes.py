"""Label maps of irregular, crowded nuclei, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import label

from .fields import smooth_noise

__all__ = ["draw_label_map"]

MIN_AREA_PX = 25
CROWDED_COVER = 0.75  # share of pixels in nuclei that random packing reaches in crowded tissue
CROWDED_GAP = 0.74  # centre distance of crowded nuclei, as a share of what would just touch
LONELY_GAP = 1.35  # the same for nuclei that stand alone
LARGEST = 1.5  # largest radius, as a multiple of the typical one


@dataclass(frozen=True)
class _Nuclei:
    """Outlines of n nuclei: ellipses, bent and perturbed; every attribute has n entries."""

    centre: np.ndarray
    semi_axes: np.ndarray
    angle: np.ndarray
    wobble: np.ndarray
    bend: np.ndarray
    gap: np.ndarray

    def take(self, index: np.ndarray) -> _Nuclei:
        """Some of the nuclei."""
        return _Nuclei(*(getattr(self, field.name)[index] for field in fields(self)))

    def moved(self, offset: tuple[int, int]) -> _Nuclei:
        """The same nuclei elsewhere."""
        return _Nuclei(self.centre + offset, self.semi_axes, self.angle, self.wobble, self.bend, self.gap)

    @property
    def reach_px(self) -> np.ndarray:
        """Radius of a circle that holds the whole nucleus."""
        return 1.35 * self.semi_axes.max(axis=1) + 1


def draw_label_map(
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    radius_px: float = 9.0,
    density: float = 0.45,
    clustering: float = 0.8,
    elongation: float = 1.35,
    irregularity: float = 0.05,
    wrap: bool = False,
) -> np.ndarray:
    """Draw nuclei in crowded groups, in which neighbours share long borders without a gap, and some alone.

    Crowded regions are filled to the limit of random packing with nuclei that overlap a little; each pixel
    goes to the nucleus relative to whose outline it lies deepest, so borders run between the nuclei as in
    tissue. Elongated nuclei stand across the edge of their group, like the cells of a gland.

    Args:
        shape: Height and width in pixels.
        rng: Source of randomness; the same state gives the same label map.
        radius_px: Typical radius of a nucleus; radii are log-normal around it.
        density: Share of the pixels that lie in nuclei, about; 0 to 0.7.
        clustering: Share of the nuclei that stand in crowded groups; 0 to 1.
        elongation: Typical ratio of the long to the short axis, 1 or more.
        irregularity: Size of the outline's waves, as a share of the radius.
        wrap: Let nuclei that leave at one edge enter at the opposite one, so that copies can be tiled.

    Shapes:
        returns: (H, W) int32, 0 = background, 1..N without gaps

    Raises:
        ValueError: If an argument lies outside its range.

    Example:
        >>> labels = draw_label_map((96, 96), rng=np.random.default_rng(0))
        >>> sorted(set(labels.ravel().tolist())) == list(range(labels.max() + 1))
        True
    """
    _check(shape, radius_px, density, clustering, elongation)
    nuclei = _candidates(shape, rng, radius_px, density, clustering, elongation, irregularity, wrap)
    nuclei = nuclei.take(_compatible(nuclei, shape if wrap else None))
    if not wrap:
        return _tidy(_paint(nuclei, shape))[0]
    return _paint_wrapped(nuclei, shape)


def _check(
    shape: tuple[int, int], radius_px: float, density: float, clustering: float, elongation: float
) -> None:
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"shape {tuple(shape)} must be a height and a width of at least 1 pixel")
    if radius_px < 3:
        raise ValueError(
            f"radius_px {radius_px} is too small: use 3 or more (nuclei have {MIN_AREA_PX} pixels)"
        )
    if not 0 <= density <= 0.7:
        raise ValueError(f"density {density} must lie in 0 to 0.7")
    if not 0 <= clustering <= 1:
        raise ValueError(f"clustering {clustering} must lie in 0 to 1")
    if elongation < 1:
        raise ValueError(f"elongation {elongation} must be 1 or more")


def _candidates(
    shape: tuple[int, int],
    rng: np.random.Generator,
    radius_px: float,
    density: float,
    clustering: float,
    elongation: float,
    irregularity: float,
    wrap: bool,
) -> _Nuclei:
    """Throw many more nuclei than fit; their order is their right of way."""
    margin = 0.0 if wrap else 2 * radius_px  # centres outside the picture give nuclei cut by its border
    size = np.array(shape) + 2 * margin
    crowd = smooth_noise(shape, rng, scale_px=5 * radius_px, wrap=wrap)
    slope = np.stack(np.gradient(crowd)) if min(shape) > 1 else np.zeros((2, *shape), np.float32)
    share = min(clustering * density / CROWDED_COVER, 1.0)
    limit = np.quantile(crowd, 1 - share) if share < 1 else -np.inf

    room = size.prod() / (np.pi * radius_px**2)
    tries = int(np.ceil(5 * room))
    centre = rng.random((tries, 2)) * size - margin
    pixel = np.clip(centre.astype(np.int64), 0, np.array(shape) - 1)
    crowded = (crowd[pixel[:, 0], pixel[:, 1]] > limit) & (share > 0)
    lonely_count = int(round(1.6 * room * density * (1 - clustering)))
    lonely = np.flatnonzero(~crowded)[:lonely_count]
    chosen = np.concatenate([np.flatnonzero(crowded), lonely])
    centre, pixel, crowded = centre[chosen], pixel[chosen], crowded[chosen]

    n = len(chosen)
    radius = radius_px * np.exp(np.clip(0.2 * rng.standard_normal(n), -0.5, np.log(LARGEST)))
    aspect = np.clip(elongation * np.exp(0.18 * rng.standard_normal(n)), 1.0, 2.4)
    across = np.arctan2(slope[1][pixel[:, 0], pixel[:, 1]], slope[0][pixel[:, 0], pixel[:, 1]])
    angle = np.where(crowded, across + 0.25 * rng.standard_normal(n), np.pi * rng.random(n))
    waves = irregularity * np.array([0.9, 0.7, 0.45, 0.3])
    wobble = waves * (rng.standard_normal((n, 4)) + 1j * rng.standard_normal((n, 4)))
    wobble *= np.minimum(1, 0.25 / np.maximum(np.abs(wobble).sum(axis=1, keepdims=True), 1e-6))
    bend = np.where(rng.random(n) < 0.25, rng.uniform(-0.35, 0.35, n), 0.0)
    return _Nuclei(
        centre=centre,
        semi_axes=radius[:, None] * np.stack([np.sqrt(aspect), 1 / np.sqrt(aspect)], axis=1),
        angle=angle,
        wobble=wobble.astype(np.complex64),
        bend=bend,
        gap=np.where(crowded, CROWDED_GAP, LONELY_GAP),
    )


def _compatible(nuclei: _Nuclei, period: tuple[int, int] | None) -> np.ndarray:
    """Indices of the nuclei that stay when each gives way to all earlier ones it overlaps too much."""
    n = len(nuclei.centre)
    if n == 0:
        return np.arange(0)
    axes = nuclei.semi_axes * nuclei.gap[:, None]
    cos, sin = np.cos(nuclei.angle), np.sin(nuclei.angle)
    long, short = axes[:, 0] ** 2, axes[:, 1] ** 2
    yy, xx = long * cos**2 + short * sin**2, long * sin**2 + short * cos**2
    yx = (long - short) * cos * sin
    bound = axes.max(axis=1)

    tree = cKDTree(nuclei.centre, boxsize=period)
    first, second = tree.query_pairs(2 * bound.max(), output_type="ndarray").T
    step = nuclei.centre[first] - nuclei.centre[second]
    if period is not None:
        step -= np.round(step / period) * period
    near = (step**2).sum(axis=1) < (bound[first] + bound[second]) ** 2
    first, second, step = first[near], second[near], step[near]
    a, b, c = (m[first] + m[second] for m in (yy, xx, yx))
    # Squared distance of the centres, in units in which two equal ellipses that just touch have 2.
    apart = (b * step[:, 0] ** 2 + a * step[:, 1] ** 2 - 2 * c * step[:, 0] * step[:, 1]) / (a * b - c**2)
    clash = apart < 2
    first, second = first[clash], second[clash]
    first, second = np.minimum(first, second), np.maximum(first, second)

    undecided, kept = np.ones(n, bool), np.zeros(n, bool)
    while undecided.any():
        waits = np.zeros(n, bool)
        waits[second] = True
        won = undecided & ~waits
        kept |= won
        undecided &= ~won
        undecided[second[won[first]]] = False
        open_pair = undecided[first] & undecided[second]
        first, second = first[open_pair], second[open_pair]
    return np.flatnonzero(kept)


def _relative_depth(nuclei: _Nuclei, half: int, corner: np.ndarray) -> np.ndarray:
    """Distance from the centre relative to the outline (1 = on it), in a window around each nucleus.

    Shapes:
        returns: (n, 2 half + 1, 2 half + 1) float32
    """
    grid = np.arange(2 * half + 1, dtype=np.float32)
    dy = (grid[None, :] + (corner - nuclei.centre)[:, :1]).astype(np.float32)[:, :, None]
    dx = (grid[None, :] + (corner - nuclei.centre)[:, 1:]).astype(np.float32)[:, None, :]
    cos, sin = (f(nuclei.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    long, short = nuclei.semi_axes.astype(np.float32).T[:, :, None, None]
    u = (dy * cos + dx * sin) / long
    v = (dx * cos - dy * sin) / short
    v -= nuclei.bend.astype(np.float32)[:, None, None] * (u**2 - 0.4)
    distance = np.sqrt(u**2 + v**2) + np.float32(1e-6)
    direction = (u + 1j * v) / distance
    outline = np.ones_like(distance)
    power = direction
    for k in range(nuclei.wobble.shape[1]):
        power = power * direction  # waves of 2, 3, 4 ... periods around the nucleus
        outline += (nuclei.wobble[:, k, None, None] * power).real
    return distance / outline


def _paint(nuclei: _Nuclei, shape: tuple[int, int]) -> np.ndarray:
    """Give each pixel inside an outline to the nucleus in which it lies deepest; labels are index + 1."""
    labels = np.zeros(shape, np.int32)
    best = np.ones(shape, np.float32)
    order = np.argsort(nuclei.reach_px, kind="stable")
    for part in np.array_split(order, max(len(order) // 64, 1)):
        if not len(part):
            continue
        half = int(np.ceil(nuclei.reach_px[part].max()))
        corner = np.round(nuclei.centre[part]).astype(np.int64) - half
        depth = _relative_depth(nuclei.take(part), half, corner)
        for place, index in enumerate(part):
            top, left = (int(edge) for edge in corner[place])
            rows = slice(max(top, 0), min(top + 2 * half + 1, shape[0]))
            columns = slice(max(left, 0), min(left + 2 * half + 1, shape[1]))
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            window = depth[place, rows.start - top : rows.stop - top]
            here = window[:, columns.start - left : columns.stop - left]
            deeper = here < best[rows, columns]
            np.copyto(best[rows, columns], here, where=deeper)
            labels[rows, columns][deeper] = index + 1
    return labels


def _tidy(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the largest piece of each nucleus, drop small ones, number from 1; also return the old labels."""
    pieces = label(labels, connectivity=1, background=0)
    area = np.bincount(pieces.ravel())
    owner = np.zeros(len(area), np.int64)
    owner[pieces.ravel()] = labels.ravel()
    area[0] = 0
    by_size = np.argsort(area, kind="stable")
    largest = np.zeros(int(owner.max(initial=0)) + 1, np.int64)
    largest[owner[by_size]] = by_size  # the last write, which is the largest piece, stays
    keep = np.zeros(len(area), bool)
    keep[largest] = True
    keep &= (area >= MIN_AREA_PX) & (owner > 0)
    renumber = np.zeros(len(area), np.int32)
    renumber[keep] = np.arange(1, keep.sum() + 1)
    return renumber[pieces], np.concatenate([[0], owner[keep]])


def _paint_wrapped(nuclei: _Nuclei, shape: tuple[int, int]) -> np.ndarray:
    """Paint on a larger canvas with copies of the nuclei near the edges, then cut the middle out."""
    n = len(nuclei.centre)
    if n == 0:
        return np.zeros(shape, np.int32)
    pad = int(np.ceil(2 * nuclei.reach_px.max()))
    canvas = (shape[0] + 2 * pad, shape[1] + 2 * pad)
    copies, original = [], []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            copy = nuclei.moved((pad + down * shape[0], pad + right * shape[1]))
            near = np.flatnonzero(((copy.centre > 0) & (copy.centre < canvas)).all(axis=1))
            copies.append(copy.take(near))
            original.append(near)
    names = (field.name for field in fields(nuclei))
    everything = _Nuclei(*(np.concatenate([getattr(copy, name) for copy in copies]) for name in names))
    labels, old = _tidy(_paint(everything, canvas))
    base = np.concatenate([[0], np.concatenate(original) + 1])[old]
    middle = base[labels[pad:-pad, pad:-pad]]
    present = np.zeros(n + 1, bool)
    present[middle.ravel()] = True
    present[0] = False
    renumber = np.where(present, np.cumsum(present), 0)
    return renumber[middle].astype(np.int32)
