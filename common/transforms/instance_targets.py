"""Label map -> what the network's maps should be: foreground, distance, ways to the nucleus' centre."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import ndimage

from .hover_maps import hover_maps

MAPS = ("foreground", "border", "distance", "row_offset", "column_offset", "horizontal", "vertical")
CENTRES_KEY, DISTANCE_KEY = "centres", "distance"  # what an item has of whole nuclei: see `NucleusShapesd`


def erode_labels(label_map: np.ndarray) -> np.ndarray:
    """Take one pixel off every nucleus, so that touching nuclei part.

    A pixel goes if one of its four neighbours has another label. The image border takes nothing off. Growing
    the nucleus by a pixel again gives back all but its sharpest corners and what is thinner than three
    pixels. A nucleus of which less than half would come back so stays as it is: it would be lost, or all
    but lost, to the network.

    Args:
        label_map: integer labels, 0 = background.

    Shapes:
        label_map: (h, w), 0..N.
        returns: (h, w), same type.

    Example:
        >>> eroded = erode_labels(np.kron(np.array([[1, 2]]), np.ones((8, 8), int)))
        >>> int(eroded[:, 7].max()), int(eroded[:, 8].max()), int((eroded == 1).sum())
        (0, 0, 56)
    """
    inner = np.ones(label_map.shape, bool)
    for axis in (0, 1):
        ahead = np.swapaxes(inner, 0, axis)
        labels = np.swapaxes(label_map, 0, axis)
        same = labels[1:] == labels[:-1]
        ahead[1:] &= same
        ahead[:-1] &= same
    areas = np.bincount(label_map.ravel())
    come_back = np.bincount(label_map[ndimage.binary_dilation(inner)].ravel(), minlength=len(areas))
    kept_whole = 2 * come_back < areas
    return np.where(inner | kept_whole[label_map], label_map, 0).astype(label_map.dtype)


def distance_map(eroded: np.ndarray) -> np.ndarray:
    """Return the distance to the nucleus' outline, divided by the nucleus' largest: 1 at its innermost pixel.

    One distance transform serves all nuclei, because eroded nuclei do not touch. Where a nucleus fills the
    whole image, no outline is in sight and every pixel counts as innermost.

    Args:
        eroded: label map whose nuclei are parted by background.

    Shapes:
        eroded: (h, w), 0..N.
        returns: (h, w) float32 in [0, 1].
    """
    if eroded.all():  # the distance transform is undefined without background
        return np.ones(eroded.shape, np.float32)
    distance = ndimage.distance_transform_edt(np.pad(eroded > 0, 1, mode="edge"))[1:-1, 1:-1]
    peak = np.zeros(int(eroded.max()) + 1)
    np.maximum.at(peak, eroded.ravel(), distance.ravel())
    return (distance / np.maximum(peak, 1.0)[eroded]).astype(np.float32)


def nucleus_centres(label_map: np.ndarray) -> np.ndarray:
    """Return the centroid of every nucleus.

    Args:
        label_map: nuclei 1..N, 0 = background; ids that are missing have the centre (0, 0).

    Shapes:
        label_map: (h, w).
        returns: (N + 1, 2) float64, (row, column) in pixels; row i belongs to nucleus i.

    Example:
        >>> nucleus_centres(np.array([[0, 1, 1], [0, 1, 1]]))[1].tolist()
        [0.5, 1.5]
    """
    labels = label_map.ravel()
    areas = np.maximum(np.bincount(labels), 1)
    places = np.indices(label_map.shape, dtype=np.float64).reshape(2, -1)
    centres: np.ndarray = np.stack([np.bincount(labels, weights=place) / areas for place in places], axis=1)
    centres[0] = 0
    return centres


def centre_offsets(label_map: np.ndarray, centres: np.ndarray | None = None) -> np.ndarray:
    """Return for every pixel of a nucleus the way to the nucleus' centre.

    Args:
        label_map: integer labels, 0 = background.
        centres: the centre of every nucleus, where the label map shows but a part of it; None: its centroid.

    Shapes:
        label_map: (h, w), 0..N.
        centres: (N + 1, 2), (row, column) in pixels.
        returns: (2, h, w) float32, (rows, columns) in pixels; 0 in the background.

    Example:
        >>> offsets = centre_offsets(np.ones((3, 5), int))
        >>> offsets[:, 0, 0].tolist(), offsets[:, 1, 2].tolist()
        ([1.0, 2.0], [0.0, 0.0])
    """
    centres = nucleus_centres(label_map) if centres is None else centres
    places = np.indices(label_map.shape, dtype=np.float32)
    offsets = np.moveaxis(centres[label_map], -1, 0) - places
    return np.where(label_map > 0, offsets, 0).astype(np.float32)


def without_large_ids(label_map: np.ndarray) -> np.ndarray:
    """Number the nuclei anew if their ids are so large that tables by id would fill the memory.

    Args:
        label_map: integer labels, 0 = background.

    Shapes:
        label_map: (h, w), any ids of 0 or more.
        returns: (h, w), the same nuclei with ids of at most h * w.

    Example:
        >>> without_large_ids(np.array([[0, 7], [2_000_000_000, 7]], np.uint32)).tolist()
        [[0, 1], [2, 1]]
    """
    if int(label_map.max(initial=0)) <= label_map.size:
        return label_map.astype(np.int64, copy=False)
    ids, numbers = np.unique(label_map, return_inverse=True)
    return numbers.reshape(label_map.shape) + int(ids[0] != 0)


def beyond_the_image(label_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the label map with mirrored labels beyond the image's edge, and where that is.

    Args:
        label_map: integer labels; -1 - L beyond the image, L being the mirrored label: see `RandAffineCropd`.

    Shapes:
        label_map: (h, w).
        returns: (h, w) integers of 0 or more; (h, w) bool.

    Example:
        >>> [found.tolist() for found in beyond_the_image(np.array([[-4, 3, 0, -1]]))]
        [[[3, 3, 0, 0]], [[True, False, False, True]]]
    """
    outside = label_map < 0
    # Unsigned ids have nothing beyond, and no negative number.
    return (np.where(outside, -1 - label_map, label_map) if outside.any() else label_map), outside


def instance_targets(
    label_map: np.ndarray,
    maps: Sequence[str],
    *,
    erode: bool = True,
    offset_scale_px: float = 10.0,
    centres: np.ndarray | None = None,
    distance: np.ndarray | None = None,
) -> np.ndarray:
    """Stack the target maps of a label map in the order asked for.

    Args:
        label_map: integer labels, 0 = background. Of a crop: -1 - L beyond the image, where the mirrored
            label L is no truth; all targets are NaN there, which losses take for "not known".
        maps: names out of `MAPS`.
        erode: part touching nuclei in the foreground by one pixel on each side (paper: section 2.1), which a
            decoder gives back by growing: all but the sharpest corners of nuclei three pixels wide or more.
            Without it perfect maps decode to the very nuclei, but no gap parts those that touch.
        offset_scale_px: offsets are divided by it, to have about the size of the other maps.
        centres: see `centre_offsets`. With those of the whole image, nuclei that a crop cuts keep their
            targets.
        distance: the distance map of the whole image, as the crop shows it; None: that of the label map.

    Shapes:
        label_map: (h, w), 0..N.
        centres: (N + 1, 2).
        distance: (h, w), [0, 1].
        returns: (len(maps), h, w) float32; foreground and border 0/1, distance in [0, 1], offsets in scales,
            horizontal and vertical in [-1, 1], see `hover_maps`.

    Raises:
        ValueError: a map has an unknown name.
    """
    unknown = [name for name in maps if name not in MAPS]
    if unknown:
        raise ValueError(f"no target map is called {unknown[0]!r}: choose from {', '.join(MAPS)}")
    label_map, outside = beyond_the_image(label_map)
    if centres is None:  # else the ids are the table's
        label_map = without_large_ids(label_map)
    eroded = erode_labels(label_map)
    made: dict[str, np.ndarray] = {"foreground": (eroded if erode else label_map) > 0}
    if "border" in maps:
        made["border"] = (label_map > 0) & (eroded == 0)
    if "distance" in maps:
        made["distance"] = distance_map(eroded) if distance is None else distance * (eroded > 0)
    if set(maps) & {"row_offset", "column_offset", "horizontal", "vertical"}:
        offsets = centre_offsets(label_map, centres)
        made["row_offset"], made["column_offset"] = offsets / offset_scale_px
        if "horizontal" in maps or "vertical" in maps:
            made["horizontal"], made["vertical"] = hover_maps(label_map, offsets)
    targets = np.stack([made[name] for name in maps]).astype(np.float32)
    targets[:, outside] = np.nan
    return targets


class InstanceTargetsd(MapTransform):
    """Dictionary form of `instance_targets`: a (k, h, w) label map becomes its (k * len(maps), h, w) targets.

    Mostly k is 1; where a second plane has whole cells, their targets follow those of the nuclei.

    Centres and distance map are taken out of the item where they are, see `NucleusShapesd`: items with as
    many centres as they have nuclei make no batch.

    Args:
        keys: label maps.
        maps: names of the targets, in the order of the network's output.
        erode: see `instance_targets`.
        offset_scale_px: see `instance_targets`.
        allow_missing_keys: skip absent keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        maps: Sequence[str],
        *,
        erode: bool = True,
        offset_scale_px: float = 10.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.maps, self.erode, self.offset_scale_px = tuple(maps), erode, offset_scale_px

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the label maps."""
        d = dict(data)
        centres, distance = d.pop(CENTRES_KEY, None), d.pop(DISTANCE_KEY, None)
        for key in self.key_iterator(d):
            planes = np.rint(np.asarray(d[key])).astype(np.int64)
            targets = [
                instance_targets(
                    label_map,
                    self.maps,
                    erode=self.erode,
                    offset_scale_px=self.offset_scale_px,
                    centres=None if centres is None else np.asarray(centres),
                    distance=None if distance is None else np.asarray(distance)[number],
                )
                for number, label_map in enumerate(planes)
            ]
            d[key] = torch.from_numpy(np.concatenate(targets))
        return d
