"""Image -> maps: the networks, and what runs them on a device and on images of any size."""

from .log_filter import LoGFilter
from .logsage import LoGSAGE
from .parameter_groups import parameter_groups
from .prepare import prepare
from .tile_inferer import TileInferer

__all__ = ["LoGFilter", "LoGSAGE", "TileInferer", "parameter_groups", "prepare"]
