"""Files whole or not at all, and told from a user's own; folders that one job at a time writes to."""

from .download import download
from .fingerprint import sha256_of
from .free_name import free_name
from .lock import InUseError, hold
from .made_here import GEOJSON_START, MARK, is_made_here, record_text, recorded
from .marked_part import MarkedPart
from .stem import stem_of
from .whole_file import move_file, write_whole
from .whole_folder import write_whole_folder

__all__ = [
    "GEOJSON_START",
    "InUseError",
    "MARK",
    "MarkedPart",
    "download",
    "free_name",
    "hold",
    "is_made_here",
    "move_file",
    "record_text",
    "recorded",
    "sha256_of",
    "stem_of",
    "write_whole",
    "write_whole_folder",
]
