"""How a peer is run: what makes two runs of it the same, and a name for the budget."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .peer import Peer

__all__ = ["Conditions"]

_SPLITS = ("training", "validation", "test")


@dataclass(frozen=True)
class Conditions:
    """How a peer is trained and what it segments.

    Args:
        seed: of everything random in the training.
        minutes: of processor time, that of all threads together; None where steps count.
        steps: of the optimizer; None where minutes count.
        threads: how many threads work at once.
        pretrained: weights to begin with; None: random ones.
        channels: which channels of the images; None: all.
        split: the list that is segmented.

    Raises:
        ValueError: if one of them cannot be.
    """

    seed: int = 0
    minutes: float | None = None
    steps: int | None = None
    threads: int = 1
    pretrained: str | None = None
    channels: Any = None
    split: str = "test"

    def __post_init__(self) -> None:
        if self.minutes is not None and self.steps is not None:
            raise ValueError("--minutes and --steps both say how long is trained: give only one of them")
        for name, lowest in (("seed", 0), ("steps", 1), ("threads", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and value >= lowest):
                raise ValueError(f"--{name} must be a whole number of at least {lowest}, not {value!r}")
        if self.minutes is not None and not (_is_number(self.minutes) and self.minutes > 0):
            raise ValueError(f"--minutes must be a number above 0, not {self.minutes!r}")
        if self.split not in _SPLITS:
            raise ValueError(f"--split must be one of {', '.join(_SPLITS)}, not {self.split!r}")

    @property
    def budget(self) -> str:
        """How long is trained, in words.

        Example:
            >>> Conditions(minutes=30).budget, Conditions(steps=400).budget, Conditions().budget
            ('30 processor minutes', '400 steps', 'not trained')
        """
        if self.minutes is not None:
            return f"{self.minutes:g} processor minutes"
        return "not trained" if self.steps is None else f"{self.steps} steps"

    def key(self, peer: Peer, data: str) -> str:
        """Return a short text that changes with whatever a trained peer depends on.

        Args:
            peer: the peer.
            data: short text that changes with the images that are trained on and validated.
        """
        text = f"{self.method_key(peer)} {self.seed} {data}"
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def method_key(self, peer: Peer, other_data: Sequence[str] = ()) -> str:
        """Return a short text that changes with the peer, its code and how it is run, but for the seed.

        Args:
            peer: the peer.
            other_data: names of the data sets that it is trained on, where they are not the scored ones.
        """
        settings = asdict(self)
        for name in ("seed", "split", "threads"):
            del settings[name]
        if self.pretrained is not None:
            settings["pretrained"] = [os.path.abspath(self.pretrained), _state(Path(self.pretrained))]
        # Without comments, which change nothing.
        code = [ast.dump(ast.parse(file.read_text(encoding="utf-8"))) for file in (peer.adapter, peer.runner)]
        packages = peer.requirements.read_text(encoding="utf-8").splitlines()
        code += [line for line in packages if not line.startswith("#")]
        # Only where they are others, so that keys from before stay.
        told = [settings, code, *([sorted(other_data)] if other_data else [])]
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _state(path: Path) -> list[float]:
    told = path.stat()
    return [told.st_size, told.st_mtime]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
