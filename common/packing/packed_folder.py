"""What lies in a packed bundle, so that a later pack replaces that and nothing else; and its archive."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import sha256_of

__all__ = ["INVENTORY", "refuse_foreign", "write_archive", "write_inventory"]

INVENTORY = "packed.json"
_SUFFIX = ".zip"
# The earliest time that an archive can hold: bytes must not tell when it was made.
_ALWAYS = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16  # a file that all may read, in the half of the attributes that Unix has


def write_inventory(folder: Path, *, bundle: str, version: str) -> None:
    """Write which files a packed bundle has, and what they hold.

    Args:
        folder: the packed bundle, complete.
        bundle: its name, and that of its package.
        version: of its metadata.
    """
    files = {named: sha256_of(folder / named) for named in _names(folder)}
    code = "".join(f"{name} {digest}\n" for name, digest in files.items() if name.startswith(f"{bundle}/"))
    content = {
        "bundle": bundle,
        "version": version,
        "code_sha256": hashlib.sha256(code.encode()).hexdigest(),
        "files": files,
    }
    (folder / INVENTORY).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder, and an archive beside it, that holds anything but what was packed into it.

    Args:
        folder: where a bundle is to be packed; it need not exist.

    Raises:
        FileExistsError: naming what would be lost.
    """
    mend = "move it away, or name another --output"
    archive = folder.with_name(folder.name + _SUFFIX)
    if archive.exists() and not _is_ours(archive, folder.name):
        raise FileExistsError(f"{archive.as_posix()} is no packed bundle: {mend}")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    files = _inventory(folder).get("files")
    if not isinstance(files, dict):
        raise FileExistsError(f"{folder.as_posix()} holds something else than a packed bundle: {mend}")
    for name in _names(folder):
        if name == INVENTORY:
            continue
        if name not in files:
            raise FileExistsError(f"{folder.as_posix()}/{name} came after packing, and would be lost: {mend}")
        if sha256_of(folder / name) != files[name]:
            raise FileExistsError(
                f"{folder.as_posix()}/{name} was changed after packing, and would be lost: {mend}"
            )


def write_archive(folder: Path, archive: Path, *, bundle: str | None) -> None:
    """Write a packed bundle as a zip, in which one folder has all: equal folders make equal bytes.

    Args:
        folder: the packed bundle.
        archive: the file to write.
        bundle: the folder's name inside; None: there is no folder inside.
    """
    with zipfile.ZipFile(archive, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name in _names(folder):
            inside = f"{bundle}/{name}" if bundle else name
            told = zipfile.ZipInfo(inside, date_time=_ALWAYS)
            told.compress_type, told.external_attr, told.create_system = zipfile.ZIP_DEFLATED, _READABLE, 3
            packed.writestr(told, (folder / name).read_bytes())


def _names(folder: Path) -> Iterator[str]:
    """Yield the files of a folder, sorted alike on every system, without what Python compiles."""
    files = [file.relative_to(folder) for file in folder.rglob("*") if not file.is_dir()]
    yield from sorted(file.as_posix() for file in files if "__pycache__" not in file.parts)


def _inventory(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / INVENTORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_ours(archive: Path, bundle: str) -> bool:
    try:
        with zipfile.ZipFile(archive) as packed:
            return not {INVENTORY, f"{bundle}/{INVENTORY}"}.isdisjoint(packed.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
