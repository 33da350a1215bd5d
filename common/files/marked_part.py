"""The part of a document that a command writes: what stands between two marked lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .whole_file import write_whole

__all__ = ["MarkedPart"]


@dataclass(frozen=True)
class MarkedPart:
    """A part of documents, between two lines of their own."""

    begin: str
    end: str
    what: str
    """In words, for errors: "the leaderboard"."""

    def read(self, file: Path) -> str | None:
        """Return what stands there; None where the document has no such lines.

        Args:
            file: the document.

        Raises:
            ValueError: if it has one line without the other, in the wrong order, or twice.
        """
        parts = self._parts(file)
        return None if parts is None else parts[1]

    def write(self, file: Path, text: str) -> None:
        """Replace what stands there; all else stays byte for byte.

        Args:
            file: the document.
            text: the new text.

        Raises:
            FileNotFoundError: if the document is not there.
            ValueError: if it has no such lines.
        """
        before, _, after = self.check(file)
        whole = f"{before}{text}{after}"
        write_whole(file, lambda part: part.write_bytes(whole.encode("utf-8")))

    def check(self, file: Path) -> tuple[str, str, str]:
        """Return what a document has before, between and after the lines, each line with the outer part.

        Args:
            file: the document.

        Raises:
            FileNotFoundError: if it is not there.
            ValueError: if it has no such lines.
        """
        if not file.is_file():
            raise FileNotFoundError(
                f"{file} is not there, into which {self.what} is written: name a document"
            )
        parts = self._parts(file)
        if parts is None:
            raise ValueError(
                f"{file} has no place for {self.what}: put the lines {self.begin} and {self.end} into it"
            )
        return parts

    def _parts(self, file: Path) -> tuple[str, str, str] | None:
        # As bytes: Windows would otherwise change every line's end.
        text = file.read_bytes().decode("utf-8")
        begin = f"{self.begin}\n"
        counts = (text.count(begin), text.count(self.end))
        if counts == (0, 0):
            return None
        if counts != (1, 1) or text.index(begin) > text.index(self.end):
            raise ValueError(
                f"{file} must have the lines {self.begin} and {self.end} once each, in this order"
            )
        before, rest = text.split(begin)
        inside, after = rest.split(self.end)
        return before + begin, inside, self.end + after
