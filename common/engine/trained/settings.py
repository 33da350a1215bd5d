"""The settings that weights were trained with, saved beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["trained_settings"]


def trained_settings(weights: str | Path) -> dict[str, Any]:
    """Return the configuration in the ``train.json`` beside a file of weights; empty where there is none.

    Args:
        weights: the file of weights, which need not exist.
    """
    path = Path(weights).with_name("train.json")
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
