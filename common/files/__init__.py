"""Files, folders and their names: files whole or not at all, folders written by one job at a time."""

from .fingerprint import sha256_of
from .lock import InUseError, hold
from .stem import stem_of
from .whole_file import move_file, write_whole

__all__ = ["InUseError", "hold", "move_file", "sha256_of", "stem_of", "write_whole"]
