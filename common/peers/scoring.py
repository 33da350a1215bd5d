"""Label maps that others made are scored, reported and noted in MLflow as a bundle's are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from ignite.engine import Engine, Events
from monai.data import MetaTensor
from monai.engines import Evaluator
from torch.utils.data import DataLoader

from ..engine.evaluation import BestAndWorst, EvaluationReport, instance_metrics
from ..engine.order import Moment, call_at
from ..readers import ChannelChoice, read_labels
from ..readers.dataset_json import Item
from .exchange import image_of

__all__ = ["score_label_maps"]


class _Told:
    """Leaves in the engine's state what a method costs, measured elsewhere."""

    def __init__(self, cost: Mapping[str, Any]) -> None:
        self.cost = dict(cost)

    def attach(self, engine: Engine) -> None:
        call_at(Moment.LOAD, engine, Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        engine.state.cost = self.cost


class _LabelMaps(torch.utils.data.Dataset[dict[str, Any]]):
    """Images with their true label maps and those that were found."""

    def __init__(self, items: Sequence[Item], label_maps: Sequence[Path], channels: ChannelChoice) -> None:
        self.items, self.label_maps, self.channels = items, label_maps, channels

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.items[index]
        image = torch.from_numpy(image_of(item, self.channels).astype(np.float32))
        return {
            "image": MetaTensor(image, meta={"filename_or_obj": item["image"]}),
            "label_map": read_labels(item["label"])[None],
            # As it was written here: nothing about it is to be guessed.
            "pred_map": tifffile.imread(self.label_maps[index])[None],
        }


def score_label_maps(
    items: Sequence[Item],
    label_maps: Sequence[Path],
    output_dir: Path,
    *,
    channels: ChannelChoice = None,
    split: str = "test",
    weights: str | None = None,
    cost: Mapping[str, Any] | None = None,
    handlers: Sequence[Any] = (),
) -> dict[str, float]:
    """Score label maps against the truth, and write metrics.json and best_and_worst.png.

    Args:
        items: images with labels.
        label_maps: the label map of each.
        output_dir: where the report goes.
        channels: which channels the pictures show.
        split: name of the list.
        weights: what made the label maps, for the report.
        cost: what the method costs, for the report.
        handlers: more handlers of the evaluator, such as a `MLflowRun`.

    Returns:
        Every score of the list.

    Raises:
        ValueError: if a label map is not of its image's size.
    """
    loader = DataLoader(_LabelMaps(items, label_maps, channels), batch_size=1, collate_fn=list)
    evaluator = Evaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        iteration_update=lambda engine, batch: batch,
        key_val_metric=instance_metrics(oracle=True),
        val_handlers=[
            *handlers,
            _Told(cost or {}),
            EvaluationReport(output_dir, split=split, weights=weights),
            BestAndWorst(output_dir),
        ],
        decollate=False,
    )
    evaluator.run()
    scores: dict[str, float] = evaluator.state.instance_summary
    return scores
