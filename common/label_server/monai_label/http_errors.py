"""What goes wrong, as an HTTP error with one sentence; the server goes on."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import HTTPException
from monailabel.interfaces.exception import (
    ImageNotFoundException,
    LabelNotFoundException,
    MONAILabelException,
)

from ...messages import sentence

__all__ = ["http_errors", "http_status", "is_upload"]

_log = logging.getLogger(__name__)
_NOT_FOUND, _BAD, _FAILED = 404, 400, 500


def http_status(error: BaseException) -> int:
    """Return the status that tells a client whose fault an error is."""
    if isinstance(error, (FileNotFoundError, ImageNotFoundException, LabelNotFoundException)):
        return _NOT_FOUND
    if isinstance(error, (ValueError, TypeError, MONAILabelException, MemoryError)):
        return _BAD
    return _FAILED


@contextmanager
def http_errors(*, sent: str | Path | None = None) -> Iterator[None]:
    """Turn whatever is raised inside into an `HTTPException` whose detail is one sentence.

    Args:
        sent: a file of the request: where something fails it is removed, which MONAI Label does only where
            all goes well, and the sentence has its client's words for it, not its place on this machine.
    """
    try:
        yield
    except Exception as error:
        if sent is not None and is_upload(sent):
            Path(sent).unlink(missing_ok=True)
        if isinstance(error, HTTPException):
            raise
        status = http_status(error)
        if status == _FAILED:
            _log.exception("a request failed")
        detail = str(error.msg) if isinstance(error, MONAILabelException) else sentence(error)
        if sent is not None:
            detail = detail.replace(str(sent), "the file that was sent")
        raise HTTPException(status_code=status, detail=detail) from error


def is_upload(path: str | Path) -> bool:
    """Tell whether a file is one that MONAI Label has just written for a client's request."""
    path = Path(path)
    return path.resolve().parent == Path(tempfile.gettempdir()).resolve() and path.name.startswith("tmp")
