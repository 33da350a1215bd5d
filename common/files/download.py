"""A file from the web, whole or not at all: gone on with after a cut, and checked before it gets its name."""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import shutil
import time
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from .lock import hold
from .whole_file import move_file

__all__ = ["download"]

_log = logging.getLogger(__name__)

CHECKSUMS = ("sha256", "md5")
_BLOCK, _LONGEST_PAUSE_SECONDS = 1 << 18, 30.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
# What may be better a moment later: too many requests, and a server that is overloaded or restarts.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_NETWORK = (URLError, HTTPException, ConnectionError, TimeoutError)


def download(
    url: str,
    target: str | Path,
    *,
    checksum: str | None = None,
    tries: int = 5,
    pause_s: float = 1.0,
    timeout_s: float = 60.0,
) -> Path:
    """Fetch a file; one that is there already stays, once its checksum is found right.

    What has arrived lies beside the target as `<name>.part`. A connection that is cut is taken up where it
    ended, in this call and in later ones, if the server can send the rest of the very same file (by its ETag
    or date; with a checksum without either as well); else it begins anew.

    Args:
        url: address, http or https; redirects are followed.
        target: the file to make; its folder is made where it is missing.
        checksum: "sha256:<64 hexadecimal digits>" or "md5:<32>"; None if nobody publishes one: then only the
            size that the server tells is checked.
        tries: attempts in a row that may bring nothing; at least 1.
        pause_s: seconds before the second attempt, twice as many before each further one.
        timeout_s: seconds without a sign of life after which an attempt ends.

    Returns:
        The file, as a path.

    Raises:
        FileNotFoundError: if the server knows no such file.
        PermissionError: if it wants a login, or answers with a web page in the file's place.
        ConnectionError: if it cannot be reached or cuts off again and again; what has arrived is kept.
        OSError: if the disk is full; what has arrived is kept.
        ValueError: if the address or checksum is none, or the file that arrived, or was there, has another.
        InUseError: if another download writes to the same folder.
    """
    target = Path(target)
    kind, digest = _parsed(checksum)
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no address on the web: begin it with https://")
    with hold(target.parent, job="a download", option="--downloads"):
        if target.exists():
            _refuse_other(target, kind, digest, f"remove {target}, and it is fetched again")
            return target
        part = target.with_name(target.name + ".part")
        _arrive(url, part, tries=tries, pause_s=pause_s, timeout_s=timeout_s, is_checked=bool(kind))
        try:
            _refuse_other(part, kind, digest, f"{url} was changed or damaged on the way; try again later")
        except ValueError:
            _forget(part)  # nothing can be added to a wrong beginning
            raise
        if not kind:
            size = part.stat().st_size
            _log.info("%s has %d bytes; its source publishes no checksum to hold it against", target, size)
        move_file(part, target)
        _forget(part)
    return target


def _parsed(checksum: str | None) -> tuple[str, str]:
    if checksum is None:
        return "", ""
    kind, _, digest = checksum.partition(":")
    if kind not in CHECKSUMS or len(digest) != 2 * hashlib.new(kind, usedforsecurity=False).digest_size:
        raise ValueError(f"{checksum!r} is no checksum: write sha256:<64 digits> or md5:<32 digits>")
    return kind, digest.lower()


def _refuse_other(path: Path, kind: str, digest: str, mend: str) -> None:
    """Refuse a file whose checksum is another."""
    if not kind:
        return
    found = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    if found.hexdigest() != digest:
        raise ValueError(f"{path} has the {kind} {found.hexdigest()}, not {digest}: {mend}")


def _arrive(url: str, part: Path, *, tries: int, pause_s: float, timeout_s: float, is_checked: bool) -> None:
    """Fetch until everything is there; only attempts that bring nothing count."""
    failed = 0
    while True:
        before = _size(part)
        try:
            if _attempt(url, part, timeout_s=timeout_s, is_checked=is_checked):
                return
            reason = "the connection was cut"
        except HTTPError as error:
            if error.code == 416:  # no more than we have: another file than the one begun
                _forget(part)
            elif error.code not in _PASSING:
                raise _refusal(url, error) from None
            reason = f"{error.code} {error.reason}"
        except _NETWORK as error:
            reason = (
                re.sub(r"^\[.*?\] ", "", str(getattr(error, "reason", "") or error)) or type(error).__name__
            )
        failed = 0 if _size(part) > before else failed + 1
        if failed >= tries:
            kept = f"{_size(part)} bytes are kept in {part}; give the same command again to go on"
            none = "try again later, or fetch it where there is a network and give its folder as --source"
            raise ConnectionError(f"{url} cannot be fetched ({reason}): {kept if _size(part) else none}")
        time.sleep(min(pause_s * 2 ** max(0, failed - 1), _LONGEST_PAUSE_SECONDS))


def _attempt(url: str, part: Path, *, timeout_s: float, is_checked: bool) -> bool:
    """Fetch as much as comes, and tell whether that is all."""
    have, version = _size(part), _version_file(part)
    # A proxy that packs what is packed would count other bytes.
    headers = {"User-Agent": "nuclei-bundles", "Accept-Encoding": "identity"}
    known = version.read_text("utf-8") if version.exists() else ""
    if have and (known or is_checked):
        headers["Range"] = f"bytes={have}-"
        if known:  # the server sends the whole file if it is another by now
            headers["If-Range"] = known
    with urlopen(Request(url, headers=headers), timeout=timeout_s) as answer:
        _refuse_page(url, answer)
        start, total = _extent(answer)
        if start != have:
            have = 0
            if start:
                raise HTTPException(f"the server sent what begins at byte {start}")
        _refuse_full(part, None if total is None else total - have)
        tag, date = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
        version.write_text(tag if tag and not tag.startswith("W/") else date, encoding="utf-8")
        try:
            with (
                part.open("ab" if have else "wb") as file,
                tqdm(
                    desc=part.name.removesuffix(".part"),
                    total=total,
                    initial=have,
                    unit="B",
                    unit_scale=True,
                    disable=None,
                ) as bar,
            ):
                while block := answer.read(_BLOCK):
                    file.write(block)
                    bar.update(len(block))
        except OSError as error:
            if error.errno in _FULL:
                raise _full(part) from None
            raise
    return total is None or _size(part) == total


def _extent(answer: HTTPResponse) -> tuple[int, int | None]:
    """Return the first byte that an answer holds, and the size of the whole file if it tells."""
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        if not found:
            raise HTTPException("the server does not say which part it sends")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = answer.headers.get("Content-Length")
    return 0, None if length is None else int(length)


def _refuse_page(url: str, answer: HTTPResponse) -> None:
    """Refuse a page in a file's place: a login, a form, or a notice that the file has moved."""
    kind = answer.headers.get_content_type()
    if kind == "text/html" and not urlsplit(url).path.lower().endswith((".html", ".htm")):
        raise PermissionError(
            f"{url} answers with a web page, not with the file: open it in a browser, log in if it asks, "
            f"save the file and give its folder as --source"
        )


def _refusal(url: str, error: HTTPError) -> OSError:
    if error.code in (404, 410):
        return FileNotFoundError(f"{url} is not there any more ({error.code}): look for it at its source")
    if error.code in (401, 403):
        return PermissionError(
            f"{url} may not be fetched without a login ({error.code}): save the file with a browser and give "
            f"its folder as --source"
        )
    return ConnectionError(f"{url} cannot be fetched ({error.code} {error.reason}): look at it in a browser")


def _refuse_full(part: Path, needed: int | None) -> None:
    if needed is not None and shutil.disk_usage(part.parent).free < needed:
        raise _full(part, f" for {needed} more bytes")


def _full(part: Path, needed: str = "") -> OSError:
    return OSError(
        f"{part.parent} has no room{needed}: make some, or name another folder with --downloads; "
        f"{_size(part)} bytes of {part.name} are kept"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _version_file(part: Path) -> Path:
    """Return the file that says which version of the source `part` is the beginning of."""
    return part.with_name(part.name + ".version")


def _forget(part: Path) -> None:
    for path in (part, _version_file(part)):
        with suppress(FileNotFoundError):
            path.unlink()
