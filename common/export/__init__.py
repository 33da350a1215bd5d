"""Label maps -> files and pictures."""

from .colours import label_colours
from .curvature_picture import CurvedLines, write_curvature_picture
from .display import display_image
from .error_picture import ERROR_COLOURS, error_picture
from .label_file import write_label_map
from .map_picture import write_map_picture
from .overlay import AGREED_ON_BRIGHT, AGREED_ON_DARK, PREDICTED, TRUTH, overlay
from .panels_picture import Panel, write_panels
from .picture_file import write_picture
from .save import SaveLabelMapd
from .sheet import contact_sheet
from .whole_file import write_whole

__all__ = [
    "AGREED_ON_BRIGHT",
    "AGREED_ON_DARK",
    "ERROR_COLOURS",
    "PREDICTED",
    "TRUTH",
    "CurvedLines",
    "Panel",
    "SaveLabelMapd",
    "contact_sheet",
    "display_image",
    "error_picture",
    "label_colours",
    "overlay",
    "write_curvature_picture",
    "write_label_map",
    "write_map_picture",
    "write_panels",
    "write_picture",
    "write_whole",
]
