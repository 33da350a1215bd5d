"""A random crop whose nuclei are bent too, with the centres and distances that the bent ones have."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.utils import convert_to_dst_type
from torch.nn import functional

from .affine_crop import RandAffineCropd, Window, crop_labels, draw_window
from .instance_targets import (
    CENTRES_KEY,
    DISTANCE_KEY,
    beyond_the_image,
    distance_map,
    erode_labels,
    nucleus_centres,
)

_LARGEST_SHARE = 1 / 8
"""Of the spacing, for a displacement: with more, places could change their order and nuclei fold over."""


def draw_bend(
    rng: np.random.RandomState, size_px: int, *, spacing_px: float, magnitude_px: float
) -> np.ndarray:
    """Draw displacements: random ones of control points on a grid, bicubic between them.

    Args:
        rng: generator.
        size_px: side of the field.
        spacing_px: from one control point to the next.
        magnitude_px: the most that a control point is displaced along an axis.

    Shapes:
        returns: (2, size_px, size_px) float32, rows and columns, in pixels.

    Example:
        >>> bend = draw_bend(np.random.RandomState(0), 64, spacing_px=32, magnitude_px=4)
        >>> bool(1 < np.abs(bend).max() < 6), bool(np.abs(np.diff(bend)).max() < 1)
        (True, True)
    """
    # One point more than fit at either end, so that the field's edges lie between points too.
    count = int(np.ceil(size_px / spacing_px)) + 3
    points = torch.from_numpy(rng.uniform(-magnitude_px, magnitude_px, (1, 2, count, count)))
    axis = (2 * (np.arange(size_px) - (size_px - 1) / 2) / spacing_px) / (count - 1)
    grid = np.stack(np.broadcast_arrays(axis[None, :], axis[:, None]), axis=-1)
    field = functional.grid_sample(points, torch.from_numpy(grid)[None], mode="bicubic", align_corners=True)
    return np.asarray(field[0], np.float32)


class RandElasticCropd(RandAffineCropd):
    """Crop at random as `RandAffineCropd` does, and bend what is in the crop, in the same resampling.

    Deformed tissue has other centres and distances than the flat one, and these are what the targets are made
    of. So a frame around the crop is bent with it, the centres and distances of the nuclei in crop and frame
    are computed anew, and the frame is cut off. A nucleus that reaches beyond the frame keeps its own centre,
    to within the displacement there.

    The displacements are those of MONAI's `Rand2DElastic`, which would resample the crop a second time, and
    to which what lies beyond the image is a label like others.

    Args:
        keys: see `RandAffineCropd`; "distance" may be one of them.
        crop_px: side of the crop.
        spacing_px: from one control point of the displacements to the next, in pixels of the crop.
        magnitude_px: the range of the largest displacement, in pixels of the crop; drawn for each crop.
        prob: how often a crop is bent.
        frame_px: width of the frame: the larger half of a nucleus, at least.
        options: others of `RandAffineCropd`.

    Shapes:
        see `RandAffineCropd`.

    Raises:
        ValueError: an option is out of range.

    References:
        Simard, Steinkraus and Platt, Best practices for convolutional neural networks applied to visual
        document analysis, ICDAR 2003, section 2.
    """

    def __init__(
        self,
        keys: KeysCollection,
        crop_px: int,
        *,
        spacing_px: float = 48.0,
        magnitude_px: Sequence[float] = (0.0, 6.0),
        prob: float = 0.5,
        frame_px: int = 32,
        **options: Any,
    ) -> None:
        super().__init__(keys, crop_px, **options)
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}: choose a probability from 0 to 1")
        most = spacing_px * _LARGEST_SHARE
        if len(magnitude_px) != 2 or not 0 <= magnitude_px[0] <= magnitude_px[1] <= most:
            raise ValueError(
                f"magnitude_px is {magnitude_px}: give the lowest and the highest displacement, from 0 to "
                f"{most:g} px, an eighth of spacing_px: with more, nuclei could fold over each other"
            )
        if frame_px < 0:
            raise ValueError(f"frame_px is {frame_px}: choose 0 px or more")
        self.spacing_px, self.magnitude_px = float(spacing_px), tuple(magnitude_px)
        self.prob, self.frame_px = prob, int(frame_px)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop and bend."""
        d = dict(data)
        window = draw_window(self.R, d[self.label_key].shape[-2:], self.crop_px, zoom=self.zoom)
        if self.R.uniform() >= self.prob:
            return self.cut(d, window)
        frame = Window(window.centre, window.matrix, self.crop_px + 2 * self.frame_px)
        bend = draw_bend(
            self.R,
            frame.size_px,
            spacing_px=self.spacing_px,
            magnitude_px=self.R.uniform(*self.magnitude_px),
        )
        inner = slice(self.frame_px, self.frame_px + self.crop_px)
        labels = torch.as_tensor(d[self.label_key]).as_subclass(torch.Tensor)
        framed = np.asarray(crop_labels(labels, frame.bent(bend)))[0]
        cut = self.cut(d, window, bend[:, inner, inner])
        if CENTRES_KEY in cut:
            centres = np.asarray(cut[CENTRES_KEY]).copy()
            found = self._whole_centres(framed)
            for number, centre in found.items():
                centres[number] = centre - self.frame_px
            cut[CENTRES_KEY] = torch.from_numpy(centres)
        if DISTANCE_KEY in cut:
            distance = torch.from_numpy(_distance(framed)[None, inner, inner].copy())
            cut[DISTANCE_KEY] = convert_to_dst_type(distance, d[DISTANCE_KEY])[0]
        return cut

    def _whole_centres(self, framed: np.ndarray) -> dict[int, np.ndarray]:
        """Return the centres of the nuclei that the frame does not cut, in pixels of the frame."""
        numbers, small = np.unique(np.maximum(framed, 0), return_inverse=True)
        small = small.reshape(framed.shape) + int(numbers[0] != 0)
        numbers = np.concatenate([[0], numbers[numbers > 0]])
        cut = {*small[0], *small[-1], *small[:, 0], *small[:, -1]}
        centres = nucleus_centres(small)
        return {int(number): centres[row] for row, number in enumerate(numbers) if row and row not in cut}


def _distance(labels: np.ndarray) -> np.ndarray:
    """Return the distance map of labels as `crop_labels` gives them, 1 at each nucleus' innermost pixel."""
    # Nuclei at the image's edge go on mirrored, so that the edge is no outline of theirs.
    distance = distance_map(erode_labels(beyond_the_image(labels)[0]))
    # What is mirrored is bent otherwise, and may lie deeper.
    known = np.maximum(labels, 0)
    peak = np.zeros(int(known.max(initial=0)) + 1, np.float32)
    np.maximum.at(peak, known.ravel(), distance.ravel())
    peak[0] = 1
    result: np.ndarray = np.minimum(distance / np.where(peak > 0, peak, 1)[known], 1)
    return result
