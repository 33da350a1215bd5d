"""Images of unknown scale: segmented once to see how large their nuclei are, then at the training's size."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from torch import Tensor

from ...geometry import SEARCH_KEY, ModelScale, typical_diameter
from ...likeness import allowed_range
from ...readers import fitting_pixels
from ..trained import choose_weights, trained_settings

__all__ = ["SizeSearch", "accepted_diameters", "sized_inferer"]

_log = logging.getLogger(__name__)
_FEWEST = 5  # nuclei; the median of fewer is that of one or two
# A network trained on images of many scales sees large nuclei well, and loses by their being made smaller;
# small ones it sees worse, though it was trained on some: measured, see docs/experiments.md.
_SMALLER, _LARGER = 1.75, 3.0
# An eighth as everywhere; but 16 times the pixels are the most that somebody waits for unasked.
_LEAST, _MOST = 1 / 8, 4.0
_SAME = 1.2  # two sizes that differ by less are not worth another pass


class SizeSearch(Inferer):
    """Runs an image again with its nuclei as large as those of the training, if they are of another size.

    | the first pass finds | what is done |
    |---|---|
    | fewer than five whole nuclei | it stands, for their size is not known |
    | nuclei of an accepted size, up to the training's typical one | it stands |
    | larger ones of an accepted size | a smaller second pass tells whether they are pieces of nuclei |
    | others | a second pass at the training's size; a third, if that finds them of another size again |

    An image is enlarged at most 4 times and no more than the memory carries, made smaller at most 8 times.
    Only images whose factor is to be searched are looked at, see `common.transforms.ToModelScaled`; of all
    others the maps are the inferer's own.

    Args:
        inferer: runs the network over an image of any size.
        decoder: maps (k, h, w) -> label map (h, w), or (2, h, w) of nuclei and cells.
        resample: an image (c, h, w) and a height and width -> the image of that size.
        diameter_px: the typical diameter of the training's nuclei, in the network's pixels.
        accepted_px: between which diameters nuclei are taken as they are.

    Shapes:
        inputs: (1, c, h, w).
        returns: (1, k, h', w'), h' and w' being those of the grid that was settled on.

    Raises:
        ValueError: an image to be searched comes together with others.
    """

    def __init__(
        self,
        inferer: Callable[..., Tensor],
        decoder: Callable[[np.ndarray], np.ndarray],
        *,
        resample: Callable[[Tensor, Sequence[int]], Tensor],
        diameter_px: float,
        accepted_px: tuple[float, float],
    ) -> None:
        super().__init__()
        self.inferer, self.decoder, self.resample = inferer, decoder, resample
        self.diameter_px, self.accepted_px = diameter_px, accepted_px

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Return the maps on the grid that suits the nuclei; further arguments go to the network."""

        def maps_at(factor: float) -> Tensor:
            return self.inferer(self._resized(inputs, factor), network, *args, **kwargs)

        meta = getattr(inputs, "meta", {})
        if not np.any(np.asarray(meta.get(SEARCH_KEY, False))):
            return maps_at(1.0)
        if len(inputs) != 1:
            raise ValueError(f"{len(inputs)} images at once cannot be resized each by its own: give one")
        return self._searched(inputs, maps_at, _name(meta))

    def _searched(self, inputs: Tensor, maps_at: Callable[[float], Tensor], name: str) -> Tensor:
        maps = maps_at(1.0)
        count, diameter = self._measure(maps, 1.0)
        if count < _FEWEST:
            _log.info(
                "%s: %d whole nuclei, too few to tell their size by: taken as it is, which %s",
                *(name, count, "--scale or --diameter_px NUMBER changes"),
            )
            return maps
        accepted = self._accepts(diameter)
        if accepted and diameter <= self.diameter_px * _SAME:
            self._tell_kept(name, diameter)
            return maps
        if not accepted:
            del maps  # room for those of another grid, which may be 16 times as large
        # Nuclei far too large fall into pieces, of which some have an accepted size: a pass in which they are
        # smaller sees them whole, and takes less time than the first one did.
        factor = self._factor(inputs, diameter)
        again = maps_at(factor)
        count, seen = self._measure(again, factor)
        if count < _FEWEST or self._accepts(seen):
            del again
            self._tell_kept(name, diameter if count < _FEWEST else seen)
            return maps if accepted else maps_at(1.0)
        wanted = self._factor(inputs, seen)
        if abs(math.log(wanted / factor)) > math.log(_SAME):
            del again
            factor, again = wanted, maps_at(wanted)
        self._tell_resized(name, seen, factor)
        return again

    def _accepts(self, diameter: float) -> bool:
        return self.accepted_px[0] <= diameter <= self.accepted_px[1]

    def _measure(self, maps: Tensor, factor: float) -> tuple[int, float]:
        """Return how many whole nuclei there are, and their diameter in the image's pixels."""
        array = torch.as_tensor(maps[0]).as_subclass(Tensor).detach().float().cpu().numpy()
        if not np.isfinite([array.min(), array.max()]).all():
            return 0, math.nan  # some decoders would crash; what decodes the maps afterwards refuses them
        # Of nuclei and cells the nuclei.
        count, diameter = typical_diameter(self.decoder(array).reshape(-1, *array.shape[1:])[0])
        return count, diameter / factor

    def _factor(self, inputs: Tensor, diameter: float) -> float:
        """Return what brings a diameter to the training's, within what is allowed."""
        factor = min(max(self.diameter_px / diameter, _LEAST), _MOST)
        if factor <= 1:
            return factor
        area = math.prod(inputs.shape[-2:])
        fitting = fitting_pixels(round(area * factor**2), channels=inputs.shape[1])
        return min(factor, max(1.0, math.sqrt(fitting / area)))

    def _resized(self, inputs: Tensor, factor: float) -> Tensor:
        size = [max(1, round(factor * length)) for length in inputs.shape[-2:]]
        if size == list(inputs.shape[-2:]):
            return inputs
        image = torch.as_tensor(inputs[0]).as_subclass(Tensor).detach().cpu()
        return self.resample(image, size)[None].to(inputs.device)

    def _tell_kept(self, name: str, diameter: float) -> None:
        how = "near enough to" if self._accepts(diameter) else "but not found again at"
        _log.info(
            "%s: nuclei of %.3g px, %s the training's %.3g: taken as it is",
            *(name, diameter, how, self.diameter_px),
        )

    def _tell_resized(self, name: str, diameter: float, factor: float) -> None:
        how = f"enlarged {factor:.3g} times" if factor > 1 else f"made {1 / factor:.3g} times smaller"
        if factor == 1:
            how = "taken as it is"
        falls_short = abs(math.log(self.diameter_px / diameter / factor)) > math.log(_SAME)
        _log.info(
            "%s: nuclei of %.3g px, the training's had %.3g: %s%s",
            *(name, diameter, self.diameter_px, how, ", which is as far as it goes" if falls_short else ""),
        )


def accepted_diameters(diameter_px: float, ranges: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Return between which diameters nuclei are taken as they are.

    From 1.75 times smaller to 3 times larger than the training's typical one, as far as nuclei of its images
    were of such sizes.

    Args:
        diameter_px: the typical diameter of the training's nuclei.
        ranges: the training's, see `common.likeness.training_ranges`; may be empty.

    Example:
        >>> [round(edge, 2) for edge in accepted_diameters(21, {})]
        [12.0, 63.0]
        >>> ranges = {"images": [99, 99], "nucleus_diameter_px": [18, 30]}
        >>> [round(edge) for edge in accepted_diameters(21, ranges)]
        [15, 37]
    """
    low, high = diameter_px / _SMALLER, diameter_px * _LARGER
    if "nucleus_diameter_px" in ranges:
        least, most = map(math.exp, allowed_range("nucleus_diameter_px", ranges))
        low, high = max(low, least), min(high, most)
    # A user's own typical diameter may lie outside.
    return min(low, diameter_px), max(high, diameter_px)


def sized_inferer(
    inferer: Callable[..., Tensor],
    *,
    decoder: Callable[[np.ndarray], np.ndarray],
    model_scale: ModelScale,
    resample: Callable[[Tensor, Sequence[int]], Tensor],
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    bundle_root: str | Path | None = None,
) -> Callable[..., Tensor]:
    """Return what runs images over a network: the inferer itself, or a `SizeSearch` where sizes are searched.

    Args:
        inferer: see `SizeSearch`.
        decoder: see `SizeSearch`.
        model_scale: by how much images are resized.
        resample: see `SizeSearch`.
        weights: a file named by the user, see `choose_weights`.
        ckpt_dir: see `choose_weights`.
        bundle_root: see `choose_weights`.
    """
    diameter_px = model_scale.searched_diameter_px
    if diameter_px is None:
        return inferer
    path, _ = choose_weights(weights, ckpt_dir, bundle_root)
    ranges = trained_settings(path).get("training_images") or {}
    accepted_px = accepted_diameters(diameter_px, ranges)
    return SizeSearch(inferer, decoder, resample=resample, diameter_px=diameter_px, accepted_px=accepted_px)


def _name(meta: Mapping[str, Any]) -> str:
    told = meta.get("filename_or_obj", "an image")
    return Path(str(told if isinstance(told, str) else told[0])).name
