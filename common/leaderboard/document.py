"""The part of a document that a command writes: what stands between two markers."""

from __future__ import annotations

from pathlib import Path

from ..files import write_whole

__all__ = ["MARKERS", "between_markers", "check_markers", "write_between_markers"]

MARKERS = (
    "<!-- leaderboard: written by python -m scripts.leaderboard -->",
    "<!-- end of the leaderboard -->",
)


def between_markers(file: Path) -> str | None:
    """Return what stands between the markers of a document; None where it has none.

    Args:
        file: the document.

    Raises:
        ValueError: if it has one marker without the other, in the wrong order, or twice.
    """
    parts = _parts(file)
    return None if parts is None else parts[1]


def write_between_markers(file: Path, text: str) -> None:
    """Replace what stands between the markers of a document; all else stays byte for byte.

    Args:
        file: the document.
        text: the new text.

    Raises:
        ValueError: if the document has no such markers.
    """
    before, _, after = check_markers(file)
    whole = f"{before}{text}{after}"
    write_whole(file, lambda part: part.write_bytes(whole.encode("utf-8")))


def check_markers(file: Path) -> tuple[str, str, str]:
    """Return what a document has before, between and after its markers, each marker with the outer part.

    Args:
        file: the document.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it has no such markers.
    """
    if not file.is_file():
        raise FileNotFoundError(f"--write {file} is not there: name a document")
    parts = _parts(file)
    if parts is None:
        raise ValueError(
            f"{file} has no place for the leaderboard: put the lines {' and '.join(MARKERS)} into it"
        )
    return parts


def _parts(file: Path) -> tuple[str, str, str] | None:
    # As bytes: Windows would otherwise change every line's end.
    text = file.read_bytes().decode("utf-8")
    begin = f"{MARKERS[0]}\n"
    counts = (text.count(begin), text.count(MARKERS[1]))
    if counts == (0, 0):
        return None
    if counts != (1, 1) or text.index(begin) > text.index(MARKERS[1]):
        raise ValueError(f"{file} must have the lines {' and '.join(MARKERS)} once each, in this order")
    before, rest = text.split(begin)
    inside, after = rest.split(MARKERS[1])
    return before + begin, inside, MARKERS[1] + after
