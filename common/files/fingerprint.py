"""What a file holds, as a short text: equal files have equal ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["sha256_of"]


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, 64 characters.

    Args:
        path: the file.

    Example:
        >>> len(sha256_of(__file__)), sha256_of(__file__) == sha256_of(Path(__file__))
        (64, True)
    """
    with Path(path).open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
