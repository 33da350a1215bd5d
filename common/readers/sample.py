"""The embedded sample: a seeded generator of realistic nuclei pictures, data sets and whole slides.

It serves the quickstart and every test, so that neither needs a download. Figures on it say that the code
works, not how good a method is.
"""

from __future__ import annotations

from .sample_fluorescence import render_fluorescence
from .sample_he import render_he
from .sample_image import MODALITIES, channel_names, make_image
from .sample_shapes import draw_label_map
from .sample_slide import write_slide
from .sample_writing import ensure_sample, write_sample

__all__ = [
    "MODALITIES",
    "channel_names",
    "draw_label_map",
    "ensure_sample",
    "make_image",
    "render_fluorescence",
    "render_he",
    "write_sample",
    "write_slide",
]
