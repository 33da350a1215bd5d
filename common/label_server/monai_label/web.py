"""MONAI Label's web application with limits, errors that say what to do, and a page that needs no network."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from monailabel.app import app
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from pydantic import ValidationError
from swagger_ui_bundle import swagger_ui_path

from ...messages import sentence
from .http_errors import http_status

__all__ = ["app"]

LIMIT_VARIABLE = "NUCLEI_LABEL_UPLOAD_MB"
_USUAL_MB = 2048
_PAGE_FILES = "/page"

Message = MutableMapping[str, Any]


class Guard:
    """Refuses requests that are too large, and trainings that could not start, before anything is done.

    Args:
        app: what answers the others.
        limit: bytes that a request may have.
    """

    def __init__(self, app: Any, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or int(told) > self.limit:
            await _refused(413, self._too_large())(scope, receive, send)
            return
        if (answer := _weights_sent(scope) or _training_fault(scope)) is not None:
            await answer(scope, receive, send)
            return
        arrived, too_much = 0, False

        async def counted() -> Message:
            # A request in pieces does not say its length: it ends where it grows too large.
            nonlocal arrived, too_much
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self.limit:
                too_much = True
                return {"type": "http.disconnect"}
            return message

        async def answered(message: Message) -> None:
            # What is said of a request that ended in the middle is not what was wrong with it.
            if not too_much:
                await send(message)

        try:
            await self.app(scope, counted, answered)
        except Exception:
            if not too_much:
                raise
        if too_much:
            await _refused(413, self._too_large())(scope, receive, send)

    def _too_large(self) -> str:
        return (
            f"the request is larger than {self.limit >> 20} MB: send less, or start the server with"
            " a larger --upload_mb"
        )


def _refused(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)


def _weights_sent(scope: Message) -> JSONResponse | None:
    """Refuse to replace or to remove weights from afar: nothing that was trained gets lost."""
    if scope["method"] in ("PUT", "DELETE") and str(scope["path"]).startswith("/model/"):
        return _refused(403, "weights are neither taken nor removed by the server: pack others, or train")
    return None


def _training_fault(scope: Message) -> JSONResponse | None:
    """Say why a training cannot start: in the background nobody would hear of it."""
    parts = [part for part in str(scope["path"]).split("/") if part]
    if scope["method"] != "POST" or len(parts) != 2 or parts[0] != "train":
        return None
    try:
        app_instance().check_training(parts[1])
    except Exception as error:
        return _refused(http_status(error), sentence(error))
    return None


async def _bad_request(request: Request, error: Exception) -> JSONResponse:
    del request
    if isinstance(error, json.JSONDecodeError):
        return _refused(400, f"what was sent as params, info or wsi is no JSON: {error}")
    if isinstance(error, ValidationError):
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return _refused(400, f"the region cannot be read: {faults}")
    detail = str(error.msg) if isinstance(error, MONAILabelException) else sentence(error)
    return _refused(http_status(error), detail)


async def _client_error(request: Request, error: Exception) -> JSONResponse:
    """Answer as FastAPI does, but for a request without an image, which MONAI Label calls its own fault."""
    del request
    assert isinstance(error, HTTPException)
    status = 400 if str(error.detail).startswith("Neither Image nor File") else error.status_code
    return _refused(status, str(error.detail))


async def _page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url=app.openapi_url,
        title=f"{app.title} - APIs",
        swagger_js_url=f"{_PAGE_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_PAGE_FILES}/swagger-ui.css",
        swagger_favicon_url="/favicon.ico",
        swagger_ui_parameters={"defaultModelsExpandDepth": -1},
    )


# MONAI Label's own page comes from the network in parts, of which a hospital's machine has none.
app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) != "/"]
app.mount(_PAGE_FILES, StaticFiles(directory=swagger_ui_path), name="page")
app.add_api_route("/", _page, include_in_schema=False)
app.openapi_version = "3.0.3"  # the newest that the packaged page reads
for kind in (json.JSONDecodeError, ValidationError, MONAILabelException):
    app.add_exception_handler(kind, _bad_request)
app.add_exception_handler(HTTPException, _client_error)
app.add_middleware(Guard, limit=int(os.environ.get(LIMIT_VARIABLE, _USUAL_MB)) << 20)
