"""A bundle that leaves the repository: one folder and one archive, with its own copy of the code."""

from .export_table import export_every_way, put_table
from .exported_files import load_exported
from .flat_config import flat_configs
from .image_to_labels import write_image_to_labels
from .label_app import WEB_APP, write_label_app
from .label_model import LABEL_MODELS
from .name import check_name
from .network_export import FORMATS, TOLERANCE, Exported, check_formats, export_network
from .own_code import copy_code, rooms_needed
from .pack import Packed, pack_bundle
from .packed_folder import INVENTORY, refuse_foreign, write_archive, write_inventory
from .packed_weights import PackedWeights, find_packed_weights

__all__ = [
    "FORMATS",
    "INVENTORY",
    "LABEL_MODELS",
    "TOLERANCE",
    "WEB_APP",
    "Exported",
    "Packed",
    "PackedWeights",
    "check_formats",
    "check_name",
    "copy_code",
    "export_every_way",
    "export_network",
    "find_packed_weights",
    "flat_configs",
    "load_exported",
    "pack_bundle",
    "put_table",
    "refuse_foreign",
    "rooms_needed",
    "write_archive",
    "write_image_to_labels",
    "write_inventory",
    "write_label_app",
]
