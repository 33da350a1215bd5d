"""Unpickling of numpy's object arrays without running what a file from elsewhere asks for."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np


class PlainUnpickler(pickle.Unpickler):
    """Reads texts, numbers, lists and numpy arrays; what is of another class becomes an empty text.

    A pickle names the functions that rebuild its objects, so that reading one may do anything. Of numpy's
    the few that rebuild arrays and numbers are called here, and of others none.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what rebuilds objects of a class: numpy's own, or a stand-in that is empty."""
        return _NUMPY.get((module.split(".")[0], name), _Unread)


class _Unread:
    """Stands where an object of another class stood."""

    def __new__(cls, *_: Any, **__: Any) -> _Unread:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        pass

    def __str__(self) -> str:
        return ""


# Found by what numpy itself names when it pickles: their module has moved between its versions.
_NUMPY = {
    ("numpy", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "scalar"): np.float64(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
