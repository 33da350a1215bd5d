"""The configuration that is being executed, its faults, and where two differ."""

from .bundle_files import (
    bundle_folder,
    bundle_names,
    bundle_overlays,
    bundle_parser,
    packed_root,
    project_root,
)
from .components import completed, in_this_package
from .config_faults import blamed, build_items, find_slip, where
from .config_text import written
from .given_settings import given_settings
from .inference_file import PLACES, check_follows, inference_config, rewrite_configs
from .json_file import read_json
from .metadata_file import channels_described, check_described, check_metadata
from .network_maps import describe_maps, finds_cells, map_order, target_maps
from .packed_home import settle_packed
from .pretrained_source import IMAGENET, check_pretrained_source
from .running_config import (
    running_command,
    running_config,
    running_home,
    running_parser,
    top_level_scalars,
    variant,
)
from .settings_difference import as_json, first_difference, shown

__all__ = [
    "PLACES",
    "IMAGENET",
    "as_json",
    "blamed",
    "build_items",
    "bundle_folder",
    "bundle_names",
    "bundle_overlays",
    "bundle_parser",
    "channels_described",
    "check_described",
    "check_follows",
    "check_metadata",
    "check_pretrained_source",
    "completed",
    "describe_maps",
    "find_slip",
    "finds_cells",
    "first_difference",
    "inference_config",
    "given_settings",
    "in_this_package",
    "map_order",
    "packed_root",
    "project_root",
    "read_json",
    "rewrite_configs",
    "running_command",
    "running_config",
    "running_home",
    "running_parser",
    "settle_packed",
    "shown",
    "target_maps",
    "top_level_scalars",
    "variant",
    "where",
    "written",
]
