"""The figure of the eU-Net3+ paper that shows what SAM sees: principal components of its features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from ..engine.trained import choose_weights, trained_settings
from ..export import display_image
from ..foundation import FrozenSAM
from .panels_picture import Panel, write_panels
from .subject import Subject

__all__ = ["eunet3plus_sam_figures", "principal_colours"]

SIZES = ("facebook/sam-vit-base", "facebook/sam-vit-large", "facebook/sam-vit-huge")


def eunet3plus_sam_figures(subject: Subject) -> list[Path]:
    """Draw principal components of SAM's features (Fig. 2): the training's SAM, and what sizes are there."""
    settings = _settings(subject)
    own = str(settings["sam_weights"])
    foundation = dict(settings["network_def"].get("foundation") or subject.config["network_def::foundation"])
    options = {name: foundation[name] for name in ("tile_px", "magnification") if name in foundation}
    parser = subject.config
    parser["intensity"] = settings["intensity"]
    scaled = parser.get_parsed_content("intensity")({"image": torch.from_numpy(subject.image)})["image"]
    panels = [Panel("image", display_image(subject.image))]
    lacking = []
    for name in dict.fromkeys((own, *SIZES)):
        try:
            sam = FrozenSAM(name, **options)
        except FileNotFoundError:
            if name == own:
                raise
            lacking.append(name)
            continue
        features = sam(torch.as_tensor(scaled)[None])[0].float().numpy()
        colours, share = principal_colours(features)
        height, width = subject.image.shape[1:]
        enlarged = colours.repeat(sam.stride_px, axis=0).repeat(sam.stride_px, axis=1)[:height, :width]
        # Of a folder its own name: a path is longer than the picture is wide.
        title = name if name in SIZES else Path(name).name
        panels.append(Panel(f"{title}\n{100 * share:.0f} % of the variance", enlarged))
    missing = f"\nnot on this machine: {', '.join(lacking)}" if lacking else ""
    file = write_panels(
        subject.folder / "sam_features.png",
        panels,
        title=f"Features of SAM on {subject.name}: red, green and blue are their first three\n"
        f"principal components, a square is one feature (16 px){missing}",
    )
    return [file]


def principal_colours(
    features: Float[np.ndarray, "f h w"],
) -> tuple[UInt8[np.ndarray, "h w 3"], float]:
    """Return the first three principal components of features as colours.

    Args:
        features: a vector for each place.

    Returns:
        The colours, of each component from its 1st to its 99th percentile, and the share of the variance that
        all three hold; grey and 0 where all vectors are the same.

    Example:
        >>> ramp = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 4, 4)
        >>> colours, share = principal_colours(np.concatenate([ramp, 3 * ramp, -ramp]))
        >>> bool((np.diff(colours[..., 0].astype(int).ravel()) >= 0).all()), round(share, 3)
        (True, 1.0)
    """
    count, height, width = features.shape
    vectors = features.reshape(count, -1).T.astype(np.float64)
    vectors = vectors - vectors.mean(axis=0)
    _, strength, directions = np.linalg.svd(vectors, full_matrices=False)
    variance = strength**2
    colours = np.full((height, width, 3), 128, np.uint8)
    for number, direction in enumerate(directions[:3]):
        if variance[number] <= 1e-10 * max(variance.sum(), 1e-10):
            continue
        # Either sign is a solution: the largest part counts up.
        values = vectors @ (direction * np.sign(direction[np.abs(direction).argmax()]))
        low, high = np.percentile(values, (1, 99))
        scaled = ((values - low) / max(high - low, 1e-12)).clip(0, 1)
        colours[..., number] = (255 * scaled).round().astype(np.uint8).reshape(height, width)
    total = variance.sum()
    return colours, float(variance[:3].sum() / total) if total > 0 else 0.0


def _settings(subject: Subject) -> dict[str, Any]:
    """Return what the training says of SAM; without a training what the bundle does."""
    own = {name: subject.config[name] for name in ("sam_weights", "network_def", "intensity")}
    try:
        root = Path("bundles") / subject.bundle
        ckpt_dir = subject.ckpt_dir or subject.config["ckpt_dir"]
        found = trained_settings(choose_weights(subject.weights, ckpt_dir, root)[0])
    except FileNotFoundError:
        if subject.weights:
            raise
        return own
    return own | {name: found[name] for name in own if name in found}
