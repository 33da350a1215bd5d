"""StarDist timed in its own environment: a program that is told what to do and says how long it took."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from ..bundle_config import project_root

__all__ = ["PeerTimes"]


class PeerTimes:
    """StarDist's three phases on one image, timed by itself, without the way between the programs.

    Args:
        python: of an environment that has StarDist.
        file: the image.
        label_map: its nuclei: the network's output is replaced by their star distances, see `BundleTimes`.
        threads: how many it may use.

    Shapes:
        label_map: (h, w).

    Raises:
        RuntimeError: if it does not start.
    """

    def __init__(self, python: str | Path, file: Path, label_map: np.ndarray, *, threads: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="peer-", dir=file.parent))
        np.save(self.folder / "truth.npy", label_map)
        program = project_root() / "peers" / "stardist" / "times.py"
        self.errors = (self.folder / "errors.txt").open("w")
        self.process = subprocess.Popen(
            [str(python), str(program), str(file), str(self.folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": ""},
        )
        self._ask("begin")

    def timers(self, clock: str) -> dict[str, Callable[[], float]]:
        """Return what takes each phase's time once, by a clock of `CLOCKS`."""
        return {phase: partial(self._ask, phase, clock) for phase in ("network", "decoding", "end to end")}

    def label_map(self) -> np.ndarray:
        """Return the label map that it finds."""
        self._ask("save")
        return np.asarray(np.load(self.folder / "found.npy"))

    def close(self) -> None:
        """End it."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                # What could not be written to a program that has ended is written again by closing.
                with suppress(BrokenPipeError):
                    pipe.close()
        self.process.wait(30)
        self.errors.close()

    def _ask(self, what: str, clock: str = "wall") -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        with suppress(BrokenPipeError):  # told below
            self.process.stdin.write(f"{what}\n")
            self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith('{"wall"'):  # packages print, too
                return float(json.loads(line)[clock])
        self.close()
        told = (self.folder / "errors.txt").read_text().strip().splitlines()
        raise RuntimeError(f"StarDist ended at {what!r}: {told[-1] if told else 'it does not say why'}")
