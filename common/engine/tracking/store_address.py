"""Where MLflow's runs go, whether anybody answers there, and how the place may be shown."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from monai.utils import path_to_sqlite_uri

__all__ = ["impatient", "is_away", "shown_address", "store_address"]

# No bar for every file that is fetched.
_QUIET = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
# A server that went away shall not hold up an epoch for the minutes of MLflow's seven patient attempts.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Let MLflow give up soon on a server that does not answer, and draw no bars, while the block runs."""
    # MLflow reads its patience from the environment, which belongs to the program around: put back at once.
    ours = {name: value for name, value in (_PATIENCE | _QUIET).items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def shown_address(uri: str) -> str:
    """Return an address as it may be shown: without the password of `http://user:password@host`."""
    return re.sub(r"//[^/@]*@", "//", uri)


def store_address(tracking_uri: str | None = None) -> str:
    """Return where runs go: ``MLFLOW_TRACKING_URI``, else the address given, else ``mlruns.db`` right here.

    Args:
        tracking_uri: an address, or None.
    """
    # Absolute: within one process MLflow keeps the data base that a relative address first meant.
    return os.environ.get("MLFLOW_TRACKING_URI") or tracking_uri or str(path_to_sqlite_uri("mlruns.db"))


def is_away(uri: str, *, timeout: float = 5.0) -> bool:
    """Return whether no server answers at a tracking address; a data base is never away.

    Args:
        uri: tracking address.
        timeout: how long to wait for an answer, in seconds.

    Example:
        >>> is_away("sqlite:///mlruns.db")
        False
    """
    if urlsplit(uri).scheme not in ("http", "https"):
        return False
    try:
        urlopen(f"{shown_address(uri).rstrip('/')}/health", timeout=timeout).close()
    except HTTPError as answer:
        answer.close()
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        # A server answers, too, whose certificate is unknown here: that is for MLflow's own settings.
        return not isinstance(cause, ssl.SSLError)
    return False
