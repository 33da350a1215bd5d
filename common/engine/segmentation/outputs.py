"""What a segmentation writes: where, that nothing of the user's is in the way, and what is done already."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...bundle_config import completed, running_config
from ...export import POLYGON_FORMATS, cells_name, embeddings_name, record_of
from ...files import is_made_here, recorded
from ...messages import suggest
from ..trained import choose_weights

__all__ = ["SUMMARY", "Outputs", "refuse_among_inputs"]

SUMMARY = "summary.csv"
# What decides which nuclei are found, beside the weights.
_DECIDING = (
    *("network_def", "sam_weights", "decoder", "intensity", "inferer", "channels"),
    *("pixel_size_um", "scale", "diameter_px", "model_diameter_px", "amp"),
)
_log = logging.getLogger(__name__)
Item = Mapping[str, Any]


def refuse_among_inputs(output_dir: str | Path, inputs: Iterable[str | Path]) -> None:
    """Refuse to write into a folder that given files lie in: results would pass for images, or replace them.

    Args:
        output_dir: the folder of the results; links to it are followed.
        inputs: files that a job reads.

    Raises:
        ValueError: naming the folder and another.

    Example:
        >>> refuse_among_inputs("results", ["images/a.tif", "labels/a.tif"])
    """
    own = os.path.realpath(output_dir)
    # One file of each folder stands for all of it.
    for file in {Path(file).parent: Path(file) for file in inputs}.values():
        if os.path.realpath(file.parent) == own:
            raise ValueError(
                f"--output_dir {output_dir} is the folder of {file.name}, an image or label that is"
                f" read: give a folder of its own, such as {Path(output_dir) / 'segmented'}"
            )


class Outputs:
    """The files of a segmentation.

    Args:
        output_dir: folder of the label maps.
        overlay: whether pictures are written.
        table: whether tables are written.
        formats: what outlines are written as, one or several of `POLYGON_FORMATS`; None: no outlines.
        skip_finished: whether images are left out that are done with the same weights and settings.
        embeddings: whether a table of what the network knows of each nucleus is written.
        decoder: the decoder; one that has `finds_cells` gives label maps of whole cells too.
        weights: a file named by the user, see `choose_weights`.
        ckpt_dir: see `choose_weights`.
        bundle_root: see `choose_weights`.

    Attributes:
        made_by: digits that change with the weights and with every setting that decides what is found.
        formats: what polygons are written as.
        cells: whether label maps of whole cells are written.
        made_with: what is written beside the label maps: "overlay", "table", "cells", the formats and so on.
            It is noted in them, because a table that is there may be of earlier weights.

    Raises:
        ValueError: if there is no such format.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        overlay: bool = True,
        table: bool = False,
        formats: str | Sequence[str] | None = None,
        skip_finished: bool = False,
        embeddings: bool = False,
        decoder: Any = None,
        weights: str | Path | None = None,
        ckpt_dir: str | Path | None = None,
        bundle_root: str | Path | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.overlay, self.table, self.skip_finished = overlay, table, skip_finished
        self.formats = _known_formats(formats)
        self.cells = bool(getattr(decoder, "finds_cells", False))
        self.embeddings = embeddings
        switches = (("overlay", overlay), ("table", table), ("embeddings", embeddings), ("cells", self.cells))
        own = [name for name, made in switches if made]
        self.made_with = [*own, *self.formats]
        config = running_config() or {}
        settings = {name: completed(config[name]) for name in _DECIDING if name in config}
        text = json.dumps(settings, sort_keys=True, default=str)
        try:
            content = choose_weights(weights, ckpt_dir, bundle_root)[0].read_bytes()
        except FileNotFoundError:  # told when they are loaded
            content = b""
        self.made_by = f"{_digits(content)}-{_digits(text.encode())}"

    def files_of(self, name: str) -> Iterator[Path]:
        """Yield the files of one image, the label map first.

        Args:
            name: the image's name, see `list_images`.
        """
        yield self.output_dir / f"{name}.tif"
        if self.overlay:
            yield self.output_dir / "overlays" / f"{name}.png"
        if self.table:
            yield self.output_dir / f"{name}.csv"
        for suffix in self.formats:
            yield self.output_dir / f"{name}.{suffix}"
        if self.embeddings:
            yield self.output_dir / embeddings_name(name)
        if self.cells:
            yield self.output_dir / cells_name(name)

    def to_do(self, items: Sequence[Item]) -> list[Item]:
        """Return the images that are to be segmented, once nothing that is written can replace a user's file.

        Args:
            items: {"image": file, "name": name} of each image.

        Raises:
            ValueError: if results would lie among the images, in place of files that no segmentation wrote,
                or in place of each other.
        """
        refuse_among_inputs(self.output_dir, (item["image"] for item in items))
        self._refuse_foreign([str(item["name"]) for item in items])
        left = [item for item in items if not (self.skip_finished and self.is_finished(item))]
        if finished := len(items) - len(left):
            _log.info("%d of %d images are finished with these weights and settings", finished, len(items))
        return left

    def is_finished(self, item: Item) -> bool:
        """Tell whether the label map of an image is there, whole and what would be found now.

        Args:
            item: {"image": file, "name": name}.
        """
        label_map, *others = self.files_of(str(item["name"]))
        found = recorded(label_map) or {}
        wanted = record_of(self.made_by, item["image"])
        same = {key: found.get(key) for key in wanted} == wanted
        complete = set(self.made_with) <= set(found.get("made_with", ()))
        return same and complete and all(other.is_file() for other in others)

    def _refuse_foreign(self, names: Sequence[str]) -> None:
        planned = [(name, file) for name in names for file in self.files_of(name)]
        if self.table:
            planned.insert(0, ("the summary", self.output_dir / SUMMARY))
        owners: dict[str, str] = {}
        for name, file in planned:
            # Letter case does not tell files apart on Windows and macOS.
            other = owners.setdefault(os.path.normcase(file).casefold(), name)
            if other != name:
                raise ValueError(f"{name} and {other} would both be written to {file}: rename an image")
        foreign = [file for _, file in planned if _is_foreign(file)]
        if foreign:
            more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            raise ValueError(
                f"{foreign[0]}{more} would be overwritten, but no segmentation wrote it (or it was changed"
                " since): give another --output_dir, or move it away"
            )


def _known_formats(given: str | Sequence[str] | None) -> list[str]:
    words = given.split(",") if isinstance(given, str) else list(given or ())
    found = list(dict.fromkeys(str(word).strip().lower() for word in words))
    for word in found:
        if word not in POLYGON_FORMATS:
            raise ValueError(f"--formats has no {word!r}: {suggest(word, POLYGON_FORMATS)}")
    return found


def _is_foreign(file: Path) -> bool:
    return os.path.lexists(file) and (file.is_symlink() or not is_made_here(file))


def _digits(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()
