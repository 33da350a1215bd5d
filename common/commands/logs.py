"""What a command shows on the screen: the project's log lines, without the known noise of other packages."""

from __future__ import annotations

import logging
import sys
import warnings

__all__ = ["show_logs"]

# The package that this file belongs to: "common", or the bundle's own name inside a packed bundle.
_PACKAGE = __name__.rsplit(".", 2)[0]

# logger: lowest level that is still shown
_QUIET_LOGGERS = {
    "ignite.engine.engine": logging.CRITICAL,  # every epoch, and each exception before it is reported
    "alembic": logging.WARNING,  # forty lines of table migrations when MLflow makes its database
    "mlflow.store.db.utils": logging.WARNING,  # "Creating initial MLflow database tables..."
    "monai.bundle.scripts": logging.WARNING,  # the options, printed back to who has just typed them
    "tifffile": logging.CRITICAL,  # what it stumbles over in a damaged file, reported as a sentence
    "LoadImage": logging.WARNING,  # the traceback of an unreadable file, reported as a sentence
}
# (part of the message, category)
_QUIET_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    # MONAI's general warning that configurations execute code: whoever starts a bundle by its command knows.
    (r"(?s).*Only proceed if this config is from a source you trust", UserWarning),
    # torch 2.13 deprecates TorchScript, which MONAI decorates some of its functions with.
    (r".*torch\.jit\..* is deprecated", DeprecationWarning),
    # DataLoader(pin_memory=True) on a machine without a CUDA GPU: memory is simply not pinned.
    (r".*'pin_memory' argument is set as true but no accelerator is found", UserWarning),
)


class _Readable(logging.Formatter):
    """The message alone for news, with its level in front for trouble."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def show_logs(level: int = logging.INFO) -> None:
    """Let the project's log lines appear on stderr and quieten the known noise of other packages.

    Calling it again changes nothing, and a program that has set up logging itself keeps its own.

    Args:
        level: lowest level that is shown.
    """
    logger = logging.getLogger(_PACKAGE)
    logger.setLevel(level)
    if not logging.getLogger().handlers and not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Readable("%(message)s"))
        logger.addHandler(handler)
    for name, lowest in _QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(lowest)
    for message, category in _QUIET_WARNINGS:
        warnings.filterwarnings("ignore", message=message, category=category)
