"""A training's settings as they may leave the machine that it ran on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["shared_settings"]


def shared_settings(settings: Mapping[str, Any], bundle_root: str) -> dict[str, Any]:
    """Return the settings without the machine's folders; of the data sets their names stay.

    Args:
        settings: the configuration of a training, see `trained_settings`.
        bundle_root: the bundle's folder where the settings go.

    Example:
        >>> shared_settings({"dataset_dir": "D:/mine/cells", "ckpt_dir": "a", "seed": 0}, "bundles/unet")
        {'dataset_dir': 'cells', 'ckpt_dir': None, 'seed': 0}
    """
    given = settings.get("dataset_dir") or []
    several = given if isinstance(given, list) else [given]
    names = [os.path.basename(str(each).replace("\\", "/").rstrip("/")) for each in several]
    own: dict[str, Any] = {
        "bundle_root": bundle_root,
        "dataset_dir": names if isinstance(given, list) else "".join(names),
        **dict.fromkeys(("ckpt_dir", "output_dir", "weights", "pretrained", "sam_cache")),
    }
    return {**settings, **{name: value for name, value in own.items() if name in settings}}
