"""InstanSeg with published weights: nuclei, at the model's own pixel size where the image's is known.

References:
    Goldsborough et al., InstanSeg: An Embedding-Based Instance Segmentation Algorithm Optimized for Accurate,
    Efficient and Portable Cell Segmentation, arXiv:2408.15954, 2024.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from instanseg import InstanSeg

PACKAGES = ["instanseg-torch", "torch"]


def load(job: dict[str, Any]) -> Callable[[np.ndarray, float | None], np.ndarray]:
    """Return the model as a function from an image to a label map."""
    torch.set_num_threads(job["threads"])
    place = Path(job["pretrained"])
    file = place / "instanseg.pt" if place.is_dir() else place
    network = torch.jit.load(str(file), map_location="cpu").eval()
    model = InstanSeg(network, device="cpu", verbosity=0)

    def segment(image: np.ndarray, pixel_size_um: float | None = None) -> np.ndarray:
        planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        tensor = torch.from_numpy(planes.astype(np.float32))
        target = "nuclei" if getattr(network, "cells_and_nuclei", False) else "all_outputs"
        with torch.no_grad():
            found = model.eval_small_image(tensor, pixel_size_um, target=target, return_image_tensor=False)
        label_map: np.ndarray = np.asarray(found.cpu())[0, 0].astype(np.int64)
        return label_map

    segment.parameters = sum(each.numel() for each in network.parameters())  # type: ignore[attr-defined]
    return segment
