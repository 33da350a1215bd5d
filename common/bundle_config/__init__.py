"""The configuration that is being executed, its faults, and where two differ."""

from .config_faults import build_items, find_slip, read_json, where
from .config_text import written
from .inference_file import check_follows, inference_config, rewrite_configs
from .pretrained_source import IMAGENET, check_pretrained_source
from .running_config import running_command, running_config, top_level_scalars, variant
from .settings_difference import as_json, first_difference, shown

__all__ = [
    "IMAGENET",
    "as_json",
    "build_items",
    "check_follows",
    "check_pretrained_source",
    "find_slip",
    "first_difference",
    "inference_config",
    "read_json",
    "rewrite_configs",
    "running_command",
    "running_config",
    "shown",
    "top_level_scalars",
    "variant",
    "where",
    "written",
]
