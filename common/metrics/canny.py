"""Canny edges of a binary mask, in whole numbers and about eight times faster than on a grey image."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import ndimage

# Gaussian of sigma 1 px, cut at 4 px, in units of 1/16384. With whole numbers the two pixels beside a
# straight outline tie exactly, and the result turns with the image; with fractions, noise in the last
# digit would decide which of the two is kept. Row sums fit uint16, gradients (up to 2**30) int32.
_GAUSSIAN = np.round(16384 * np.exp(-(np.arange(5) ** 2) / 2) / np.exp(-(np.arange(-4, 5) ** 2) / 2).sum())
_FULL = float((_GAUSSIAN[0] + 2 * _GAUSSIAN[1:].sum()) ** 2)
# Hysteresis thresholds on the Sobel magnitude of a step of height 1 (scikit-image's defaults).
_LOW, _HIGH = 0.1, 0.2
# Gaussian (4) + Sobel (1) + neighbours in the suppression (1).
_HALO_PX = 6
# Rows worked on at a time: what a strip needs fits into the cache of one core.
_STRIP_ROWS = 64


def canny_edges(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Find the edges of a mask as Canny's detector does, with sigma 1 px and thresholds .1 and .2.

    The mask continues beyond the border as it is there, so nuclei cut by the border get no edge along
    it. Otherwise the result is that of `skimage.feature.canny(mask, mode="nearest")`, except for ties:
    where the pixels on both sides of an outline are equally strong we keep both.

    Args:
        mask: the foreground.

    References:
        Canny, A computational approach to edge detection, IEEE TPAMI 1986.

    Example:
        >>> square = np.zeros((9, 9), dtype=bool)
        >>> square[:, 4:] = True
        >>> np.flatnonzero(canny_edges(square)[4]).tolist()
        [3, 4]
    """
    height, width = mask.shape
    padded = np.pad(mask.view(np.uint8), _HALO_PX, mode="edge")
    edges = np.empty((height, width), dtype=bool)
    strong = np.empty((height, width), dtype=bool)
    for top in range(0, height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, height)
        thin, high = _edges_of_strip(padded[top : bottom + 2 * _HALO_PX])
        edges[top:bottom], strong[top:bottom] = thin, high
    return _linked(edges, strong)


def _edges_of_strip(padded: np.ndarray) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Return the thinned edges of a strip with its halo removed, and which of them are strong.

    Everything is computed on the flattened strip: a step of one row is a step of `width` entries, and
    what wraps around the ends of a row stays inside the halo.
    """
    height, width = padded.shape[0] - 2 * _HALO_PX, padded.shape[1]
    smooth = _smooth(padded)  # rows -2 ... height + 1
    along_row, along_column = _gradient(smooth, width)  # rows -1 ... height
    magnitude = np.zeros(along_row.size + 2, dtype=np.float32)  # squared; one entry more at either end
    squares = along_row * along_row
    np.multiply(along_column, along_column, out=magnitude[1:-1])
    steep = (magnitude[1:-1] > squares)[width:-width]  # the gradient points rather down than right
    magnitude[1:-1] += squares
    falling = (along_row * along_column >= 0)[width:-width]  # it points down right or up left
    centre = magnitude[1 + width : -1 - width]

    def weaker(rows: int, columns: int) -> np.ndarray:
        start = 1 + width + rows * width + columns
        return centre < magnitude[start : start + centre.size]

    # On either side along the gradient, the magnitude is interpolated between the neighbour on the
    # axis and the one on the diagonal. Most pixels are decided without interpolation: weaker than
    # neither is an edge, weaker than both of one side is none.
    flat, rising = ~steep, ~falling
    down_left, up_right = weaker(1, -1), weaker(-1, 1)
    axis_ahead = (steep & weaker(1, 0)) | (flat & weaker(0, 1))
    axis_behind = (steep & weaker(-1, 0)) | (flat & weaker(0, -1))
    diagonal_ahead = (falling & weaker(1, 1)) | (rising & ((steep & down_left) | (flat & up_right)))
    diagonal_behind = (falling & weaker(-1, -1)) | (rising & ((steep & up_right) | (flat & down_left)))
    edges = centre >= np.float32((_LOW * _FULL) ** 2)
    open_question = edges & (axis_ahead | axis_behind | diagonal_ahead | diagonal_behind)
    edges &= ~open_question
    open_question &= ~((axis_ahead & diagonal_ahead) | (axis_behind & diagonal_behind))

    at = np.flatnonzero(open_question)
    is_steep, is_falling = steep[at], falling[at]
    axis = np.where(is_steep, width, 1)
    diagonal = np.where(is_falling, width + 1, np.where(is_steep, width - 1, 1 - width))
    kept = _is_ridge(magnitude, along_row, along_column, at + width, axis, diagonal)
    edges[at[kept]] = True
    strong = edges & (centre >= np.float32((_HIGH * _FULL) ** 2))
    inside = (slice(None), slice(_HALO_PX, width - _HALO_PX))
    return edges.reshape(height, width)[inside], strong.reshape(height, width)[inside]


def _smooth(padded: np.ndarray) -> Integer[np.ndarray, " n"]:
    """Convolve a strip with the Gaussian; four rows are lost at the top and at the bottom."""
    width = padded.shape[1]
    rows = np.zeros(padded.size, dtype=np.int32)
    rows[4:-4] = _convolve(padded.astype(np.uint16).ravel(), 1)
    return _convolve(rows, width)


def _convolve(values: Integer[np.ndarray, " n"], stride: int) -> Integer[np.ndarray, " m"]:
    """Convolve with the Gaussian along entries `stride` apart; four such are lost at either end."""
    size, kind = values.size - 8 * stride, values.dtype.type
    total: np.ndarray = values[4 * stride : 4 * stride + size] * kind(_GAUSSIAN[0])
    for step in range(1, 5):
        before, behind = (4 - step) * stride, (4 + step) * stride
        pair: np.ndarray = values[before : before + size] + values[behind : behind + size]
        pair *= kind(_GAUSSIAN[step])
        total += pair
    return total


def _gradient(
    smooth: Integer[np.ndarray, " n"], width: int
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Apply Sobel's kernels along the rows and along the columns; one row is lost at either end."""
    size = smooth.size - 2 * width
    sums, differences = np.zeros_like(smooth), np.zeros_like(smooth)
    np.add(smooth[:-2], smooth[2:], out=sums[1:-1])
    sums += smooth
    sums += smooth
    np.subtract(smooth[2:], smooth[:-2], out=differences[1:-1])
    along_column = sums[2 * width : 2 * width + size] - sums[:size]
    along_row = differences[2 * width : 2 * width + size] + differences[:size]
    along_row += differences[width : width + size]
    along_row += differences[width : width + size]
    return along_row.astype(np.float32), along_column.astype(np.float32)


def _is_ridge(
    magnitude: np.ndarray,
    along_row: np.ndarray,
    along_column: np.ndarray,
    at: np.ndarray,
    axis: np.ndarray,
    diagonal: np.ndarray,
) -> Bool[np.ndarray, " n"]:
    """Compare pixels with the interpolated magnitudes ahead of and behind them along the gradient.

    Args:
        magnitude: squared magnitudes, with one entry more at either end.
        along_row: gradient along the rows.
        along_column: gradient along the columns.
        at: positions of the pixels in the gradients.
        axis: step to the neighbour ahead on the axis.
        diagonal: step to the neighbour ahead on the diagonal.
    """
    across, down = np.abs(along_row[at]), np.abs(along_column[at])
    weight = np.minimum(across, down) / np.maximum(across, down)
    at = at + 1
    here = np.sqrt(magnitude[at])
    ahead = np.sqrt(magnitude[at + diagonal]) * weight + np.sqrt(magnitude[at + axis]) * (1 - weight)
    behind = np.sqrt(magnitude[at - diagonal]) * weight + np.sqrt(magnitude[at - axis]) * (1 - weight)
    return (ahead <= here) & (behind <= here)


def _linked(edges: Bool[np.ndarray, "h w"], strong: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Keep the edges that hang together with a strong one; a mask has hardly ever another."""
    if np.array_equal(edges, strong):
        return edges
    pieces, n_pieces = ndimage.label(edges, np.ones((3, 3)))
    kept = np.zeros(n_pieces + 1, dtype=bool)
    kept[pieces[strong]] = True
    return kept[pieces]
