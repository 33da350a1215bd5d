"""Everything the nuclei bundles share, from reading files to writing label maps: one folder a kind.

From Python: `from common import load_segmenter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.segmentation import Segmenter, load_segmenter

__all__ = ["Segmenter", "load_segmenter"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for: importing one room must not import the others.
    if name in __all__:
        from .engine import segmentation

        return getattr(segmentation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
