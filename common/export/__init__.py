"""Label maps -> files, pictures and tables."""

from .cell_table import beside_nuclei, cell_table
from .colours import label_colours
from .composite import composite_image
from .display import display_image
from .geojson import cell_features, nuclei_features, write_geojson
from .imagej_rois import nuclei_rois, write_rois
from .label_file import write_label_map
from .nuclei_table import nuclei_table, read_table, write_table
from .overlay import AGREED_ON_BRIGHT, AGREED_ON_DARK, PREDICTED, TRUTH, overlay
from .picture_file import write_picture
from .save import SaveLabelMapd, cells_name, record_of
from .save_nuclei import POLYGON_FORMATS, SaveNucleid, embeddings_name
from .sheet import contact_sheet

__all__ = [
    "AGREED_ON_BRIGHT",
    "AGREED_ON_DARK",
    "POLYGON_FORMATS",
    "PREDICTED",
    "SaveLabelMapd",
    "SaveNucleid",
    "TRUTH",
    "beside_nuclei",
    "cell_features",
    "cell_table",
    "cells_name",
    "composite_image",
    "contact_sheet",
    "display_image",
    "embeddings_name",
    "label_colours",
    "nuclei_features",
    "nuclei_rois",
    "nuclei_table",
    "overlay",
    "read_table",
    "record_of",
    "write_geojson",
    "write_label_map",
    "write_picture",
    "write_rois",
    "write_table",
]
