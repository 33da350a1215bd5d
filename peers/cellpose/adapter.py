"""Cellpose as its package trains it: images scaled to one diameter, which evaluation takes from the training.

The package counts epochs, and its learning rate rises over ten of them and falls over the last: so a few
steps are timed, and as many epochs begun as the budget has room for.

References:
    Stringer, Wang, Michaelos, Pachitariu, Cellpose: A Generalist Algorithm for Cellular Segmentation, Nature
    Methods 18, 2021. Pachitariu, Stringer, Cellpose 2.0: How to Train Your Own Model, Nature Methods 19,
    2022.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cellpose import train as cellpose_train
from cellpose.models import CellposeModel

PACKAGES = ["cellpose", "torch"]
BATCH = 8  # of train_seg
FEWEST_EPOCHS = 100  # below them the rise of the learning rate would be most of the training
_TIMED_STEPS = 4
_NAME = "model"
# Grey: of several channels Cellpose takes the mean.
_CHANNELS = [0, 0]


class _Over(Exception):
    """The budget is used up before the last epoch."""


def _model(job: dict[str, Any], weights: str | None) -> Any:
    torch.set_num_threads(job["threads"])
    return CellposeModel(gpu=False, pretrained_model=weights or False)


def _lists(pairs: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [image for image, _ in pairs], [label for _, label in pairs]


def _train(model: Any, pairs: Any, validation: Any, folder: Path, epochs: int, images: int | None) -> Any:
    train_data, train_labels = _lists(pairs)
    test_data, test_labels = _lists(validation) if validation else (None, None)
    axis = {} if train_data[0].ndim == 2 else {"channel_axis": -1}
    return cellpose_train.train_seg(
        model.net, train_data=train_data, train_labels=train_labels, test_data=test_data,
        test_labels=test_labels, channels=_CHANNELS, batch_size=BATCH, n_epochs=epochs,
        nimg_per_epoch=images, save_path=folder, model_name=_NAME, **axis,
    )  # fmt: skip


def train(pairs: Any, validation: Any, job: dict[str, Any], clock: Any) -> dict[str, Any]:
    """Train from random weights, or from those of a file."""
    logging.basicConfig(level=logging.INFO)
    torch.manual_seed(job["seed"])
    folder = Path(job["folder"])
    # The package would do so within the training, each time anew.
    usable = [(image, label) for image, label in pairs if len(np.unique(label)) > 5]
    if not usable:
        raise ValueError("no training image has five nuclei, the fewest that Cellpose trains on")
    epochs, images = _length(usable, job, clock)
    model = _model(job, job["pretrained"])
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        if model.net.training:
            steps += 1
            if clock.over(steps - 1):
                raise _Over

    handle = model.net.register_forward_pre_hook(count)
    history: list[dict[str, float]] = []
    try:
        _, losses, held_out = _train(model, usable, validation, folder, epochs, images)
        history = [
            {"train_loss": float(loss), **({"val_loss": float(other)} if other else {})}
            for loss, other in zip(losses, held_out, strict=True)
        ]
    except _Over:
        steps -= 1
        (folder / "models").mkdir(exist_ok=True)
        model.net.save_model(str(folder / "models" / _NAME))
    finally:
        handle.remove()
    parameters = sum(each.numel() for each in model.net.parameters() if each.requires_grad)
    return {"parameters": parameters, "steps": steps, "epochs_planned": epochs, "history": history}


def _length(pairs: Any, job: dict[str, Any], clock: Any) -> tuple[int, int]:
    """Return how many epochs of how many images there is room for."""
    some = pairs[:BATCH]
    trial = _model(job, job["pretrained"])
    seconds = []
    for steps in (1, 1, _TIMED_STEPS):  # the first reserves and compiles
        begun = clock.processor_seconds
        _train(trial, some, None, Path(job["folder"]), 1, steps * BATCH)
        seconds.append(clock.processor_seconds - begun)
    step_seconds = max((seconds[2] - seconds[1]) / (_TIMED_STEPS - 1), 1e-3)
    if clock.steps is not None:
        room = clock.steps
    else:
        # The flows of all images are computed before the first step.
        flow_seconds = max(seconds[1] - step_seconds, 0.0) / len(some) * len(pairs)
        room = int((60 * clock.minutes - clock.processor_seconds - flow_seconds) / step_seconds)
    room = max(room, 1)
    per_epoch = -(-len(pairs) // BATCH)
    if room >= FEWEST_EPOCHS * per_epoch:
        return room // per_epoch, len(pairs)
    steps = max(1, room // FEWEST_EPOCHS)
    return max(1, room // steps), steps * BATCH


def load(job: dict[str, Any]) -> Callable[[np.ndarray, float | None], np.ndarray]:
    """Return the trained model, or the one named, as a function from an image to a label map."""
    trained = Path(job["folder"]) / "models" / _NAME
    weights = str(trained) if trained.is_file() else job["pretrained"]
    if weights is None:
        raise FileNotFoundError("there are no weights: train with --minutes, or name some with --pretrained")
    model = _model(job, weights)

    def segment(image: np.ndarray, pixel_size_um: float | None = None) -> np.ndarray:
        axis = {} if image.ndim == 2 else {"channel_axis": -1}
        label_map: np.ndarray = model.eval(image, channels=_CHANNELS, diameter=None, **axis)[0]
        return label_map

    segment.parameters = sum(each.numel() for each in model.net.parameters())  # type: ignore[attr-defined]
    return segment
