"""Where a public data set comes from, and its files as downloaded: in folders, archives, or both."""

from __future__ import annotations

import logging
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file that a data set's source hands out to anyone.

    Attributes:
        url: its address.
        checksum: "sha256:..." or "md5:...", where one is known.
    """

    url: str
    checksum: str | None = None

    @property
    def name(self) -> str:
        """Name of the file, as the address ends."""
        return PurePosixPath(urlsplit(self.url).path).name


@contextmanager
def opened_source(source: str | Path) -> Iterator[Path]:
    """Give the folder of a source: itself, or an archive unpacked for the time being.

    Args:
        source: a folder, or a .zip or .tar(.gz, .bz2, .xz) archive.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if it is a file but no archive, or one that is damaged.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{source} does not exist: give --source a folder or an archive (.zip, .tar.gz)"
        )
    if path.is_dir():
        yield path
        return
    folder = Path(tempfile.mkdtemp(prefix="nuclei-"))
    try:
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    packed.extractall(folder)
            elif tarfile.is_tarfile(path):
                with tarfile.open(path) as tarred:
                    tarred.extractall(folder, filter="data")  # nothing outside the folder
            else:
                raise ValueError(
                    f"{source} is neither a folder nor a whole archive (.zip, .tar.gz): download it again"
                )
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise ValueError(f"{source} cannot be unpacked ({error}): download it again") from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def opened_files(source: str | Path) -> Iterator[list[Path]]:
    """Give all files of a source; archives that lie in its folder are unpacked for the time being.

    An archive beside a folder of its name has been unpacked already, and is left as it is.

    Args:
        source: a folder, or an archive.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if an archive is none, or damaged.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(opened_source(source))]
        for archive in sorted(path for path in _visible(folders[0]) if path.suffix.lower() in ARCHIVES):
            names = {archive.name.split(".")[0], archive.stem}  # data_v1.1.zip is unpacked to data_v1.1
            if any((archive.parent / name).is_dir() for name in names):
                logger.info("%s is not unpacked: the folder beside it is read", archive)
                continue
            folders.append(stack.enter_context(opened_source(archive)))
        yield [path for folder in folders for path in _visible(folder)]


def _visible(folder: Path) -> list[Path]:
    """Return the files in a folder and its folders, without hidden ones and what macOS adds to archives."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        path
        for path in found
        if not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    ]
