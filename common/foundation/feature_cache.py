"""Features that were computed before, kept on disk by the very pixels that they are of."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import write_whole

__all__ = ["FeatureCache"]

_log = logging.getLogger(__name__)


class FeatureCache:
    """A folder with one file for each tile.

    A file's name is the digest of the tile's pixels; the folder around it that of all else which decides
    the features. So nothing can be found that does not hold any more: other weights, another normalisation or
    a changed image have other names, and equal tiles of several data sets are computed once. Each file has a
    checksum (that of the zip format); one that is damaged is made anew. Jobs may share a folder. Features of
    SAM take 2 bytes for each pixel of the image; what is not wanted any more may be deleted while nothing
    runs.

    Args:
        folder: where the files are, made when the first is written.
        key: what decides the features beside the pixels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = FeatureCache(folder, b"weights")
        ...     tile = torch.rand(3, 4, 4)
        ...     first = cache.take(tile, lambda tile: torch.ones(1, 1, 1))
        ...     again = cache.take(tile, lambda tile: torch.zeros(1, 1, 1))
        >>> first == again
        tensor([[[True]]])
    """

    def __init__(self, folder: str | Path, key: bytes) -> None:
        self.folder = Path(folder).expanduser() / hashlib.blake2b(key, digest_size=8).hexdigest()
        self._full = False

    def take(self, tile: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the features of a tile, from the disk if they are there.

        Args:
            tile: its pixels.
            make: tile -> features.

        Shapes:
            tile: (c, h, w).
            returns: (f, h', w') float16, on the tile's device.
        """
        file = self._file(tile)
        found = _read(file)
        if found is None:
            found = make(tile).detach().half().cpu().numpy()
            self._write(file, found)
        return torch.from_numpy(found).to(tile.device)

    def _file(self, tile: Tensor) -> Path:
        pixels = tile.detach().cpu().contiguous().numpy()
        digest = hashlib.blake2b(f"{pixels.shape} {pixels.dtype} ".encode(), digest_size=16)
        digest.update(pixels.data)
        name = digest.hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def _write(self, file: Path, features: np.ndarray) -> None:
        try:
            write_whole(file, lambda part: np.savez(part, features=features))
        except OSError as error:
            # A disk that is full costs time, not the training.
            if not self._full:
                _log.warning("features are computed again and again: %s cannot be written (%s)", file, error)
            self._full = True


def _read(file: Path) -> np.ndarray | None:
    try:
        with file.open("rb") as opened, np.load(opened) as content:
            features: np.ndarray = content["features"]
            return features
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s is damaged and is made anew (%s)", file, error)
        return None
