"""MATLAB files of label maps: read_mat gives their variables, or says in a sentence what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import error as ZlibError

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError


def read_mat(file: Path, *names: str) -> tuple[Any, ...]:
    """Read variables of a MATLAB file, versions 4 to 7.2.

    Args:
        file: the file.
        names: the variables.

    Raises:
        ValueError: if it is of version 7.3 (HDF5), damaged, or lacks a variable.
    """
    try:
        found = loadmat(file, variable_names=names)
    except NotImplementedError:
        raise ValueError(
            f"{file} is a MATLAB file of version 7.3, and older ones are read: download the data set again, "
            f"or save it in MATLAB with save(..., '-v7')"
        ) from None
    except (ValueError, TypeError, KeyError, IndexError, OSError, MatReadError, ZlibError) as error:
        raise ValueError(f"{file} is no whole MATLAB file ({error}): download the data set again") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"{file} has no {' and no '.join(missing)}: download the data set again")
    return tuple(found[name] for name in names)


def as_label_map(values: Any, file: Path, shape: tuple[int, int]) -> np.ndarray:
    """Return numbers as a label map of an image; MATLAB stores them as reals.

    Args:
        values: the numbers.
        file: where they stood, for errors.
        shape: height and width of the image.

    Shapes:
        values: (H, W), whole and not negative.
        returns: (H, W), uint32.

    Raises:
        ValueError: if they are another image's, or no labels.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(
            f"{file} is {array.shape} pixels but its image is {shape}: download the data set again"
        )
    if array.dtype.kind not in "uif" or not (np.isfinite(array) & (array >= 0) & (array % 1 == 0)).all():
        raise ValueError(f"{file} holds no labels 0, 1, 2 ...: download the data set again")
    return array.astype(np.uint32)
