"""Training steps a second of every bundle, and the share of the time that goes into its data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from ..devices import low_precision, seed_all
from ..probes import LiveBytes
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
        parser["sam_cache"] = str(Path(folder) / "sam_features")  # of the bundles that have one
        for name, value in options.items():
            parser[name] = value
        seed_all(0)
        get = parser.get_parsed_content
        self.network, self.loss, self.optimizer = get("network").train(), get("loss"), get("optimizer")
        self.loader = get("train::dataloader")
        self.batch_size = int(parser["batch_size"])
        self.data: list[float] = []
        self.steps: list[float] = []
        self.peak = 0

    def epochs(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches without an end."""
        while True:
            yield from self.loader

    def run(self, batches: Iterator[dict[str, torch.Tensor]], *, warm: bool = False) -> None:
        """Take one step, and note its times; one for warming up, which follows the tensors, its memory."""
        start = time.perf_counter()
        batch = next(batches)
        made = time.perf_counter()
        # What a foundation model has told of the crops before.
        known = {"features": batch["features"]} if "features" in batch else {}
        live = LiveBytes()
        with live if warm else nullcontext():
            self.optimizer.zero_grad()
            self.loss(self.network(batch["image"], **known), batch["label"]).backward()
            self.optimizer.step()
        end = time.perf_counter()
        if warm:
            self.peak = live.peak
        else:
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
        steps a second, share of the data, whether it is more than `MOST_FOR_DATA`, and what all tensors that
        the first step makes take at once, in GB: gradients and the optimizer's are among them, weights not.
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
                    "tensors [GB]": each.peak / 1e9,
                }
            )
    return rows
