"""The name that an image and everything made from it share: the file's name without its suffix."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["stem_of"]

_DOUBLE_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.btf", ".nii.gz")


def stem_of(path: str | PurePath) -> str:
    """Return the name of a file without its suffix, the double ones included.

    Args:
        path: the file; it need not exist.

    Example:
        >>> stem_of("a/x.1.ome.tif"), stem_of("x.nii.gz"), stem_of("x.y.png")
        ('x.1', 'x', 'x.y')
    """
    name = PurePath(path).name
    for suffix in _DOUBLE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return PurePath(name).stem
