"""MONAI Label's web application with limits: how much may be sent, and errors that say what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from monailabel.app import app
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from pydantic import ValidationError

from ...messages import sentence
from .http_errors import http_status

__all__ = ["app"]

LIMIT_VARIABLE = "NUCLEI_LABEL_UPLOAD_MB"
_USUAL_MB = 2048

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

        try:
            await self.app(scope, counted, send)
        except Exception:
            if not too_much:
                raise
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


for kind in (json.JSONDecodeError, ValidationError, MONAILabelException):
    app.add_exception_handler(kind, _bad_request)
app.add_middleware(Guard, limit=int(os.environ.get(LIMIT_VARIABLE, _USUAL_MB)) << 20)
