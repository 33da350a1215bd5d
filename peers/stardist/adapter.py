"""StarDist as its authors train it: 32 rays, a grid of 2, flips, turns and intensities, tuned thresholds.

References:
    Schmidt, Weigert, Broaddus, Myers, Cell Detection with Star-Convex Polygons, MICCAI 2018.
    Settings: the package's own example of training in 2D, and the defaults of `Config2D`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from csbdeep.utils import normalize
from stardist import fill_label_holes
from stardist.models import Config2D, StarDist2D

PACKAGES = ["stardist", "csbdeep", "tensorflow", "tensorflow-cpu", "keras"]
PATCH_PX, STEPS, BATCH = 256, 100, 4  # of the example, of Config2D, of the example
_NAME = "model"


class _Budget(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training where its budget does; the epoch is validated and may be the best."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self.clock, self.steps = clock, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.clock.over(self.steps):
            self.model.stop_training = True


def _prepared(image: np.ndarray) -> np.ndarray:
    # Channels together: a stain's colour is a relation between them.
    scaled: np.ndarray = normalize(image, 1, 99.8, axis=(0, 1, 2) if image.ndim == 3 else (0, 1))
    return scaled


def _augmented(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flip, turn and change intensities, as the example does."""
    turns = np.random.randint(4)
    image, label = np.rot90(image, turns), np.rot90(label, turns)
    for axis in (0, 1):
        if np.random.rand() > 0.5:
            image, label = np.flip(image, axis), np.flip(label, axis)
    image = image * np.random.uniform(0.6, 2) + np.random.uniform(-0.2, 0.2)
    sigma = 0.02 * np.random.uniform(0, 1)
    return image + sigma * np.random.normal(0, 1, image.shape), label


def _lists(pairs: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [_prepared(image) for image, _ in pairs], [fill_label_holes(label) for _, label in pairs]


def _threads(job: dict[str, Any]) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)


def train(pairs: Any, validation: Any, job: dict[str, Any], clock: Any) -> dict[str, Any]:
    """Train from random weights, or from those of a trained model's folder, and tune both thresholds."""
    _threads(job)
    keras.utils.set_random_seed(job["seed"])
    smallest = min(min(label.shape) for _, label in [*pairs, *validation])
    patch = min(PATCH_PX, smallest // 16 * 16)
    steps = STEPS if job["steps"] is None else min(STEPS, job["steps"])
    config = Config2D(
        n_rays=32, grid=(2, 2), n_channel_in=job["channels"], use_gpu=False,
        train_patch_size=(patch, patch), train_batch_size=BATCH, train_steps_per_epoch=steps,
        train_tensorboard=False,
    )  # fmt: skip
    model = StarDist2D(config, name=_NAME, basedir=job["folder"])
    if job["pretrained"]:
        _load_pretrained(model, Path(job["pretrained"]))
    budget = _Budget(clock)
    model.prepare_for_training()
    model.callbacks.append(budget)
    images, labels = _lists(pairs)
    held_out = _lists(validation)
    epochs = 100_000 if clock.minutes is not None else -(-clock.steps // steps)
    history = model.train(
        images, labels, held_out,
        augmenter=_augmented, seed=job["seed"], epochs=epochs, steps_per_epoch=steps,
    ).history  # fmt: skip
    model.optimize_thresholds(*held_out)
    epochs_done = [
        {"train_loss": float(loss), "val_loss": float(validated)}
        for loss, validated in zip(history["loss"], history["val_loss"], strict=True)
    ]
    return {
        "parameters": int(model.keras_model.count_params()),
        "steps": budget.steps,
        "history": epochs_done,
        "thresholds": {"prob": float(model.thresholds.prob), "nms": float(model.thresholds.nms)},
    }


def _load_pretrained(model: Any, place: Path) -> None:
    files = sorted(place.glob("weights_best*")) + sorted(place.glob("*.h5")) if place.is_dir() else [place]
    if not files or not files[0].is_file():
        raise FileNotFoundError(
            f"--pretrained {place} holds no weights_best.h5: name a StarDist model's folder"
        )
    model.keras_model.load_weights(str(files[0]))


def load(job: dict[str, Any]) -> Callable[[np.ndarray, float | None], np.ndarray]:
    """Return the trained model as a function from an image to a label map."""
    _threads(job)
    trained = Path(job["folder"], _NAME)
    place = trained if trained.is_dir() else Path(job["pretrained"])
    if not (place / "config.json").is_file():
        raise FileNotFoundError(f"{place} is no folder of a StarDist model: it has no config.json")
    model = StarDist2D(None, name=place.name, basedir=str(place.parent))

    def segment(image: np.ndarray, pixel_size_um: float | None = None) -> np.ndarray:
        label_map: np.ndarray = model.predict_instances(_prepared(image))[0]
        return label_map

    segment.parameters = int(model.keras_model.count_params())  # type: ignore[attr-defined]
    return segment
