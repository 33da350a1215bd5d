"""The pixel sizes of a data list before it is used: what is resized, and how large its nuclei are then."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..geometry import ModelScale
from ..readers import probe, read_labels
from ..readers.dataset_json import Item, known_of

logger = logging.getLogger(__name__)
# Enough for a typical diameter; reading the labels of a large data set would take minutes.
_MOST_LABELS = 100


def pixel_size_of(item: Item) -> float | None:
    """Return the edge of an image's pixel in micrometres, of the data list, else of the file.

    Args:
        item: one entry of a data list.

    Returns:
        The size, or None where it is not known.
    """
    listed = item.get("pixel_size_um") or known_of(Path(item["image"])).get("pixel_size_um")
    if listed is not None and math.isfinite(listed):
        return float(listed)
    return probe(item["image"]).pixel_size_um


def tell_scales(
    items: Sequence[Item], model_scale: ModelScale, *, split: str = "", go_on: bool = False
) -> list[Item]:
    """Log how the images of a list will be resized before the network; refuse what cannot be meant.

    Where nothing is resized whatever the images say, no file is opened and nothing is logged.

    Args:
        items: a data list; those that have a "fault" already are not looked at.
        model_scale: the model's pixel size, and the factor for images that do not tell theirs.
        split: name of the list, for the log.
        go_on: give such an image a "fault", a sentence, and refuse the list only if no image is left.

    Returns:
        The list.

    Raises:
        ValueError: if an image would become more than 8 times larger or smaller.
    """
    what = f"{split} images" if split else "images"
    if model_scale.pixel_size_um is None:
        factor = model_scale.factor()
        if factor != 1:
            logger.info("%d %s are resized by %.3g", len(items), what, factor)
        return list(items)
    told: list[Item] = []
    known, unknown = [], 0
    for item in items:
        try:
            size = None if "fault" in item else pixel_size_of(item)
            factor = model_scale.factor(size, name=item["image"])
        except ValueError as error:
            if not go_on:
                raise
            item = {**item, "fault": str(error)}
        if "fault" not in item and size is not None:
            known.append(factor)
        unknown += "fault" not in item and size is None
        told.append(item)
    if items and not known and not unknown and go_on:
        raise ValueError(f"none of the {len(items)} images can be used; the first: {told[0]['fault']}")
    parts = []
    if known:
        by = " to ".join(f"{factor:.3g}" for factor in sorted({min(known), max(known)}))
        parts.append(f"pixels become {model_scale.pixel_size_um:g} µm wide, resized by {by}: {len(known)}")
    if unknown:
        how = "taken as they are" if model_scale.scale == 1 else f"resized by {model_scale.scale:.3g}"
        if model_scale.searches():
            how = "resized by what is found in them"
        parts.append(f"of unknown pixel size, {how}: {unknown}")
    if parts:
        logger.info("%s: %s", what, "; ".join(parts))
    return told


def nucleus_diameter_px(items: Sequence[Item], model_scale: ModelScale) -> float | None:
    """Measure the typical diameter of nuclei as the network sees them: the mean of the images' medians.

    The diameter of a nucleus is that of the circle of its area. Of a long list only a hundred are read.

    Args:
        items: a data list with labels.
        model_scale: how the images are resized before the network.

    Returns:
        The diameter in pixels, or None where there is no nucleus.
    """
    medians: list[float] = []
    for item in items[:: max(1, math.ceil(len(items) / _MOST_LABELS))]:
        areas = np.bincount(read_labels(item["label"]).ravel())[1:]
        if not areas.any():
            continue
        size = None if model_scale.pixel_size_um is None else pixel_size_of(item)
        diameter = 2 * math.sqrt(float(np.median(areas[areas > 0])) / math.pi)
        medians.append(model_scale.factor(size, name=item["image"]) * diameter)
    return round(float(np.mean(medians)), 2) if medians else None


def measure_training(
    items: Sequence[Item], model_scale: ModelScale, *, model_diameter_px: float | None = None
) -> dict[str, Any]:
    """Return the settings that only the training images tell, to be saved beside the weights.

    Args:
        items: the training list.
        model_scale: how the images are resized before the network.
        model_diameter_px: the diameter as the user gives it; it is measured where this is None.

    Raises:
        ValueError: the images' factors are to be searched, which takes a training.
    """
    if model_scale.searched_diameter_px is not None:
        raise ValueError(
            "diameter_px is auto in a training, whose nuclei are what others are brought to the size of: give"
            " a number of pixels, or leave it out"
        )
    if model_diameter_px is None:
        model_diameter_px = nucleus_diameter_px(items, model_scale)
        if model_diameter_px is not None:
            logger.info(
                "nuclei in the training images are %.3g px wide, as the network sees them", model_diameter_px
            )
    return {"model_diameter_px": model_diameter_px}
