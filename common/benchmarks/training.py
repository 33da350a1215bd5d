"""Training steps a second of every bundle, and the share of the time that goes into its data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ..devices import low_precision, seed_all
from ..sample import ensure_sample
from .bundle_choice import config_of

__all__ = ["MOST_FOR_DATA", "time_training"]

MOST_FOR_DATA = 0.05


class StepTimes:
    """A bundle's training step, and the making of its batches, as its settings have them.

    Args:
        bundle: its name.
        folder: where the sample is made.
        amp: whether lower precision may be used.
        options: settings of the training that are changed.
    """

    def __init__(self, bundle: str, folder: str | Path, *, amp: bool, options: dict[str, Any]) -> None:
        parser = config_of(bundle, "train", amp=amp)
        kind = "he" if parser["network_def"]["in_channels"] == 3 else "fluorescence"
        parser["dataset_dir"] = str(ensure_sample(Path(folder) / kind, modality=kind))
        parser["channels"] = None
        for name, value in options.items():
            parser[name] = value
        seed_all(0)
        get = parser.get_parsed_content
        self.network, self.loss, self.optimizer = get("network").train(), get("loss"), get("optimizer")
        self.loader = get("train::dataloader")
        self.batch_size = int(parser["batch_size"])
        self.data: list[float] = []
        self.steps: list[float] = []

    def epochs(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches without an end."""
        while True:
            yield from self.loader

    def run(self, batches: Iterator[dict[str, torch.Tensor]], *, warm: bool = False) -> None:
        """Take one step, and note its times if it is not for warming up."""
        start = time.perf_counter()
        batch = next(batches)
        made = time.perf_counter()
        self.optimizer.zero_grad()
        self.loss(self.network(batch["image"]), batch["label"]).backward()
        self.optimizer.step()
        end = time.perf_counter()
        if not warm:
            self.data.append(made - start)
            self.steps.append(end - made)


def time_training(
    bundles: Sequence[str], folder: str | Path, *, steps: int, options: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Time training steps, the precisions of a bundle in turns.

    Args:
        bundles: names.
        folder: where the sample is made, with images of 256 x 256.
        steps: how many of each; one more warms up, and loads the images, which the training keeps.
        options: settings of the training that are changed, such as `num_workers`.

    Returns:
        Rows: bundle, precision, crops a step, seconds of a step without data (median) and of data (mean),
        steps a second, share of the data, and whether it is more than `MOST_FOR_DATA`.
    """
    rows = []
    for bundle in bundles:
        kinds = {"float32": False} | ({"bfloat16": True} if low_precision("cpu") else {})
        times = {
            name: StepTimes(bundle, folder, amp=amp, options=dict(options or {}))
            for name, amp in kinds.items()
        }
        batches = {name: each.epochs() for name, each in times.items()}
        for turn in range(steps + 1):
            for name, each in times.items():
                each.run(batches[name], warm=not turn)
        for name, each in times.items():
            step, data = statistics.median(each.steps), statistics.fmean(each.data)
            share = data / (step + data)
            rows.append(
                {
                    "bundle": bundle,
                    "precision": name,
                    "crops": each.batch_size,
                    "step [s]": step,
                    "data [s]": data,
                    "steps a second": 1 / (step + data),
                    "data [%]": 100 * share,
                    "over 5 %": "yes" if share > MOST_FOR_DATA else "no",
                }
            )
    return rows
