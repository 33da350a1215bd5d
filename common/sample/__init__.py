"""The embedded sample: a seeded generator of nuclei in every kind of image."""

from .cells import make_cells
from .fluorescence import render_fluorescence
from .he import render_he
from .image import MODALITIES, channel_names, make_image
from .shapes import draw_label_map
from .writing import ensure_sample, write_sample

__all__ = [
    "MODALITIES",
    "channel_names",
    "draw_label_map",
    "ensure_sample",
    "make_cells",
    "make_image",
    "render_fluorescence",
    "render_he",
    "write_sample",
]
