"""The scale of a trained model: what the options say, else what was saved beside its weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ...geometry import ModelScale, model_scale
from .settings import trained_settings
from .weights import weights_candidates

__all__ = ["trained_scale"]

_log = logging.getLogger(__name__)
_NAMES = ("pixel_size_um", "model_diameter_px", "scale")


def trained_scale(
    *,
    pixel_size_um: float | str | None = None,
    scale: float = 1.0,
    diameter_px: float | None = None,
    model_diameter_px: float | None = None,
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    bundle_root: str | Path | None = None,
) -> ModelScale:
    """Return `model_scale`, with pixel size and diameter from the training where the options give none.

    Args:
        pixel_size_um: see `model_scale`; None takes that of the training.
        scale: see `model_scale`.
        diameter_px: see `model_scale`.
        model_diameter_px: see `model_scale`; None takes that of the training.
        weights: a file named by the user, see `find_weights`.
        ckpt_dir: folder of one's own training, see `find_weights`.
        bundle_root: folder of the bundle, see `find_weights`.

    Raises:
        ValueError: see `model_scale`.
    """
    trained = _trained_settings(weights, ckpt_dir, bundle_root)
    if pixel_size_um is None:
        pixel_size_um = trained.get("pixel_size_um")
    if model_diameter_px is None and isinstance(trained.get("model_diameter_px"), (int, float)):
        model_diameter_px = trained["model_diameter_px"]
    chosen = model_scale(
        pixel_size_um, scale=scale, diameter_px=diameter_px, model_diameter_px=model_diameter_px
    )
    if diameter_px is not None:
        _log.info(
            "nuclei of %g px are resized to the %.3g px of the training: scale %.3g",
            diameter_px,
            model_diameter_px,
            chosen.scale,
        )
    elif scale == 1 and trained.get("scale", 1) != 1:
        _log.info(
            "the training resized images of unknown pixel size by %s: give --scale %s if these are like them",
            trained["scale"],
            trained["scale"],
        )
    return chosen


def _trained_settings(
    weights: str | Path | None, ckpt_dir: str | Path | None, bundle_root: str | Path | None
) -> dict[str, Any]:
    """Read the settings of the training that the weights come from, if its train.json is there."""
    files = [Path(weights)] if weights else [file for file, _ in weights_candidates(ckpt_dir, bundle_root)]
    for file in files:
        if not file.is_file():
            continue
        content = trained_settings(file)
        return {name: content[name] for name in _NAMES if isinstance(content.get(name), (int, float, str))}
    return {}
