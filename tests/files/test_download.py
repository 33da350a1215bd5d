"""A download against a server of our own that cuts, changes, refuses, redirects and does without Range."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.files import InUseError, download, hold

CONTENT = random.Random(0).randbytes(700_001)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@dataclass
class Site:
    """What the server does next, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    etag: str = '"v1"'
    cuts: list[int] = field(default_factory=list)  # bytes after which the next answers end
    statuses: list[int] = field(default_factory=list)  # of the next answers
    kind: str = "application/zip"
    redirect: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    told = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(dict(self.headers))
            if told.redirect and self.path == "/set.zip":
                self.send_response(302)
                self.send_header("Location", "/elsewhere.zip")
                self.end_headers()
                return
            if told.statuses:
                self.send_error(told.statuses.pop(0))
                return
            start, body = 0, told.content
            asked = self.headers.get("Range")
            same = self.headers.get("If-Range") in (None, told.etag)
            if asked and told.ranges and same:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(body):
                    self.send_response(416)
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            self.send_header("Content-Type", told.kind)
            self.send_header("Content-Length", str(len(body) - start))
            if told.etag:
                self.send_header("ETag", told.etag)
            self.end_headers()
            end = start + told.cuts.pop(0) if told.cuts else len(body)
            self.wfile.write(body[start:end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/set.zip"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(site: Site, folder: Path, **options: object) -> Path:
    return download(site.url, folder / "new/set.zip", pause_s=0, **options)


def lies_alone(path: Path) -> bool:
    return path.read_bytes() == CONTENT and [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("checksum", [None, SHA256, MD5, SHA256.upper().replace("SHA256", "sha256")])
def test_a_file_arrives_whole_and_alone(site: Site, tmp_path: Path, checksum: str | None) -> None:
    assert lies_alone(fetch(site, tmp_path, checksum=checksum))
    assert lies_alone(fetch(site, tmp_path, checksum=checksum)) and len(site.asked) == 1, "asked twice"


def test_redirects_are_followed(site: Site, tmp_path: Path) -> None:
    site.redirect = True
    assert lies_alone(fetch(site, tmp_path)) and len(site.asked) == 2


def test_a_cut_connection_is_taken_up_where_it_ended(site: Site, tmp_path: Path) -> None:
    site.cuts = [300_000, 1, 200_000]
    assert lies_alone(fetch(site, tmp_path, checksum=SHA256, tries=1))
    assert [asked.get("Range") for asked in site.asked] == [
        None,
        "bytes=300000-",
        "bytes=300001-",
        "bytes=500001-",
    ]


def test_a_later_call_goes_on_with_what_is_there(site: Site, tmp_path: Path) -> None:
    site.cuts = [400_000, 0, 0]
    with pytest.raises(
        ConnectionError, match=r"cut\): 400000 bytes are kept in .*set.zip.part; give the same"
    ):
        fetch(site, tmp_path, tries=2)
    assert not (tmp_path / "new/set.zip").exists()
    assert lies_alone(fetch(site, tmp_path)) and site.asked[-1]["Range"] == "bytes=400000-"


@pytest.mark.parametrize("checksum", [None, SHA256])
def test_a_file_that_changed_meanwhile_is_not_sewn_to_the_old_one(
    site: Site, tmp_path: Path, checksum: str | None
) -> None:
    site.content, site.etag = bytes(len(CONTENT)), '"v0"'
    site.cuts = [400_000, 0]
    with pytest.raises(ConnectionError):
        fetch(site, tmp_path, checksum=checksum, tries=1)
    site.content, site.etag = CONTENT, '"v1"'
    assert lies_alone(fetch(site, tmp_path, checksum=checksum))


@pytest.mark.parametrize(("checksum", "goes_on"), [(None, False), (SHA256, True)])
def test_without_a_version_only_a_checksum_allows_to_go_on(
    site: Site, tmp_path: Path, checksum: str | None, goes_on: bool
) -> None:
    site.etag, site.cuts = "", [400_000]
    assert lies_alone(fetch(site, tmp_path, checksum=checksum))
    assert ("Range" in site.asked[-1]) == goes_on


def test_a_server_without_range_sends_all_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cuts = False, [400_000]
    assert lies_alone(fetch(site, tmp_path, checksum=SHA256))
    assert "Range" in site.asked[-1]


def test_a_beginning_longer_than_the_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/set.zip.part").write_bytes(bytes(len(CONTENT) + 5))
    assert lies_alone(fetch(site, tmp_path, checksum=SHA256))


def test_a_wrong_checksum_leaves_nothing(site: Site, tmp_path: Path) -> None:
    other = "sha256:" + "0" * 64
    with pytest.raises(
        ValueError, match=rf"set.zip.part has the sha256 {SHA256[7:]}, not 0000.*changed or dam"
    ):
        fetch(site, tmp_path, checksum=other)
    assert not any((tmp_path / "new").iterdir())


def test_a_file_that_is_there_but_is_another_is_left_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/set.zip").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"has the md5 .*: remove .*set.zip, and it is fetched again"):
        fetch(site, tmp_path, checksum=MD5)
    assert (tmp_path / "new/set.zip").read_bytes() == b"mine" and not site.asked


def test_a_server_that_is_overloaded_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.statuses = [503, 429]
    assert lies_alone(fetch(site, tmp_path)) and len(site.asked) == 3


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (404, FileNotFoundError, r"set.zip is not there any more \(404\): look for it at its source"),
        (
            403,
            PermissionError,
            r"without a login \(403\): save the file with a browser and give its folder as --so",
        ),
        (400, ConnectionError, r"cannot be fetched \(400 Bad Request\): look at it in a browser"),
    ],
)
def test_what_a_server_refuses_is_not_asked_again(
    site: Site, tmp_path: Path, status: int, error: type[OSError], told: str
) -> None:
    site.statuses = [status]
    with pytest.raises(error, match=told):
        fetch(site, tmp_path)
    assert len(site.asked) == 1 and not any((tmp_path / "new").iterdir())


def test_a_login_page_is_no_archive(site: Site, tmp_path: Path) -> None:
    site.kind = "text/html; charset=utf-8"
    with pytest.raises(
        PermissionError, match="answers with a web page, not with the file: open it in a browser"
    ):
        fetch(site, tmp_path)
    assert not any((tmp_path / "new").iterdir())


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ConnectionError, match=r"cannot be fetched \(.+\): try again later, or fetch it where there is"
    ):
        download("http://127.0.0.1:9/set.zip", tmp_path / "set.zip", tries=2, pause_s=0)


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: few)
    with pytest.raises(OSError, match=r"new has no room for 700001 more bytes: make some, or .*--downloads"):
        fetch(site, tmp_path)


def test_a_disk_that_fills_keeps_what_arrived(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def filling(path: Path, mode: str = "r", *rest: object, **options: object) -> object:
        file = opened(path, mode, *rest, **options)
        if path.suffix != ".part" or "r" in mode:
            return file
        write, left = file.write, [300_000]

        class Full:
            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, block: bytes) -> None:
                if left[0] < len(block):
                    raise OSError(errno.ENOSPC, "No space left on device")
                left[0] -= len(block)
                write(block)

        return Full()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", filling)
        with pytest.raises(
            OSError, match=r"new has no room: make some, or name another.*262144 bytes of set.zip"
        ):
            fetch(site, tmp_path)
    assert lies_alone(fetch(site, tmp_path)) and site.asked[-1]["Range"] == "bytes=262144-"


def test_two_downloads_do_not_write_to_one_folder(site: Site, tmp_path: Path) -> None:
    job = hold(tmp_path / "new", job="a download", option="--downloads")
    with job, pytest.raises(InUseError, match="in use by a download .* give another --downloads"):
        fetch(site, tmp_path)


@pytest.mark.parametrize(
    ("url", "checksum", "told"),
    [
        ("file:///etc/passwd", None, "is no address on the web: begin it with https://"),
        ("https://x/y.zip", "sha256:12", "'sha256:12' is no checksum: write sha256:<64 digits>"),
        ("https://x/y.zip", "crc:12", "is no checksum"),
    ],
)
def test_mistakes(tmp_path: Path, url: str, checksum: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        download(url, tmp_path / "a", checksum=checksum)
