"""Label map -> weight of every pixel in the loss: higher between nuclei that are close to each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, ensure_tuple_rep
from scipy import ndimage

from ..geometry import outlines
from .instance_targets import beyond_the_image, erode_labels, without_large_ids

CLASSES = ("balanced", "mask", "equal")
NEGLIGIBLE = 1e-5
"""What the border term may lack where the second nearest nucleus is far."""


def two_nearest(label_map: np.ndarray, *, reach_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances to the nearest and to the second nearest nucleus; 0 inside a nucleus.

    One distance transform finds the nearest nucleus of every pixel. Around the pixels that share it, a
    window without it holds their second nearest, if that is no farther away than the window's edge; windows
    of which that cannot be said are doubled. So the effort follows the gaps and not the number of nuclei.

    Args:
        label_map: integer labels, 0 = background, without gaps in the numbers that would fill the memory.
        reach_px: where both distances together are longer, the second one may be given as infinite.

    Shapes:
        label_map: (h, w), 0..N.
        returns: (h, w) and (h, w) float64, pixels; infinite where there is no such nucleus.

    Example:
        >>> first, second = two_nearest(np.array([[1, 0, 0, 0, 2]]), reach_px=9)
        >>> first[0].tolist(), second[0].tolist()
        ([0.0, 1.0, 2.0, 1.0, 0.0], [4.0, 3.0, 2.0, 3.0, 4.0])
    """
    second = np.full(label_map.shape, np.inf)
    if not label_map.any():
        return second.copy(), second
    first, indices = ndimage.distance_transform_edt(label_map == 0, return_indices=True)
    owner = label_map[tuple(indices)]
    owner[first > reach_px / 2] = 0  # the second one is no nearer: together they are beyond reach
    for label, box in enumerate(ndimage.find_objects(owner), start=1):
        if box is not None:
            _fill_second(second, label_map, owner, label, box, reach_px)
    return first, second


def _fill_second(
    second: np.ndarray,
    label_map: np.ndarray,
    owner: np.ndarray,
    label: int,
    box: tuple[slice, ...],
    reach_px: float,
) -> None:
    """Write the distance to the nearest other nucleus into the pixels that `label` owns."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in box)
    mine = owner[box] == label
    margin = 12  # what crowded nuclei need: mostly one window is enough
    while True:
        row, column = max(0, top - margin), max(0, left - margin)
        found = label_map[row : bottom + margin, column : right + margin]
        others = (found > 0) & (found != label)
        last = margin >= reach_px or found.shape == label_map.shape
        if others.any():
            distance = ndimage.distance_transform_edt(~others)[
                top - row : bottom - row, left - column : right - column
            ]
            if last or (distance <= _to_edge(mine.shape, margin))[mine].all():
                second[box][mine] = distance[mine]
                return
        elif last:
            return
        margin *= 2


@lru_cache(maxsize=1024)
def _to_edge(shape: tuple[int, ...], margin: int) -> np.ndarray:
    """Return from each pixel of a box the way to the nearest pixel beyond its margin."""
    rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) for size in shape)
    nearest: np.ndarray = np.minimum(rows[:, None], columns[None, :]) + float(margin + 1)
    nearest.flags.writeable = False
    return nearest


def border_weights(
    label_map: np.ndarray,
    *,
    border_weight: float = 10.0,
    sigma_px: float = 5.0,
    classes: str = "equal",
    gaps_only: bool = True,
    normalise: bool = False,
) -> np.ndarray:
    """Return w_class + border_weight * exp(-(d1 + d2)^2 / (2 sigma_px^2)) for every pixel.

    d1 and d2 are the distances to the nearest and second nearest nucleus. Nuclei are eroded first, as they
    are in the network's target: where two touch, the gap between them is background and weighs most. The
    border term is left out where d1 + d2 is so long that it is below `NEGLIGIBLE` (about 26 pixels with the
    settings given here): that is the largest error. A crop would miss the neighbours beyond its edge.

    Args:
        label_map: integer labels, 0 = background; below 0 beyond the image, see `beyond_the_image`.
        border_weight: height of the border term (w0), 0 or more.
        sigma_px: width of the border term in pixels.
        classes: w_class. "equal": 1 everywhere; "balanced": nuclei and background weigh the same altogether,
            1 in the mean (1 everywhere if there is only one of them), which moves the line that the network
            draws from a probability of one half to the nuclei's share of the image; "mask": 1 in nuclei, 0 in
            the background, as in the paper, whose loss then leaves the background far from nuclei out.
        gaps_only: the border term is that of the background alone, and nuclei are eroded. False: it is that
            of all pixels, and distances are those to the outlines of the whole nuclei, from inside as well,
            as the equation reads: then whole small nuclei weigh as much as the gaps.
        normalise: divide by the largest weight, as in the paper.

    Shapes:
        label_map: (h, w), any ids of 0 or more.
        returns: (h, w) float32, 0 or more.

    Raises:
        ValueError: if an option has no such value.

    References:
        Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation",
        MICCAI 2015, equation 2.

    Example:
        >>> weights = border_weights(np.array([[1, 1, 1, 0, 2, 2, 2, 0, 0, 0, 0, 0]]), border_weight=3)
        >>> (10 * weights).round().astype(int).tolist()
        [[10, 10, 32, 32, 32, 10, 25, 18, 14, 12, 11, 10]]
    """
    if classes not in CLASSES:
        raise ValueError(f"classes is {classes!r}: choose from {', '.join(CLASSES)}")
    if not sigma_px > 0:
        raise ValueError(f"sigma_px is {sigma_px}: choose a width above 0 pixels")
    if not border_weight >= 0:
        raise ValueError(f"border_weight is {border_weight}: choose 0 or more")
    nuclei = without_large_ids(beyond_the_image(label_map)[0])
    if gaps_only:
        nuclei = reached = erode_labels(nuclei)
    else:
        reached = np.where(outlines(nuclei), nuclei, 0)
    weights = _class_weights(nuclei > 0, classes)
    if border_weight > NEGLIGIBLE:
        reach_px = sigma_px * np.sqrt(2 * np.log(border_weight / NEGLIGIBLE))
        first, second = two_nearest(reached, reach_px=reach_px)
        with np.errstate(under="ignore"):
            term = border_weight * np.exp(-((first + second) ** 2) / (2 * sigma_px**2))
        weights += np.where(nuclei > 0, 0, term) if gaps_only else term
    largest = weights.max(initial=0)
    return (weights / largest if normalise and largest > 0 else weights).astype(np.float32)


def _class_weights(mask: np.ndarray, classes: str) -> np.ndarray:
    """Return the part of the weight that does not know of neighbours."""
    if classes == "mask":
        return mask.astype(np.float64)
    inside = np.count_nonzero(mask)
    if classes == "equal" or inside in (0, mask.size):
        return np.ones(mask.shape)
    return np.where(mask, mask.size / (2 * inside), mask.size / (2 * (mask.size - inside)))


class BorderWeightsd(MapTransform):
    """Dictionary form of `border_weights`: adds the (1, h, w) weights of each (1, h, w) label map.

    Args:
        keys: label maps, best of whole images; they stay as they are.
        output_keys: where the weights go, one for each of `keys`.
        border_weight: see `border_weights`.
        sigma_px: see `border_weights`.
        classes: see `border_weights`.
        gaps_only: see `border_weights`.
        normalise: see `border_weights`.
        allow_missing_keys: skip absent keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection = "weight",
        *,
        border_weight: float = 10.0,
        sigma_px: float = 5.0,
        classes: str = "equal",
        gaps_only: bool = True,
        normalise: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = ensure_tuple_rep(output_keys, len(self.keys))
        self.border_weight, self.sigma_px = border_weight, sigma_px
        self.classes, self.gaps_only, self.normalise = classes, gaps_only, normalise

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the weights."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            label_map = np.rint(np.asarray(d[key])[0]).astype(np.int64)
            weights = border_weights(
                label_map,
                border_weight=self.border_weight,
                sigma_px=self.sigma_px,
                classes=self.classes,
                gaps_only=self.gaps_only,
                normalise=self.normalise,
            )
            d[output_key] = convert_to_dst_type(weights[None], d[key], dtype=np.float32)[0]
        return d
