"""A label map -> a colourful picture in which no two neighbouring nuclei have the same colour."""

from __future__ import annotations

import colorsys

import numpy as np
from jaxtyping import Integer, UInt8

__all__ = ["label_colours", "neighbour_pairs"]

# Neighbours within a gap of one pixel, as (row, column) steps: a thin gap is not seen on a screen.
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
_COLOURS = 12


def label_colours(label_map: Integer[np.ndarray, "h w"], *, seed: int = 0) -> UInt8[np.ndarray, "h w 3"]:
    """Give every nucleus a random colour that none of its neighbours has; background is black.

    Args:
        label_map: 0 = background; ids need not be contiguous.
        seed: of the colours; the same seed gives the same picture.

    Shapes:
        label_map: (H, W), integers.
        returns: (H, W, 3), uint8.

    Example:
        >>> picture = label_colours(np.array([[1, 2, 0, 9]]))
        >>> bool((picture[0, 0] != picture[0, 1]).any()), picture[0, 2].tolist()
        (True, [0, 0, 0])
    """
    ids, positions = np.unique(label_map, return_inverse=True)
    positions = positions.reshape(label_map.shape)  # flat in numpy 1.26
    neighbours: list[list[int]] = [[] for _ in ids]
    for one, other in neighbour_pairs(positions, background=int(np.searchsorted(ids, 0)) if 0 in ids else -1):
        neighbours[one].append(other)
        neighbours[other].append(one)
    rng = np.random.default_rng(seed)
    wishes = rng.integers(_COLOURS, size=len(ids)).tolist()
    chosen = [-1] * len(ids)
    for position in range(len(ids)):
        taken = {chosen[other] for other in neighbours[position]}
        colour = wishes[position]
        # The next colours in turn; a nucleus with a dozen neighbours may need one more than there are.
        tries = 0
        while colour in taken:
            tries += 1
            colour = (wishes[position] + tries) % _COLOURS if tries < _COLOURS else tries
        chosen[position] = colour
    palette = _palette(max(chosen, default=0) + 1)
    table = palette[np.array(chosen, dtype=int)] if chosen else np.zeros((0, 3), dtype=np.uint8)
    table[ids == 0] = 0
    return table[positions]


def neighbour_pairs(label_map: Integer[np.ndarray, "h w"], *, background: int = 0) -> list[tuple[int, int]]:
    """Return the pairs of labels that touch, corners and gaps of one pixel included.

    Args:
        label_map: integers from 0 to 2,147,483,647.
        background: the label that is nobody's neighbour.

    Shapes:
        label_map: (H, W), integers.
    """
    height, width = label_map.shape
    # A pair as one number: sorting those is ten times quicker than sorting rows.
    count = int(label_map.max(initial=0)) + 1
    found = []
    for down, right in _STEPS:
        left = max(0, -right)
        one = label_map[: height - down, left : width - max(0, right)]
        other = label_map[down:, left + right : width + min(0, right)]
        touching = (one != other) & (one != background) & (other != background)
        pair = one[touching].astype(np.int64), other[touching].astype(np.int64)
        found.append(np.minimum(*pair) * count + np.maximum(*pair))
    return [divmod(pair, count) for pair in np.unique(np.concatenate(found)).tolist()]


def _palette(count: int) -> np.ndarray:
    # Steps of the golden ratio keep hues apart however many there are; lightness alternates beside them.
    colours = [
        colorsys.hls_to_rgb(0.618034 * index % 1.0, (0.45, 0.65, 0.8)[index % 3], 0.9)
        for index in range(count)
    ]
    return np.rint(np.array(colours) * 255).astype(np.uint8).reshape(-1, 3)
