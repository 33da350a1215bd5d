"""The parts that must be quick: metrics, decoders, targets and a loss, on one crowded label map."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from torch.nn.functional import avg_pool2d

from ..decoders import CentreVotesDecoder, ComponentsDecoder, WatershedDecoder
from ..devices import tune_cpu
from ..losses import CurvatureAlignmentLoss
from ..losses.curvature import MODES
from ..metrics import (
    aji_counts,
    boundary_counts,
    contingency_table,
    matching_counts,
    probability_counts,
    score_image,
)
from ..networks import prepare
from ..transforms import border_weights, instance_targets

__all__ = ["PARTS", "Task", "make_pair", "time_task"]

SIZE_PX = 1024
SPACING_PX = 27.0


@dataclass(frozen=True)
class Task:
    """One thing to time: its name, what to call, and the time it may take (milliseconds), if there is one."""

    name: str
    call: Callable[[], Any]
    limit_ms: float | None = None


def time_task(task: Task, *, repeats: int) -> dict[str, Any]:
    """Time one task: a run to warm up, then `repeats` runs.

    Args:
        task: what to time.
        repeats: number of runs.
    """
    task.call()
    times_ms, cpu_times_ms = [], []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        task.call()
        times_ms.append(1000 * (time.perf_counter() - start))
        cpu_times_ms.append(1000 * (time.process_time() - cpu_start))
    return {
        "task": task.name,
        "median_ms": round(statistics.median(times_ms), 2),
        "fastest_ms": round(min(times_ms), 2),
        # On a busy machine this is nearer the truth: it leaves out the time spent waiting for a core.
        "cpu_ms": round(statistics.median(cpu_times_ms), 2),
        "limit_ms": task.limit_ms,
    }


def metrics_tasks() -> list[Task]:
    """Make the tasks of the metrics: all of them together, then their parts."""
    truth, prediction, probability = make_pair()
    table = contingency_table(truth, prediction)
    pair = f"{truth.shape[0]} x {truth.shape[1]}, {table.n_true} nuclei"
    return [
        Task(
            f"all metrics ({pair})",
            lambda: score_image(truth, prediction, probability=probability),
            limit_ms=300,
        ),
        Task("  contingency table", lambda: contingency_table(truth, prediction)),
        Task("  matching at ten thresholds, PQ", lambda: matching_counts(table)),
        Task("  AJI and AJI+", lambda: aji_counts(table)),
        Task("  both boundary Dice", lambda: boundary_counts(truth, prediction)),
        Task("  pixel AP", lambda: probability_counts(truth > 0, probability)),
    ]


def decoding_tasks() -> list[Task]:
    """Make a task of each decoder, on maps as a network makes them: right, with noise on top."""
    truth, _, _ = make_pair()
    maps = instance_targets(truth.astype(np.int64), ("foreground", "distance", "row_offset", "column_offset"))
    maps[0] = 8 * maps[0] - 4
    maps += np.random.default_rng(0).normal(0, 0.1, maps.shape).astype(np.float32)
    image = f"{truth.shape[0]} x {truth.shape[1]}, {len(np.unique(truth)) - 1} nuclei"
    decoders: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "centre votes": CentreVotesDecoder(offsets=(2, 3)),
        "watershed": WatershedDecoder(),
        "connected components": ComponentsDecoder(),
    }
    limits = {"centre votes": 200}
    return [
        Task(f"{name} ({image})", partial(decode, maps), limit_ms=limits.get(name))
        for name, decode in decoders.items()
    ]


def targets_tasks() -> list[Task]:
    """Make the task of each thing that is computed of a whole label map before training."""
    truth, _, _ = make_pair()
    image = f"{truth.shape[0]} x {truth.shape[1]}, {len(np.unique(truth)) - 1} nuclei"
    return [Task(f"border weights ({image})", lambda: border_weights(truth), limit_ms=300)]


def curvature_tasks(crops: int = 16, side: int = 192) -> list[Task]:
    """Make the tasks of the curvature loss, with gradient, beside a training step of LoGSAGE without it.

    Args:
        crops: number of crops in a step.
        side: edge of a crop in pixels.
    """
    tune_cpu()
    pair = make_pair()
    truth, mask = (
        torch.from_numpy(_crops(labels > 0, crops, side).astype(np.float32)) for labels in pair[:2]
    )
    probability = avg_pool2d(mask, 3, stride=1, padding=1)
    noise = torch.rand(probability.shape, generator=torch.Generator().manual_seed(0))
    parser = ConfigParser(ConfigParser.load_config_file("bundles/logsage/configs/train.json"))
    parser["loss"] = {**parser["loss"], "beta": 0}
    network, loss = (
        prepare(parser.get_parsed_content("network_def"), "cpu"),
        parser.get_parsed_content("loss"),
    )
    target = truth.expand(-1, 4, -1, -1)
    sizes = f"{crops} x {side} x {side}"
    tasks = [
        Task(f"training step without curvature ({sizes})", lambda: loss(network(truth), target).backward())
    ]
    for mode in MODES:
        curvature = CurvatureAlignmentLoss(mode)
        tasks += [
            Task(f"  curvature loss, {mode}", partial(_descend, curvature, probability, truth)),
            Task(f"  curvature loss, {mode}, of noise", partial(_descend, curvature, noise, truth)),
        ]
    return tasks


def _crops(array: np.ndarray, count: int, side: int) -> np.ndarray:
    """Cut the first squares out of an image, (count, 1, side, side)."""
    corners = [(r, c) for r in range(0, len(array) - side, side) for c in range(0, len(array) - side, side)]
    return np.stack([array[None, r : r + side, c : c + side] for r, c in corners[:count]])


def _descend(loss: torch.nn.Module, prediction: torch.Tensor, truth: torch.Tensor) -> None:
    """Compute a loss and its gradient in the prediction."""
    loss(prediction.detach().requires_grad_(), truth).backward()


PARTS: dict[str, Callable[[], list[Task]]] = {
    "metrics": metrics_tasks,
    "decoding": decoding_tasks,
    "targets": targets_tasks,
    "curvature": curvature_tasks,
}
"""What can be timed: a further part is a further entry, a function that makes its tasks."""


def make_pair(*, size_px: int = SIZE_PX, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a true label map, a prediction with the usual errors, and a foreground probability.

    Nuclei are discs around the points of a jittered grid; where two meet, they touch along the line
    between their centres. The prediction shifts and resizes them, loses and merges some.

    Args:
        size_px: height and width.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    axis = np.arange(SPACING_PX / 2, size_px, SPACING_PX)
    centres = np.array([(row, column) for row in axis for column in axis])
    centres += rng.normal(0, 3, centres.shape)
    radii = rng.uniform(8, 15, len(centres))
    names = 1 + rng.permutation(len(centres))
    truth = _draw(centres, radii, names, size_px)
    fate = rng.random(len(centres))
    radii = np.where(fate < 0.04, 0, radii * rng.normal(1, 0.08, len(centres)))
    merged = np.where(fate > 0.95, np.roll(names, 1), names)
    prediction = _draw(centres + rng.normal(0, 1.5, centres.shape), radii, merged, size_px)
    noise = rng.random((size_px, size_px), dtype=np.float32)
    return truth, prediction, np.where(prediction > 0, 1 - noise**2 / 2, noise**2 / 2).astype(np.float32)


def _draw(centres: np.ndarray, radii: np.ndarray, names: np.ndarray, size_px: int) -> np.ndarray:
    """Paint the discs; a pixel inside several goes to the nearest centre."""
    label_map = np.zeros((size_px, size_px), dtype=np.uint32)
    nearest = np.full((size_px, size_px), np.inf)
    for (row, column), radius, name in zip(centres, radii, names, strict=True):
        top, left = (max(0, int(value - radius)) for value in (row, column))
        window = (slice(top, int(row + radius) + 2), slice(left, int(column + radius) + 2))
        height, width = label_map[window].shape
        rows, columns = np.ogrid[top : top + height, left : left + width]
        distance = np.hypot(rows - row, columns - column)
        inside = (distance < radius) & (distance < nearest[window])
        label_map[window][inside] = name
        nearest[window][inside] = distance[inside]
    return label_map
