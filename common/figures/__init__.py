"""The figures of the papers, drawn on any image of a data set, and the pictures of the README."""

from .cascaded_unet import cascaded_unet_figures
from .curvature_picture import CurvedLines, write_curvature_picture
from .error_picture import ERROR_COLOURS, error_picture
from .eunet3plus_sam import eunet3plus_sam_figures
from .first_look_picture import Look, first_look_fingerprint, first_look_picture
from .logsage import logsage_figures
from .map_picture import write_map_picture
from .page_picture import find_browser, photograph_page
from .panels_picture import Panel, write_panels
from .resnet18_unet import resnet18_unet_figures
from .subject import Subject, crowded_windows

__all__ = [
    "CurvedLines",
    "ERROR_COLOURS",
    "Look",
    "Panel",
    "Subject",
    "cascaded_unet_figures",
    "crowded_windows",
    "error_picture",
    "eunet3plus_sam_figures",
    "find_browser",
    "first_look_fingerprint",
    "first_look_picture",
    "logsage_figures",
    "photograph_page",
    "resnet18_unet_figures",
    "write_curvature_picture",
    "write_map_picture",
    "write_panels",
]
