"""What an exception has to tell a person, in one line, looking through the wrappers of MONAI and torch.

MONAI wraps every exception of a configuration, a transform or a data loader's worker in others of its own, so
that what a person needs to read stands dozens of lines up.
"""

from __future__ import annotations

import re

__all__ = ["add_hint", "hint_of", "sentence"]

# How the messages begin of those exceptions that only say where another one passed through.
_WRAPPERS = (
    "Failed to evaluate",  # monai.bundle: an expression of a configuration
    "Failed to instantiate",  # monai.utils: a _target_ of a configuration
    "applying transform",  # monai.transforms
    "`transform` must be a callable",  # monai.data.Dataset
    "LoadImage cannot find a suitable reader",  # monai.transforms: the exceptions of all readers as text
    "Caught ",  # torch: a worker of a data loader, the original as text
)
# Exceptions whose message is not a sentence, or which nobody raises to tell a user something.
_UNEXPECTED = (
    "AssertionError|AttributeError|ImportError|IndexError|KeyError|ModuleNotFoundError|NameError|NotImplementedError|"
    "RecursionError|StopIteration|SyntaxError|TypeError|UnboundLocalError|ZeroDivisionError"
)
_TRACEBACK = "Traceback (most recent call last):"
_LINKS = ("The above exception was the direct cause", "During handling of the above exception")
_LONGEST = 1000  # characters; torch lists every key of a state dict in one message


def _from_text(text: str) -> str | None:
    """Find the sentence in printed tracebacks, all that is left of an exception of another process."""
    found = None
    for block in text.split(_TRACEBACK)[1:]:
        # Frames and their source lines are indented; the first line that is not is "Type: message".
        match = re.search(r"^([A-Za-z_][\w.]*)(?:: (.*))?$", re.sub(r"(?m)^[ \t]+.*\n?", "", block), re.M)
        if match is not None and not (match[2] or "").startswith(_WRAPPERS):
            # Python prints causes first: the last of a chain is nearest to what was meant.
            found = _phrase(match[1].rsplit(".", 1)[-1], match[2] or "")
        if found is not None and not any(link in block for link in _LINKS):
            break  # what follows belongs to another exception: MONAI tries further readers after ours
    return found


def _phrase(name: str, message: str) -> str:
    message = re.sub(r"^\[Errno -?\d+\] ", "", " ".join(message.split()))
    if not message or re.fullmatch(_UNEXPECTED, name):
        message = f"{name}: {message}".rstrip(": ")
    return message if len(message) <= _LONGEST else message[: _LONGEST - 3] + "..."


def sentence(error: BaseException) -> str:
    """Return in one line what an exception has to tell, looking through the wrappers of MONAI and torch.

    Of a chain of causes it takes the first that says more than where another exception passed: a reader that
    turns a parser's error into a clear sentence is heard, not the parser.

    Args:
        error: any exception, with its causes.

    Returns:
        One line of text.

    Example:
        >>> try:
        ...     try:
        ...         raise ValueError("no images in data/: give a folder with images")
        ...     except ValueError as cause:
        ...         raise RuntimeError("Failed to evaluate '$@dataset'") from cause
        ... except RuntimeError as wrapped:
        ...     sentence(wrapped)
        'no images in data/: give a folder with images'
    """
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    seen: set[int] = set()
    while str(error).startswith(_WRAPPERS) and error.__cause__ is not None and id(error) not in seen:
        seen.add(id(error))
        error = error.__cause__
    message = str(error)
    if _TRACEBACK in message and (found := _from_text(message)) is not None:
        return found
    return _phrase(type(error).__name__, message)


def add_hint(error: BaseException, hint: str) -> None:
    """Attach to an exception what a person can do now; it stays in the sentence however it is wrapped.

    Args:
        error: the exception.
        hint: a phrase that can follow a semicolon.
    """
    error.hint = hint  # type: ignore[attr-defined]


def hint_of(error: BaseException | None) -> str | None:
    """Return what was attached to an exception or to one of its causes.

    Example:
        >>> try:
        ...     try:
        ...         raise OSError("no space left")
        ...     except OSError as cause:
        ...         add_hint(cause, "epoch 3 is kept")
        ...         raise RuntimeError("Failed to evaluate") from cause
        ... except RuntimeError as wrapped:
        ...     hint_of(wrapped)
        'epoch 3 is kept'
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if hint := getattr(error, "hint", None):
            return str(hint)
        seen.add(id(error))
        error = error.__cause__
    return None
