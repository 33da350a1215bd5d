"""Files, folders and their names: files whole or not at all, ours or not, folders written by one job at a time."""

from .lock import InUseError, hold
from .made_here import MARK, is_made_here, record_text, recorded
from .stem import stem_of
from .whole_file import move_file, write_whole

__all__ = [
    "InUseError",
    "MARK",
    "hold",
    "is_made_here",
    "move_file",
    "record_text",
    "recorded",
    "stem_of",
    "write_whole",
]
