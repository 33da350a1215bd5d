"""Arrays of .npy files, row by row and out of archives: tens of gigabytes need not be unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np
from numpy.lib import format as npy

from .plain_pickle import PlainUnpickler

Opened = Callable[[], BufferedIOBase]


@contextmanager
def npy_files(source: str | Path) -> Iterator[dict[str, Opened]]:
    """Give the .npy files of a source, and of the .zip archives in it, by their paths.

    Args:
        source: a folder, or a .zip archive.

    Returns:
        For each path, with slashes and as in the archive, what opens the file.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if an archive is none, or damaged.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{source} does not exist: give --source a folder or a .zip archive")
    loose = sorted(path.rglob("*.npy")) if path.is_dir() else []
    found: dict[str, Opened] = {each.as_posix(): on_disk(each) for each in loose}
    opened: list[zipfile.ZipFile] = []
    try:
        for archive in sorted(path.rglob("*.zip")) if path.is_dir() else [path]:
            packed = _archive(archive, ".zip")
            opened.append(packed)
            for name in packed.namelist():
                if name.endswith(".npy") and not name.startswith("__MACOSX"):
                    found[f"{archive.as_posix()}/{name}"] = _member(packed, name)
        yield found
    finally:
        for packed in opened:
            packed.close()


@contextmanager
def npz_arrays(path: Path) -> Iterator[dict[str, Opened]]:
    """Give the arrays of an .npz file by their names, as `numpy.savez` wrote them.

    Args:
        path: the file.

    Returns:
        For each array what opens its .npy file.

    Raises:
        ValueError: if it is no .npz file, or damaged.
    """
    with _archive(path, ".npz") as packed:
        names = [name for name in packed.namelist() if name.endswith(".npy")]
        yield {name[: -len(".npy")]: _member(packed, name) for name in names}


def on_disk(path: Path) -> Opened:
    """Return what opens a file.

    Args:
        path: the file.
    """
    return lambda: path.open("rb")


def _archive(path: Path, kind: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path} is no whole {kind} archive ({error}): download it again") from None


def _member(archive: zipfile.ZipFile, name: str) -> Opened:
    return lambda: cast(BufferedIOBase, archive.open(name))


def npy_shape(name: str, opened: Opened) -> tuple[int, ...]:
    """Return the shape of an array without reading it.

    Args:
        name: the file, for errors.
        opened: what opens it.

    Raises:
        ValueError: if it is no .npy file.
    """
    with opened() as file:
        return _header(file, name)[0]


def npy_rows(name: str, opened: Opened) -> Generator[np.ndarray, None, None]:
    """Yield an array row by row, first axis first.

    Args:
        name: the file, for errors.
        opened: what opens it.

    Raises:
        ValueError: if it is no .npy file of plain numbers or texts, or ends too early.
    """
    with opened() as file:
        shape, dtype = _header(file, name)
        size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        for row in range(shape[0]):
            try:
                content = file.read(size)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                raise ValueError(f"{name} is damaged ({error}): download it again") from None
            if len(content) < size:
                raise ValueError(f"{name} ends in row {row} of {shape[0]}: unpack or download it again")
            yield np.frombuffer(content, dtype).reshape(shape[1:])


@contextmanager
def opened_rows(*arrays: tuple[str, Opened]) -> Iterator[Iterator[tuple[np.ndarray, ...]]]:
    """Give arrays row by row, side by side; their files are closed afterwards, read to the end or not.

    Args:
        arrays: of each the file, for errors, and what opens it.

    Raises:
        ValueError: as `npy_rows`, while they are read.
    """
    with ExitStack() as stack:
        yield zip(*(stack.enter_context(closing(npy_rows(*each))) for each in arrays), strict=True)


def npy_table(name: str, opened: Opened) -> list[list[str]]:
    """Read a small table of texts, also one that was stored as Python objects.

    Objects are unpickled as far as they are texts, numbers and arrays of such; of any other class nothing is
    loaded or run, and its cell is empty.

    Args:
        name: the file, for errors.
        opened: what opens it.

    Shapes:
        returns: rows, then columns; a list of texts is a table of one column.

    Raises:
        ValueError: if it is no .npy file, damaged, or has more than two axes.
    """
    with opened() as file:
        shape, by_columns, dtype = _raw_header(file, name)
        try:
            if dtype.hasobject:
                table = np.asarray(PlainUnpickler(file).load()).reshape(shape)
            else:
                table = np.frombuffer(file.read(), dtype).reshape(shape, order="F" if by_columns else "C")
        except Exception as error:  # a damaged pickle may raise anything
            raise ValueError(f"{name} is damaged ({error}): download it again") from None
    if table.ndim not in (1, 2):
        raise ValueError(f"{name} has {table.ndim} axes, not rows and columns: download it again")
    return [[_text(cell) for cell in np.atleast_1d(row)] for row in table]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _header(file: BufferedIOBase, name: str) -> tuple[tuple[int, ...], np.dtype]:
    shape, by_columns, dtype = _raw_header(file, name)
    if not shape or by_columns and len(shape) > 1 or dtype.hasobject:
        raise ValueError(
            f"{name} is not stored row by row as plain numbers or texts: save it anew with "
            f"np.save(file, np.ascontiguousarray(array))"
        )
    return shape, dtype


def _raw_header(file: BufferedIOBase, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{name} is no whole .npy file ({error}): unpack or download it again") from None
    return shape, by_columns, dtype
