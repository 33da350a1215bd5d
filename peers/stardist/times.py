"""Times StarDist on one image, a phase at a word: `times.py IMAGE.tif FOLDER THREADS`, words on its input.

The network has random weights, whose time is that of any others: 32 rays, a grid of 2, as the package's own
model of fluorescence. What follows gets the true star distances with noise, in place of what it put out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

IMAGE, FOLDER, THREADS = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
# Before TensorFlow is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tifffile  # noqa: E402
from csbdeep.utils import normalize  # noqa: E402
from stardist.geometry import star_dist  # noqa: E402
from stardist.models import Config2D, StarDist2D  # noqa: E402
from stardist.utils import edt_prob  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)

RAYS, GRID = 32, (2, 2)


class TrueMaps:
    """In place of the Keras model: runs it, or not, and puts out the truth."""

    def __init__(self, model: Any, truth: np.ndarray) -> None:
        self.model, self.runs = model, True
        rng = np.random.default_rng(0)
        probability = edt_prob(truth)[:: GRID[0], :: GRID[1]]
        distances = star_dist(truth, RAYS, grid=GRID)
        self.maps = [
            (probability + rng.normal(0, 0.02, probability.shape)).astype(np.float32)[None, ..., None],
            (distances + rng.normal(0, 0.3, distances.shape)).clip(1e-3).astype(np.float32)[None],
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict(self, image: np.ndarray, **options: Any) -> list[np.ndarray]:
        """Return the true maps."""
        if self.runs:
            self.model.predict(image, **options)
        return self.maps


def main() -> None:
    """Do what each line of the input names."""
    stardist = StarDist2D(Config2D(n_rays=RAYS, grid=GRID, n_channel_in=1), name=None, basedir=None)
    truth = np.load(FOLDER / "truth.npy")
    maps = TrueMaps(stardist.keras_model, truth.astype(np.int32))
    stardist.keras_model = maps

    def load() -> np.ndarray:
        return normalize(tifffile.imread(IMAGE), 1, 99.8, axis=(0, 1))

    def segment(image: np.ndarray, *, runs: bool) -> np.ndarray:
        maps.runs = runs
        return stardist.predict_instances(image, prob_thresh=0.48, nms_thresh=0.3)[0]

    image = load()
    phases = {
        "begin": lambda: None,
        "network": lambda: maps.model.predict(image[None, ..., None], verbose=0),
        "decoding": lambda: segment(image, runs=False),
        "end to end": lambda: segment(load(), runs=True),
        "save": lambda: np.save(FOLDER / "found.npy", segment(image, runs=False)),
    }
    for line in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        phases[line.strip()]()
        taken = {"wall": time.perf_counter() - start, "processor": time.process_time() - processor}
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
