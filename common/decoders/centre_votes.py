"""Maps -> label map by votes: pixels point at their nucleus' centre; those that meet are one nucleus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy import ndimage

from .clean import clean_labels
from .tensor_votes import CentreVotesModule
from .threshold import logit_of

GRID = 2  # side in pixels of the cells in which the nearest centre is looked up: a quarter of the work


def follow_offsets(mask: np.ndarray, offsets: np.ndarray, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the pixels of a mask arrive after some jumps along the offset field.

    The first jump leads near the centre; the next ones start where offsets are short and sure: they sharpen
    it.

    Args:
        mask: pixels that jump, n of them.
        offsets: way to the centre in pixels.
        steps: number of jumps, 0 or more.

    Shapes:
        mask: (h, w) bool.
        offsets: (2, h, w), rows and columns.
        returns: two (n,) arrays, rows and columns inside the image, as `np.nonzero(mask)` orders the pixels.

    Example:
        >>> offsets = np.array([[[0, 0, 0]], [[1, 0, -9]]], np.float32)
        >>> [place.tolist() for place in follow_offsets(np.ones((1, 3), bool), offsets, steps=1)]
        [[0, 0, 0], [1, 1, 0]]
    """
    height, width = mask.shape
    place = np.flatnonzero(mask)
    row, column = place // width, place % width
    rows, columns = row.astype(np.float32), column.astype(np.float32)
    down, right = offsets[0].ravel(), offsets[1].ravel()
    for _ in range(steps):
        rows += down[place]
        columns += right[place]
        np.clip(rows, 0, height - 1, out=rows)
        np.clip(columns, 0, width - 1, out=columns)
        row, column = (rows + 0.5).astype(np.intp), (columns + 0.5).astype(np.intp)
        place = row * width + column
    return row, column


def window_maximum(values: np.ndarray, size: int) -> np.ndarray:
    """Return the highest value in a square window around every pixel; beyond the image lies 0.

    Equals `scipy.ndimage.maximum_filter(values, size, mode="constant")`, which takes five times as long: here
    the window doubles with every comparison of two shifted views.

    Args:
        values: none below 0.
        size: side of the window in pixels; an even one reaches further up and to the left.

    Shapes:
        values: (h, w).
        returns: (h, w), same type.

    Example:
        >>> window_maximum(np.array([[5, 0, 0, 7]]), 3).tolist()
        [[5, 5, 7, 7]]
    """
    for axis in (0, 1):
        beyond = [(0, 0), (0, 0)]
        beyond[axis] = (size // 2, size - 1 - size // 2)
        best = np.swapaxes(np.pad(values, beyond), 0, axis)
        width = 1
        while width < size:
            step = min(width, size - width)
            best = np.maximum(best[:-step], best[step:])
            width += step
        values = np.swapaxes(best, 0, axis)
    return values


def find_centres(
    rows: np.ndarray,
    columns: np.ndarray,
    shape: tuple[int, int],
    *,
    smoothing_px: float,
    window_px: int,
    min_votes: float,
) -> np.ndarray:
    """Return the peaks of the density of votes, numbered 1..N.

    Args:
        rows: row of each vote.
        columns: column of each vote.
        shape: height and width of the image.
        smoothing_px: standard deviation of the density estimate; the scatter of the votes of one nucleus.
        window_px: a peak is the highest in a square window of this side: centres are at least half of it
            apart.
        min_votes: votes that must meet in a peak (as many as within its Gaussian's core).

    Shapes:
        returns: (h, w) int32, 0 = no centre.
    """
    height, width = shape
    votes = np.bincount(rows * width + columns, minlength=height * width).reshape(shape).astype(np.float32)
    density = ndimage.gaussian_filter(votes, smoothing_px, mode="constant", truncate=3)
    density *= 2 * np.pi * smoothing_px**2  # all votes in one pixel: as high as their number
    peaks = density >= min_votes
    peaks &= density == window_maximum(density, window_px)
    return ndimage.label(peaks, structure=np.ones((3, 3)))[0].astype(np.int32)


def nearest_centre(centres: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the number of the centre nearest to each place.

    Args:
        centres: numbered centres, at least one.
        rows: row of each place.
        columns: column of each place.

    Shapes:
        centres: (h, w), 0 = no centre.
        returns: (n,) numbers.
    """
    coarse = np.zeros([-(-n // GRID) for n in centres.shape], centres.dtype)
    where = np.nonzero(centres)
    coarse[where[0] // GRID, where[1] // GRID] = centres[where]
    nearest = ndimage.distance_transform_edt(coarse == 0, return_distances=False, return_indices=True)
    zones = coarse[tuple(nearest)]
    return zones[rows // GRID, columns // GRID]


class CentreVotesDecoder:
    """Decode a foreground map and two offset maps into nuclei.

    Every foreground pixel jumps to where it believes its nucleus' centre is. The density of arrivals has one
    peak a nucleus, also where no border is to be seen, since the offsets carry the learnt shape of nuclei;
    each pixel goes to the peak that is nearest to where it arrived. The outline is the foreground's.

    Args:
        foreground: channel of the foreground's logit.
        offsets: channels of the row and the column offset.
        offset_scale_px: pixels per unit of the offset maps, as in the targets.
        threshold: probability from which a pixel is foreground.
        steps: jumps along the offsets.
        smoothing_px: see `find_centres`.
        window_px: see `find_centres`.
        min_votes: see `find_centres`; None: a third of `min_area_px`, so that no nucleus of that area is lost
            here (erosion and votes that fall between pixels cost some), but at most 10.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: pixels that targets were eroded by, given back at the end.

    Raises:
        ValueError: the threshold is no probability.

    References:
        The idea of offset votes: Neven et al., CVPR 2019; Cheng et al., Panoptic-DeepLab, CVPR 2020.
    """

    CANDIDATES: ClassVar = {
        "threshold": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
        "smoothing_px": (1.0, 1.5, 2.0, 3.0),
        "min_votes": (3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0),
        "window_px": (5, 7, 9, 11, 15),
        "min_area_px": (15, 30, 40, 60, 80),
    }
    """What `scripts.tune` tries for each option."""

    def __init__(
        self,
        *,
        foreground: int = 0,
        offsets: Sequence[int] = (1, 2),
        offset_scale_px: float = 10.0,
        threshold: float = 0.5,
        steps: int = 3,
        smoothing_px: float = 1.5,
        window_px: int = 7,
        min_votes: float | None = None,
        min_area_px: int = 15,
        grow_px: int = 1,
    ) -> None:
        self.threshold = threshold
        self.foreground, self.logit = foreground, logit_of(threshold)
        self.offsets, self.offset_scale_px, self.steps = tuple(offsets), offset_scale_px, steps
        self.smoothing_px, self.window_px = smoothing_px, window_px
        self.min_area_px, self.grow_px = min_area_px, grow_px
        self.min_votes = min(10.0, min_area_px / 3) if min_votes is None else min_votes

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        mask = maps[self.foreground] > self.logit
        labels = np.zeros(mask.shape, np.int32)
        if not mask.any():
            return labels
        offsets = maps[list(self.offsets)] * np.float32(self.offset_scale_px)
        rows, columns = follow_offsets(mask, offsets, steps=self.steps)
        centres = find_centres(
            rows,
            columns,
            (mask.shape[0], mask.shape[1]),
            smoothing_px=self.smoothing_px,
            window_px=self.window_px,
            min_votes=self.min_votes,
        )
        if not centres.any():
            return labels
        labels[mask] = nearest_centre(centres, rows, columns)
        return clean_labels(labels, min_area_px=self.min_area_px, grow_px=self.grow_px)

    def as_module(self) -> CentreVotesModule:
        """Return the same decoder as a module of torch operations, for what has to run without this code."""
        row_offset, column_offset = self.offsets
        return CentreVotesModule(
            foreground=self.foreground,
            offsets=(row_offset, column_offset),
            offset_scale_px=self.offset_scale_px,
            logit=self.logit,
            steps=self.steps,
            smoothing_px=self.smoothing_px,
            window_px=self.window_px,
            min_votes=self.min_votes,
            grid_px=GRID,
            min_area_px=self.min_area_px,
            grow_px=self.grow_px,
        )
