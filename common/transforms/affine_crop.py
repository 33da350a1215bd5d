"""A random crop of an image, its labels and maps: turned, mirrored and zoomed in one resampling.

MONAI's RandAffined draws a zoom for each axis by itself, which stretches nuclei, and its padding by
reflection shows mirrored nuclei as truth.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from monai.utils import convert_to_dst_type
from torch import Tensor
from torch.nn import functional

from .instance_targets import CENTRES_KEY

NEAREST = 0.375
"""How near to the image's edge the middle of a window may lie, in sides of the window."""


class Window(NamedTuple):
    """Where a crop lies: its pixel q shows the image's place `centre + inverse(matrix) @ (q - middle)`."""

    centre: np.ndarray
    """Place in the image of the crop's middle, (row, column) in pixels."""
    matrix: np.ndarray
    """(2, 2), from the image's pixels to the crop's: a zoom times a rotation, perhaps mirrored."""
    size_px: int
    """Side of the crop."""

    @property
    def middle(self) -> float:
        """The crop's middle, the same in rows and columns."""
        return (self.size_px - 1) / 2

    def places(self) -> np.ndarray:
        """Return the image's place of every pixel, (2, size_px, size_px) float32, rows and columns."""
        to_middle = np.arange(self.size_px) - self.middle
        down, right = np.moveaxis(np.linalg.inv(self.matrix)[..., None] * to_middle, 1, 0)
        result: np.ndarray = (down + self.centre[:, None]).astype(np.float32)[:, :, None]
        return result + right.astype(np.float32)[:, None, :]

    def bent(self, bend: np.ndarray) -> np.ndarray:
        """Return `places` where pixel q shows what else pixel q + bend[:, q] had shown.

        Args:
            bend: displacements in pixels of the crop, (2, size_px, size_px), rows and columns.
        """
        moved = np.tensordot(np.linalg.inv(self.matrix), bend, axes=1)
        return self.places() + moved.astype(np.float32)

    def coarser(self, factor: int) -> Window:
        """Return the same window for maps of the image that are coarser by a whole factor.

        Args:
            factor: pixels of the image, in each direction, to one of the map.

        Example:
            >>> window = Window(np.array([31.5, 31.5]), np.eye(2), 32)
            >>> window.coarser(16).places()[0, :, 0].tolist()
            [1.0, 2.0]
        """
        # The middle of a map's first pixel lies (factor - 1) / 2 pixels into the image.
        centre = (self.centre - (factor - 1) / 2) / factor
        return Window(centre, self.matrix, -(-self.size_px // factor))

    def in_crop(self, points: np.ndarray) -> np.ndarray:
        """Return where points of the image, (n, 2), come to lie in the crop."""
        result: np.ndarray = (points - self.centre) @ self.matrix.T + self.middle
        return result


def draw_window(
    rng: np.random.RandomState, shape: Sequence[int], size_px: int, *, zoom: Sequence[float]
) -> Window:
    """Draw a window at any angle, mirrored or not, zoomed by one factor for both axes.

    Its middle keeps a distance from the image's edges (`NEAREST`), less than half its own side: it hangs over
    a little, by 1 to 3 % of all pixels, and by 12 % where the image is hardly larger than the window. Without
    that, the image's edges would be seen 30 times more seldom than its middle; with it 10 times.

    Args:
        rng: generator.
        shape: height and width of the image.
        size_px: side of the crop.
        zoom: lowest and highest factor; logarithms are drawn evenly, so that nuclei are enlarged as often as
            they are made smaller.

    Example:
        >>> window = draw_window(np.random.RandomState(0), (64, 64), 16, zoom=(0.5, 2))
        >>> bool(np.isclose(abs(np.linalg.det(window.matrix)), np.linalg.norm(window.matrix[0]) ** 2))
        True
    """
    factor = np.exp(rng.uniform(*np.log(np.asarray(zoom, float))))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirror = np.diag([1.0, rng.choice([-1.0, 1.0])])
    nearest = NEAREST * size_px / factor
    centre = [rng.uniform(*sorted((nearest, side - nearest))) - 0.5 for side in shape]
    return Window(np.array(centre), factor * turn @ mirror, size_px)


def mirrored(places: np.ndarray, size: int) -> np.ndarray:
    """Return the pixels that mirroring at an image's edges puts at places beyond them.

    Args:
        places: whole numbers.
        size: pixels of the axis.

    Example:
        >>> mirrored(np.array([-2, -1, 0, 2, 3]), 3).tolist()
        [1, 0, 0, 2, 2]
    """
    inside = places % (2 * size)
    result: np.ndarray = np.where(inside < size, inside, 2 * size - 1 - inside)
    return result


def crop_labels(label_map: Tensor, places: np.ndarray) -> Tensor:
    """Return the labels at places by the nearest pixel; beyond the image, the mirrored label L as -1 - L.

    Shapes:
        label_map: (k, h, w), whole numbers, 0..N.
        places: (2, h', w'), see `Window.places`.
        returns: (k, h', w') int32.
    """
    rows, columns = np.rint(places).astype(np.int64)
    height, width = label_map.shape[1:]
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    if outside.any():
        rows, columns = mirrored(rows, height), mirrored(columns, width)
    found = label_map[:, torch.from_numpy(rows), torch.from_numpy(columns)].round().to(torch.int32)
    return torch.where(torch.from_numpy(outside), -1 - found, found)


def crop_map(values: Tensor, places: np.ndarray) -> Tensor:
    """Return a map or image at places by linear interpolation; beyond the image it is mirrored.

    Shapes:
        values: (c, h, w), floats.
        places: (2, h', w'), see `Window.places`.
        returns: (c, h', w'), same type.
    """
    height, width = values.shape[1:]
    rows, columns = places
    # The sampler's coordinates: -1 and 1 are the outer edges of the first and the last pixel; columns first.
    coordinates = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=-1)
    # Half precision has too few digits for places.
    exact = values if values.dtype == torch.float64 else values.float()
    grid = torch.from_numpy(coordinates).to(exact)[None]
    sampled = functional.grid_sample(exact[None], grid, padding_mode="reflection", align_corners=False)
    return sampled[0].to(values.dtype)


class RandAffineCropd(Randomizable, MapTransform):
    """Crop at random: any place and angle, mirrored or not, zoomed by one factor for both axes.

    Circles stay circles. Beyond the image's edge, where a window hangs over or the image is smaller, the
    image goes on mirrored, as networks like it; the label says there that nothing is known (see
    `crop_labels`), so that no loss takes a reflection for truth.

    Args:
        keys: images and maps, by linear interpolation.
        label_key: the label map, by the nearest pixel; several planes of it, nuclei and cells, move alike.
        crop_px: side of the crop.
        zoom: lowest and highest factor: 2 makes nuclei twice as wide.
        coarse_keys: maps with fewer pixels than the image, such as a network's features, and how many of the
            image's pixels, in each direction, are one of theirs; skipped where absent.
        allow_missing_keys: skip absent keys.

    Shapes:
        image, map: (c, h, w), floats, becomes (c, crop_px, crop_px).
        coarse map: (c, ceil(h / n), ceil(w / n)), becomes (c, ceil(crop_px / n), ceil(crop_px / n)).
        label map: (k, h, w), integers 0..N, becomes (k, crop_px, crop_px) int32; below 0 beyond the image.
        centres: (N + 1, 2), where the item has them (`NucleusShapesd`); now in the crop's pixels, perhaps
            beyond it.

    Raises:
        ValueError: the crop or a factor is not above 0, or the lowest factor is above the highest.
    """

    def __init__(
        self,
        keys: KeysCollection,
        crop_px: int,
        *,
        label_key: str = "label",
        zoom: Sequence[float] = (0.6, 1.6),
        coarse_keys: Mapping[str, int] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.coarse_keys = dict(coarse_keys or {})
        if crop_px < 1:
            raise ValueError(f"crop_px is {crop_px}: choose a side of 1 pixel or more")
        if len(zoom) != 2 or not 0 < zoom[0] <= zoom[1]:
            raise ValueError(f"zoom is {zoom}: give the lowest and the highest factor, both above 0")
        self.label_key, self.crop_px, self.zoom = label_key, int(crop_px), tuple(zoom)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop."""
        d = dict(data)
        window = draw_window(self.R, d[self.label_key].shape[-2:], self.crop_px, zoom=self.zoom)
        return self.cut(d, window)

    def cut(
        self, d: dict[Hashable, Any], window: Window, bend: np.ndarray | None = None
    ) -> dict[Hashable, Any]:
        """Return the item cropped to a window.

        Args:
            d: the item.
            window: where the crop lies.
            bend: displacements in its pixels, see `Window.bent`; the centres keep their places.
        """
        d = dict(d)
        places = window.places() if bend is None else window.bent(bend)
        of_maps = {key: places for key in self.key_iterator(d)}
        for key, n in self.coarse_keys.items():
            if key in d:
                coarse = window.coarser(n)
                of_maps[key] = coarse.places() if bend is None else coarse.bent(_coarser(bend, n))
        for key, where in of_maps.items():
            values = torch.as_tensor(d[key]).as_subclass(Tensor)
            d[key] = convert_to_dst_type(crop_map(values, where), d[key])[0]
        labels = crop_labels(torch.as_tensor(d[self.label_key]).as_subclass(Tensor), places)
        d[self.label_key] = convert_to_dst_type(labels, d[self.label_key], torch.int32)[0]
        if CENTRES_KEY in d:
            centres = window.in_crop(np.asarray(d[CENTRES_KEY], np.float64))
            d[CENTRES_KEY] = torch.from_numpy(centres.astype(np.float32))
        return d


def _coarser(bend: np.ndarray, factor: int) -> np.ndarray:
    """Return the displacements of coarser pixels, in their own size: the mean over those that are in each."""
    blocks = functional.avg_pool2d(torch.from_numpy(bend)[None], factor, ceil_mode=True)
    return np.asarray(blocks[0]) / factor
