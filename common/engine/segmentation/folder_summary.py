"""One row an image: how many nuclei, how large, how bright; what failed is there with its reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from ...export import read_table, write_table
from .image_evaluator import ImageEvaluator
from .outputs import SUMMARY

__all__ = ["FolderSummary", "summary_of"]

_log = logging.getLogger(__name__)


def summary_of(
    output_dir: str | Path, names: Sequence[str], failures: Mapping[str, str]
) -> dict[str, list[Any]]:
    """Return the columns of a summary from the tables of the images.

    Args:
        output_dir: folder of the tables.
        names: the images.
        failures: a sentence by the name of each image that has none.

    Returns:
        `image`, `nuclei`, `fault`, then of each column that is measured in any image (sizes, brightness) its
        mean over the image's nuclei, and of the area its median; empty where an image has no such figure.
    """
    rows: list[dict[str, Any]] = []
    for name in names:
        table = {} if name in failures else read_table(Path(output_dir) / f"{name}.csv")
        count = len(table.get("label", ()))
        row: dict[str, Any] = {
            "image": name,
            "nuclei": count if table else "",
            "fault": failures.get(name, ""),
        }
        for column, values in table.items():
            if column != "label" and not column.startswith("centroid") and count:
                kind = column if column.startswith("mean_") else f"mean_{column}"
                row[kind] = float(np.mean(values))
                if column.startswith("area"):
                    row[f"median_{column}"] = float(np.median(values))
        rows.append(row)
    columns = dict.fromkeys(column for row in rows for column in row)
    return {column: [row.get(column, "") for row in rows] for column in columns}


class FolderSummary:
    """Writes `summary.csv` beside the tables when a segmentation has come to its end.

    Args:
        output_dir: folder of the tables.
        names: the images, those included that were finished before.
        enabled: whether tables are written.
    """

    def __init__(self, output_dir: str | Path, *, names: Sequence[str], enabled: bool = True) -> None:
        self.output_dir, self.names, self.enabled = Path(output_dir), list(names), enabled

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: an `ImageEvaluator`.
        """
        if self.enabled:
            engine.add_event_handler(Events.COMPLETED, self.completed)

    def completed(self, engine: Engine) -> None:
        """Write the summary."""
        failures = engine.failures if isinstance(engine, ImageEvaluator) else {}
        file = write_table(self.output_dir / SUMMARY, summary_of(self.output_dir, self.names, failures))
        _log.info("tables are beside the label maps, a row an image in %s", file)
