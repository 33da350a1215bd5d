"""A packed bundle that a server offers: its description, its weights, its segmenter."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..bundle_config import read_json
from ..messages import suggest
from .section import Section

__all__ = ["PACKED", "ServedBundle", "find_bundles"]

PACKED = "packed"
_WEIGHTS = "model.pt"


class ServedBundle:
    """A packed bundle in a server's folder, loaded when it is first asked for.

    Args:
        folder: the packed bundle.
        trained: the folder that gets a folder of weights for each training from corrected labels.
        options: what it is loaded and trained with, as far as it has options of these names.

    Attributes:
        name: of the bundle and of its package.
        description: of its metadata.
        version: of its metadata.
        options: those of the options that it has.

    Raises:
        FileNotFoundError: the folder is no packed bundle.
        ValueError: its metadata cannot be read.
    """

    def __init__(self, folder: Path, trained: Path, options: Mapping[str, Any] | None = None) -> None:
        self.folder, self.trained, self.name = folder, trained, folder.name
        metadata = folder / "configs" / "metadata.json"
        if not metadata.is_file() or not (folder / self.name / "__init__.py").is_file():
            raise FileNotFoundError(
                f"{folder} is no packed bundle: make one by `python -m scripts.pack {self.name}`"
            )
        told = read_json(metadata)
        self.description, self.version = str(told["description"]), str(told["version"])
        config = read_json(folder / "configs" / "inference.json")
        self.options = {name: value for name, value in (options or {}).items() if name in config}
        self._loaded: tuple[Any, Any] = (None, None)
        self._one_at_a_time = threading.Lock()

    def weights(self) -> dict[str, Path]:
        """Return its files of weights by name: of trainings here, the newest first, then the packed ones."""
        trained = sorted(self.trained.glob(f"[!.]*/{_WEIGHTS}"), reverse=True)
        packed = self.folder / "models" / _WEIGHTS
        found = {file.parent.name: file for file in trained}
        return found | ({PACKED: packed} if packed.is_file() else {})

    def choose_weights(self, wanted: str | None = None) -> Path:
        """Return a file of weights.

        Args:
            wanted: a name that `weights` has; None: the newest.

        Raises:
            FileNotFoundError: there are none of this name, or none at all.
        """
        there = self.weights()
        if not there:
            raise FileNotFoundError(
                f"{self.name} has no weights yet: train it from corrected labels, or pack it with --weights"
            )
        if wanted is None:
            return next(iter(there.values()))
        if wanted not in there:
            raise FileNotFoundError(f"{self.name} has no weights {wanted!r}: {suggest(wanted, list(there))}")
        return there[wanted]

    def segmenter(self, wanted: str | None = None, device: str | None = None) -> Any:
        """Return its segmenter, see `common.load_segmenter`; one is kept, so that a second call is quick.

        Args:
            wanted: as for `choose_weights`.
            device: such as "cuda"; None: the training's choice.

        Raises:
            FileNotFoundError: there are no such weights.
            ValueError: they do not fit.
        """
        file = self.choose_weights(wanted)
        with self._one_at_a_time:
            key = (file, file.stat().st_mtime_ns, device)
            if self._loaded[0] != key:
                # One network at a time: the old one's memory is free before the new one is read.
                self._loaded = (None, None)
                options = {**self.options, "weights": str(file), **({"device": device} if device else {})}
                self._loaded = (key, self._package().load_segmenter(str(self.folder), **options))
            return self._loaded[1]

    def find(self, section: Section, wanted: str | None = None, device: str | None = None) -> Any:
        """Segment a section, and return all that was found, see `common.Segmenter.find`.

        Args:
            section: what to segment.
            wanted: as for `choose_weights`.
            device: as for `segmenter`.
        """
        return self.segmenter(wanted, device).find(
            section.pixels, axes="cyx", pixel_size_um=section.pixel_size_um,
            channel_names=section.channel_names,
        )  # fmt: skip

    def _package(self) -> Any:
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))
        return importlib.import_module(self.name)


def find_bundles(app: Path) -> tuple[list[ServedBundle], dict[str, Exception]]:
    """Find the packed bundles of a server's folder.

    Args:
        app: a folder with a folder of each bundle in `model`, of its trainings in `trained`, and
            `served.json`, which holds the options, and the bundles that could not be packed: what lies there
            of these is older, and not served.

    Returns:
        Those that can be served, and for each other folder what is wrong with it.
    """
    served: list[ServedBundle] = []
    faults: dict[str, Exception] = {}
    told = read_json(app / "served.json") if (app / "served.json").is_file() else {}
    faults.update({name: RuntimeError(fault) for name, fault in told.get("faults", {}).items()})
    folders = sorted(path for path in (app / "model").iterdir() if path.is_dir() and path.name[0] not in "._")
    for folder in folders:
        if folder.name in faults:
            continue
        try:
            served.append(ServedBundle(folder, app / "trained" / folder.name, told.get("options")))
        except (OSError, ValueError, KeyError) as error:
            faults[folder.name] = error
    return served, faults
