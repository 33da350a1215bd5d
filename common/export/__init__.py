"""Label maps -> files and pictures."""

from .colours import label_colours
from .composite import composite_image
from .display import display_image
from .label_file import write_label_map
from .overlay import AGREED_ON_BRIGHT, AGREED_ON_DARK, PREDICTED, TRUTH, overlay
from .picture_file import write_picture
from .save import SaveLabelMapd
from .sheet import contact_sheet

__all__ = [
    "AGREED_ON_BRIGHT",
    "AGREED_ON_DARK",
    "PREDICTED",
    "SaveLabelMapd",
    "TRUTH",
    "composite_image",
    "contact_sheet",
    "display_image",
    "label_colours",
    "overlay",
    "write_label_map",
    "write_picture",
]
