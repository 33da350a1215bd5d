"""A bundle that leaves the repository: one folder and one archive, with its own copy of the code."""

from .flat_config import flat_configs
from .name import check_name
from .own_code import copy_code, rooms_needed
from .pack import Packed, pack_bundle
from .packed_folder import INVENTORY, refuse_foreign, write_archive, write_inventory
from .packed_weights import PackedWeights, find_packed_weights

__all__ = [
    "INVENTORY",
    "Packed",
    "PackedWeights",
    "check_name",
    "copy_code",
    "find_packed_weights",
    "flat_configs",
    "pack_bundle",
    "refuse_foreign",
    "rooms_needed",
    "write_archive",
    "write_inventory",
]
