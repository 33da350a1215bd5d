"""Maps -> label map by votes: foreground pixels point at their nucleus' centre; pixels that meet are one nucleus."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .clean import clean_labels

GRID = 2  # side in pixels of the cells in which the nearest centre is looked up: a quarter of the work


def follow_offsets(mask: np.ndarray, offsets: np.ndarray, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the pixels of a mask arrive after some jumps along the offset field.

    The first jump leads near the centre; the next ones start where offsets are short and sure, and sharpen it.

    Args:
        mask: pixels that jump, n of them.
        offsets: way to the centre in pixels.
        steps: number of jumps.

    Shapes:
        mask: (h, w) bool.
        offsets: (2, h, w), rows and columns.
        returns: two (n,) arrays of whole rows and columns inside the image.
    """
    height, width = mask.shape
    start = np.flatnonzero(mask)
    rows, columns = (start // width).astype(np.float32), (start % width).astype(np.float32)
    down, right = offsets[0].ravel(), offsets[1].ravel()
    place = start
    for _ in range(steps):
        rows += down[place]
        columns += right[place]
        np.clip(rows, 0, height - 1, out=rows)
        np.clip(columns, 0, width - 1, out=columns)
        place = (rows + 0.5).astype(np.intp) * width + (columns + 0.5).astype(np.intp)
    return place // width, place % width


def find_centres(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], *, smoothing_px: float, window_px: int, min_votes: float
) -> np.ndarray:
    """Return the peaks of the density of votes, numbered 1..N.

    Args:
        rows: row of each vote.
        columns: column of each vote.
        shape: height and width of the image.
        smoothing_px: standard deviation of the density estimate; the scatter of the votes of one nucleus.
        window_px: a peak is the highest in a square window of this side: centres are never closer than half of it.
        min_votes: votes that must meet in a peak (as many as within its Gaussian's core).

    Shapes:
        returns: (h, w) int32, 0 = no centre.
    """
    height, width = shape
    votes = np.bincount(rows * width + columns, minlength=height * width).reshape(shape).astype(np.float32)
    density = ndimage.gaussian_filter(votes, smoothing_px, mode="constant", truncate=3) * (2 * np.pi * smoothing_px**2)
    peaks = density >= min_votes
    peaks &= density == ndimage.maximum_filter(density, size=window_px, mode="constant")
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
    return zones[rows // GRID, columns // GRID]  # type: ignore[no-any-return]


class CentreVotesDecoder:
    """Decode a foreground map and two offset maps into nuclei.

    Every foreground pixel jumps to where it believes its nucleus' centre is. The density of arrivals has one peak a
    nucleus, also where no border is to be seen, since the offsets carry the learnt shape of nuclei; each pixel goes to
    the peak that is nearest to where it arrived. The outline is the foreground's.

    Args:
        foreground: channel of the foreground's logit.
        offsets: channels of the row and the column offset.
        offset_scale_px: pixels per unit of the offset maps, as in the targets.
        threshold: probability from which a pixel is foreground.
        steps: jumps along the offsets.
        smoothing_px: see `find_centres`.
        window_px: see `find_centres`.
        min_votes: see `find_centres`.
        min_area_px: smaller nuclei are dropped.
        grow_px: pixels that targets were eroded by, given back at the end.

    References:
        The idea of offset votes: Neven et al., CVPR 2019; Cheng et al., Panoptic-DeepLab, CVPR 2020.
    """

    def __init__(
        self,
        *,
        foreground: int = 0,
        offsets: tuple[int, int] = (1, 2),
        offset_scale_px: float = 10.0,
        threshold: float = 0.5,
        steps: int = 3,
        smoothing_px: float = 1.5,
        window_px: int = 7,
        min_votes: float = 10.0,
        min_area_px: int = 15,
        grow_px: int = 1,
    ) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"threshold {threshold} is not a probability between 0 and 1")
        self.foreground, self.offsets, self.offset_scale_px = foreground, tuple(offsets), offset_scale_px
        self.threshold, self.steps = threshold, steps
        self.smoothing_px, self.window_px, self.min_votes = smoothing_px, window_px, min_votes
        self.min_area_px, self.grow_px = min_area_px, grow_px

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        logit = np.log(self.threshold / (1 - self.threshold))
        mask = maps[self.foreground] > logit
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
