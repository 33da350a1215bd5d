"""SAM as published: a mask for every point of a grid, those that hold others and the background left out.

References:
    Kirillov et al., Segment Anything, ICCV 2023. Its automatic mask generator with its defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from segment_anything import SamAutomaticMaskGenerator, sam_model_registry

PACKAGES = ["segment-anything", "torch"]
_LARGEST = 0.25  # share of the image: larger masks are the background, or a piece of tissue


def load(job: dict[str, Any]) -> Callable[[np.ndarray, float | None], np.ndarray]:
    """Return the model as a function from an image to a label map."""
    torch.set_num_threads(job["threads"])
    file = Path(job["pretrained"])
    kind = re.search(r"vit_[bhl]", file.name)
    if kind is None:
        raise ValueError(
            f"{file} does not tell its size: a file of SAM has vit_b, vit_l or vit_h in its name"
        )
    network = sam_model_registry[kind[0]](checkpoint=str(file)).eval()
    generator = SamAutomaticMaskGenerator(network)

    def segment(image: np.ndarray, pixel_size_um: float | None = None) -> np.ndarray:
        return painted(generator.generate(colours(image)), image.shape[:2])

    segment.parameters = sum(each.numel() for each in network.parameters())  # type: ignore[attr-defined]
    return segment


def colours(image: np.ndarray) -> np.ndarray:
    """Return an image as SAM knows them: three channels of bytes; others are stretched to percentiles."""
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    planes = image[..., None] if image.ndim == 2 else image
    low, high = np.percentile(planes, (0.5, 99.8), axis=(0, 1))
    scaled = np.clip((planes - low) / np.maximum(high - low, 1e-9), 0, 1).mean(axis=2)
    return np.repeat((255 * scaled).astype(np.uint8)[..., None], 3, axis=2)


def painted(masks: list[dict[str, Any]], shape: tuple[int, int]) -> np.ndarray:
    """Return masks as a label map; of two that overlap the smaller lies on top, so that none is covered."""
    label_map = np.zeros(shape, np.int32)
    kept = [mask for mask in masks if mask["area"] <= _LARGEST * label_map.size]
    for number, mask in enumerate(sorted(kept, key=lambda mask: -mask["area"]), 1):
        label_map[mask["segmentation"]] = number
    return label_map
