"""The pixels of many nuclei as runs along the rows: a twentieth of the memory of their numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from scipy import sparse

_PIXELS_AT_ONCE = 2**20


class PixelRuns(Sequence[np.ndarray]):
    """Many sets of pixels of one image; each is given and comes back as flat indices row * width + column.

    Args:
        shape: height and width.

    Example:
        >>> sets = PixelRuns((2, 4))
        >>> sets.append(np.array([1, 2, 3, 4]))
        >>> sets.append(np.empty(0, int))
        >>> [pixels.tolist() for pixels in sets], sets.sizes.tolist()
        ([[1, 2, 3, 4], []], [4, 0])
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        # Row, first column, and the column after the last; then where the runs of each set begin and end.
        self._row, self._first, self._past = array("i"), array("i"), array("i")
        self._begin, self._end, self._size = array("q"), array("q"), array("q")

    def append(self, pixels: np.ndarray) -> None:
        """Add a set of pixels.

        Args:
            pixels: flat indices, ascending, none twice.
        """
        width = self.shape[1]
        if not pixels.size:
            self.append_runs(*np.empty((3, 0), np.int32))
            return
        # A run ends with its row, too.
        goes_on = (np.diff(pixels) == 1) & (pixels[1:] % width != 0)
        cuts = np.flatnonzero(~goes_on) + 1
        row, first = np.divmod(pixels[np.concatenate([[0], cuts])], width)
        past = pixels[np.concatenate([cuts - 1, [pixels.size - 1]])] - row * width + 1
        self.append_runs(row, first, past)

    def append_runs(self, row: np.ndarray, first: np.ndarray, past: np.ndarray) -> None:
        """Add a set as runs that have no pixel in common.

        Args:
            row: their rows, ascending.
            first: the first column of each.
            past: the column after the last.
        """
        self._begin.append(len(self._row))
        for kept, values in ((self._row, row), (self._first, first), (self._past, past)):
            kept.frombytes(values.astype(np.int32).tobytes())
        self._end.append(len(self._row))
        self._size.append(int((past - first).sum()))

    def take(self, positions: Sequence[int]) -> PixelRuns:
        """Return some of the sets, which share their memory with these."""
        some = PixelRuns(self.shape)
        some._row, some._first, some._past = self._row, self._first, self._past
        for name in ("_begin", "_end", "_size"):
            setattr(some, name, array("q", (getattr(self, name)[position] for position in positions)))
        return some

    @property
    def sizes(self) -> np.ndarray:
        """Number of pixels of each set."""
        return np.array(self._size, np.int64)

    def __len__(self) -> int:
        return len(self._size)

    @overload
    def __getitem__(self, position: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, position: slice) -> PixelRuns: ...
    def __getitem__(self, position: int | slice) -> np.ndarray | PixelRuns:
        """Return the pixels of a set, ascending."""
        if isinstance(position, slice):
            return self.take(range(len(self))[position])
        some = slice(self._begin[position], self._end[position])
        row, first, past = (np.array(each[some], np.int64) for each in (self._row, self._first, self._past))
        return _pixels(row * self.shape[1] + first, past - first)

    def shared(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tell which sets have pixels in common.

        Returns:
            Positions of one and of the other, each pair both ways round, and how many pixels they share.
        """
        count = max(len(self), 1)
        pairs, pixels = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for owner, pixel in self._by_bands():
            # Where one set lies alone nothing is shared.
            several = np.bincount(pixel)[pixel] > 1
            if several.any():
                owner, pixel = owner[several], pixel[several]
                owners, starts = np.unique(owner, return_index=True)
                one = np.ones(len(pixel), np.int32)
                inside = sparse.csr_matrix((one, pixel, [*starts, len(pixel)]))
                both = (inside @ inside.T).tocoo()
                other = both.row != both.col
                pairs.append(owners[both.row[other]] * count + owners[both.col[other]])
                pixels.append(both.data[other])
        different, at = np.unique(np.concatenate(pairs), return_inverse=True)
        shared = np.bincount(at, weights=np.concatenate(pixels), minlength=len(different))
        return *np.divmod(different, count), shared.astype(np.int64)

    def _by_bands(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for some rows at once the pixels of all sets: whose, and which, counted from there."""
        width = max(self.shape[1], 1)
        step = max(_PIXELS_AT_ONCE // width, 1)
        begin, end = np.array(self._begin, np.int64), np.array(self._end, np.int64)
        there = np.flatnonzero(end > begin)
        row, first, past = (np.asarray(each, np.int32) for each in (self._row, self._first, self._past))
        begin, end = begin[there], end[there]
        highest, lowest = row[begin], row[end - 1]
        for top in range(0, self.shape[0], step):
            near = np.flatnonzero((highest < top + step) & (lowest >= top))
            counts = end[near] - begin[near]
            runs, owner = _pixels(begin[near], counts), np.repeat(there[near], counts)
            inside = (row[runs] >= top) & (row[runs] < top + step)
            runs, owner = runs[inside], owner[inside]
            if len(runs):
                lengths = past[runs] - first[runs]
                start = (row[runs] - top) * np.int64(width) + first[runs]
                yield np.repeat(owner, lengths), _pixels(start, lengths)


def _pixels(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the whole numbers of runs, one run after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(total)
