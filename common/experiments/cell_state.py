"""What a cell's folder says: which training it belongs to, whether it is done, with which scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_folder
from ..files import free_name, write_whole
from .cell import Cell
from .method_code import code_fingerprint, method_config

__all__ = ["CellState", "cell_key", "training_key"]

# Where things lie, how they run and what is scored: the same training with others is the same.
_NOT_ASKED = {
    *("bundle_root", "bundle_name", "dataset_dir", "ckpt_dir", "output_dir", "weights", "run", "split"),
    *("mlflow", "resume", "device", "num_workers", "cache_images"),
}
_KEY, _DONE, _RESULTS, _SCORES = "cell.json", "done.json", "evaluation", "evaluation/metrics.json"
_SPLIT = "split"


def training_key(cell: Cell, data_fingerprint: str) -> dict[str, str]:
    """Return what makes a cell's weights what they are: its settings, the data, the code of its method.

    Args:
        cell: the cell.
        data_fingerprint: short text that changes with the data.
    """
    config = {**method_config(bundle_folder(cell.bundle)), **cell.settings}
    settings = {name: value for name, value in config.items() if name not in _NOT_ASKED}
    text = json.dumps(settings, sort_keys=True, default=str)
    return {
        "settings": hashlib.blake2b(text.encode(), digest_size=6).hexdigest(),
        "data": data_fingerprint,
        "code": code_fingerprint(settings),
    }


def cell_key(cell: Cell, data_fingerprint: str) -> dict[str, str]:
    """Return what makes a cell's scores what they are: its training's key, and the list that is scored.

    Args:
        cell: the cell.
        data_fingerprint: short text that changes with the data.
    """
    return {**training_key(cell, data_fingerprint), _SPLIT: str(cell.settings[_SPLIT])}


@dataclass(frozen=True)
class CellState:
    """A cell's folder.

    Args:
        folder: the folder.
        key: what the cell is now, as `cell_key` returns it.
    """

    folder: Path
    key: Mapping[str, str]

    @property
    def done(self) -> bool:
        """Whether the cell was finished with the same settings, data and code."""
        return (_read(self.folder / _DONE) or {}).get("key") == self.key and self.scores() is not None

    def begin(self) -> str | None:
        """Ready the folder: what is from another cell is moved aside, what was cut stays to be continued.

        A training stays, too, where it is only to be evaluated on another list.

        Returns:
            Which of settings, data, code and split is another than before, None where nothing is.
        """
        before = _read(self.folder / _KEY)
        changed = None
        if before != self.key:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                changed = _changed(before, self.key)
                earlier = self.folder / _RESULTS if changed == _SPLIT else self.folder
                if earlier.exists():
                    earlier.rename(free_name(earlier))
            # Before anything else is written: a folder without it belongs to nobody, and is moved aside.
            self._write(_KEY, dict(self.key))
        return changed

    def finish(self, seconds: Mapping[str, float]) -> None:
        """Note that the cell is done.

        Args:
            seconds: how long its parts took, of which a continued training tells only the last start's.
        """
        self._write(_DONE, {"key": dict(self.key), "seconds": dict(seconds)})

    def scores(self) -> dict[str, Any] | None:
        """Return the evaluation's metrics.json, None where there is none."""
        return _read(self.folder / _SCORES)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=2)
        write_whole(self.folder / name, lambda part: part.write_text(text, encoding="utf-8"))


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _changed(before: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    names = [name for name in now if (before or {}).get(name) != now[name]]
    return " and ".join(names)
