"""Label maps of irregular, crowded nuclei, drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..geometry import largest_pieces
from .fields import smooth_noise

__all__ = ["draw_between", "draw_label_map"]

MIN_AREA_PX = 25
CROWDED_COVER = 0.75  # share of pixels in nuclei that random packing reaches in crowded tissue
CROWDED_GAP = 0.74  # centre distance of crowded nuclei, as a share of what would just touch
LONELY_GAP = 1.35  # the same for nuclei that stand alone
LARGEST = 1.5  # largest radius, as a multiple of the typical one
WAVES = 0.1  # how far outlines stray from ellipses, as a share of the typical radius


@dataclass(frozen=True)
class _Ellipses:
    """Ellipses, as the centres c and the matrices M of all points p with (p - c)' M^-1 (p - c) <= 1.

    Shapes:
        centre: (n, 2), row and column in pixels.
        spread: (n, 2, 2).
        gap: (n,), how far apart they keep, as a share of what would just touch.
    """

    centre: np.ndarray
    spread: np.ndarray
    gap: np.ndarray


def draw_between(
    shape: tuple[int, int],
    low: Sequence[float],
    high: Sequence[float],
    *,
    rng: np.random.Generator,
    **given: float | None,
) -> np.ndarray:
    """Draw a label map whose radius, density, clustering and elongation are drawn too.

    Args:
        shape: see `draw_label_map`.
        low: the least of each of the four.
        high: the most of each.
        rng: source of randomness.
        given: those of the four that are not drawn, by name; None is drawn.

    Shapes:
        returns: (H, W) int32, see `draw_label_map`.
    """
    # All four are drawn, given or not, so that fixing one leaves the others as they were.
    drawn = zip(("radius_px", "density", "clustering", "elongation"), rng.uniform(low, high), strict=True)
    settings = {name: float(value) for name, value in drawn}
    settings.update({name: value for name, value in given.items() if value is not None})
    return draw_label_map(shape, rng=rng, **settings)


def draw_label_map(
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    radius_px: float = 9.0,
    density: float = 0.45,
    clustering: float = 0.8,
    elongation: float = 1.35,
) -> np.ndarray:
    """Draw nuclei in crowded groups, in which neighbours share long borders without a gap, and some alone.

    Crowded regions are filled to the limit of random packing with ellipses that overlap a little; each pixel
    goes to the nucleus relative to whose outline it lies deepest, so borders run between the nuclei as in
    tissue. Elongated nuclei stand across the edge of their group, like the cells of a gland. The plane in
    which they lie is warped a little, so that no outline is a perfect ellipse.

    Args:
        shape: Height and width in pixels.
        rng: Source of randomness; the same state gives the same label map.
        radius_px: Typical radius of a nucleus; radii are log-normal around it.
        density: Share of the pixels that lie in nuclei, about; 0 to 0.7.
        clustering: Share of the nuclei that stand in crowded groups; 0 to 1.
        elongation: Typical ratio of the long to the short axis, 1 or more.

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
    nuclei = _candidates(shape, rng, radius_px, density, clustering, elongation)
    waves = [WAVES * radius_px * smooth_noise(shape, rng, scale_px=radius_px) for _ in shape]
    labels = _paint(nuclei, _compatible(nuclei), np.stack(waves))
    return largest_pieces(labels, min_area_px=MIN_AREA_PX)[0]


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
) -> _Ellipses:
    """Throw many more nuclei than fit; their order is their right of way."""
    margin = 2 * radius_px  # centres outside the picture give nuclei cut by its border
    size = np.array(shape) + 2 * margin
    crowd = smooth_noise(shape, rng, scale_px=5 * radius_px)
    slope = np.stack(np.gradient(crowd)) if min(shape) > 1 else np.zeros((2, *shape), np.float32)
    share = min(clustering * density / CROWDED_COVER, 1.0)
    limit = np.quantile(crowd, 1 - share) if share < 1 else -np.inf

    room = size.prod() / (np.pi * radius_px**2)
    centre = rng.random((int(np.ceil(5 * room)), 2)) * size - margin
    row, column = np.clip(centre.astype(np.int64), 0, np.array(shape) - 1).T
    crowded = (crowd[row, column] > limit) & (share > 0)
    lonely = np.flatnonzero(~crowded)[: int(round(1.6 * room * density * (1 - clustering)))]
    chosen = np.concatenate([np.flatnonzero(crowded), lonely])
    centre, row, column, crowded = centre[chosen], row[chosen], column[chosen], crowded[chosen]

    n = len(chosen)
    radius = radius_px * np.exp(np.clip(0.2 * rng.standard_normal(n), -0.5, np.log(LARGEST)))
    aspect = np.clip(elongation * np.exp(0.18 * rng.standard_normal(n)), 1.0, 2.4)
    across = np.arctan2(slope[1][row, column], slope[0][row, column])
    angle = np.where(crowded, across + 0.25 * rng.standard_normal(n), np.pi * rng.random(n))
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    beside = np.stack([-along[:, 1], along[:, 0]], axis=1)
    axes = np.stack(
        [along * (radius * np.sqrt(aspect))[:, None], beside * (radius / np.sqrt(aspect))[:, None]]
    )
    spread = np.einsum("kni,knj->nij", axes, axes)
    return _Ellipses(centre, spread, np.where(crowded, CROWDED_GAP, LONELY_GAP))


def _compatible(nuclei: _Ellipses) -> np.ndarray:
    """Indices of the nuclei that stay when each gives way to all earlier ones it overlaps too much."""
    kept = np.ones(len(nuclei.centre), bool)
    if not kept.size:
        return np.arange(0)
    room = nuclei.spread * nuclei.gap[:, None, None] ** 2
    # No ellipse is longer than twice the root of its trace.
    farthest = 2 * np.sqrt(np.trace(room, axis1=1, axis2=2).max())
    first, second = cKDTree(nuclei.centre).query_pairs(farthest, output_type="ndarray").T
    step = nuclei.centre[first] - nuclei.centre[second]
    # Squared distance of the centres, in units in which two equal ellipses that just touch have 2.
    apart = np.einsum("ni,nij,nj->n", step, np.linalg.inv(room[first] + room[second]), step)
    clash = apart < 2
    for one, other in sorted(zip(first[clash].tolist(), second[clash].tolist(), strict=True)):
        if kept[one]:
            kept[other] = False
    return np.flatnonzero(kept)


def _paint(nuclei: _Ellipses, chosen: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """Give each pixel inside an ellipse to the one in which it lies deepest; labels are index + 1.

    Args:
        nuclei: All ellipses.
        chosen: Indices of those to paint.
        waves: How far each pixel is moved before it is looked up.

    Shapes:
        waves: (2, H, W)
        returns: (H, W) int32
    """
    shape = waves.shape[1:]
    labels = np.zeros(shape, np.int32)
    best = np.ones(shape)
    rows, columns = np.indices(shape) + waves
    farthest = np.abs(waves).max()
    for index in chosen:
        centre, spread = nuclei.centre[index], nuclei.spread[index]
        reach = np.sqrt(np.diag(spread)) + farthest
        start = np.maximum(np.ceil(centre - reach), 0).astype(int)
        stop = np.maximum(np.minimum(np.floor(centre + reach) + 1, shape), start).astype(int)
        window = tuple(slice(*ends) for ends in zip(start.tolist(), stop.tolist(), strict=True))
        down, right = rows[window] - centre[0], columns[window] - centre[1]
        (yy, yx), (_, xx) = np.linalg.inv(spread)
        depth = yy * down**2 + 2 * yx * down * right + xx * right**2  # 0 at the centre, 1 at the outline
        deeper = depth < best[window]
        best[window][deeper] = depth[deeper]
        labels[window][deeper] = index + 1
    return labels
