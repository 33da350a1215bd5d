"""A picture of a web page, taken by a browser of this machine that shows no window."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["find_browser", "photograph_page"]

# What the same browser is called on Linux, Windows and macOS.
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "msedge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_FLAGS = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-dev-shm-usage")
_ANSWER_SECONDS = 60.0


def find_browser() -> str:
    """Return the path of a Chromium, Chrome or Edge.

    Raises:
        FileNotFoundError: if there is none.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        "no Chromium, Chrome or Edge is on this machine, which takes the picture of the page: install one "
        "(Debian and Ubuntu: apt-get install chromium)"
    )


def photograph_page(
    url: str,
    *,
    ready: str,
    size_px: tuple[int, int] = (1000, 640),
    scale: float = 1.66,
    remembered: Mapping[str, str] | None = None,
    steps: Mapping[str, str] | None = None,
    hidden: str | None = None,
    timeout_s: float = 120.0,
) -> np.ndarray:
    """Open a page, wait until it is complete and return what it looks like.

    Args:
        url: address of the page.
        ready: JavaScript that is true as soon as everything is drawn.
        size_px: width and height of the page; of one smaller than 200 x 200 browsers take no picture.
        scale: pixels of the picture for one of the page: more than 1 for sharp letters.
        remembered: what the page finds as its own notes of an earlier visit (its local storage), by name.
        steps: what to do once it is ready, for example to press a button: JavaScript -> JavaScript that is
            true when that is done.
        hidden: CSS selectors of what shall not be seen, such as tools that float over the page.
        timeout_s: how long to wait for each, in seconds.

    Shapes:
        returns: (height * scale, width * scale, 3), uint8.

    Raises:
        FileNotFoundError: if there is no browser.
        TimeoutError: if the page does not get ready.
        OSError: on Windows, where browsers take no orders through a pipe.
    """
    browser = find_browser()
    if os.name != "posix":
        raise OSError("pictures of pages are taken on Linux and macOS only: make them there")
    notes = "".join(
        f"localStorage.setItem({json.dumps(name)}, {json.dumps(value)});"
        for name, value in (remembered or {}).items()
    )
    width, height = size_px
    with _started(browser, size_px) as page:
        page.call("Page.enable")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=f"try {{ {notes} }} catch (error) {{}}")
        shape = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **shape)
        page.call("Page.navigate", url=url)
        page.wait(ready, timeout_s)
        if hidden is not None:
            rule = json.dumps(hidden + " { visibility: hidden !important }")
            page.evaluate(
                f"document.head.appendChild(document.createElement('style')).textContent = {rule}; true"
            )
        for order, done in (steps or {}).items():
            page.evaluate(order)
            page.wait(done, timeout_s)
        png = base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class _Page:
    """A page of a browser that listens on a pipe: messages are JSON, each with a zero byte at its end."""

    def __init__(self, orders: int, answers: int) -> None:
        self.orders, self.answers, self.number = orders, answers, 0
        self.session: str | None = None
        self.received = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **options: Any) -> dict[str, Any]:
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": options}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.orders, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            pass  # an event that nobody asked for
        if "error" in answer:
            raise RuntimeError(f"the browser refused {method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.received:
            if not select.select([self.answers], [], [], _ANSWER_SECONDS)[0]:
                raise TimeoutError(f"the browser did not answer in {_ANSWER_SECONDS:g} s: try again")
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise OSError("the browser ended by itself: start it by hand to see why")
            self.received += part
        first, _, self.received = self.received.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def evaluate(self, script: str) -> Any:
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"the page refused {script!r}: {found['exceptionDetails'].get('text')}")
        return found["result"].get("value")

    def wait(self, script: str, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not self.evaluate(f"Boolean({script})"):
            if time.monotonic() > end:
                raise TimeoutError(f"the page was not ready in {timeout_s:g} s: {script!r} stayed false")
            time.sleep(0.25)


@contextmanager
def _started(browser: str, size_px: tuple[int, int]) -> Iterator[_Page]:
    """Run a browser with a profile of its own, which is gone afterwards, and yield an empty page."""
    with tempfile.TemporaryDirectory(prefix="page_", ignore_cleanup_errors=True) as profile:
        theirs_in, orders = os.pipe()
        answers, theirs_out = os.pipe()

        def place() -> None:
            # The browser reads orders from 3 and answers on 4; both may be taken by the other's end.
            high_in, high_out = os.dup2(theirs_in, 103), os.dup2(theirs_out, 104)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        # Its sandbox does not start for root, which a container's user mostly is; the page is our own.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        own = [f"--user-data-dir={profile}", f"--window-size={size_px[0]},{size_px[1]}"]
        process = subprocess.Popen(
            [browser, *_FLAGS, *root, *own, "--remote-debugging-pipe", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=place,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield _Page(orders, answers)
        finally:
            os.close(orders)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            process.kill()
            process.wait()
            os.close(answers)
