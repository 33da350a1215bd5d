"""Files and their names: whole or not at all."""

from .stem import stem_of
from .whole_file import write_whole

__all__ = ["stem_of", "write_whole"]
