"""Random pairs of label maps: shifted, merged, split, touching, lost and invented nuclei, odd labels."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def discs(rng: np.random.Generator, size: int = 72, number: int = 14) -> np.ndarray:
    """Draw discs, some of which touch or cover others, with labels that are not contiguous."""
    label_map = np.zeros((size, size), dtype=np.int64)
    rows, columns = np.ogrid[:size, :size]
    for label in rng.choice(np.arange(1, 400), number, replace=False):
        row, column = rng.uniform(0, size, 2)
        label_map[(rows - row) ** 2 + (columns - column) ** 2 <= rng.uniform(3, 9) ** 2] = label
    return label_map


def disturbed(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Shift the nuclei, then lose, merge, split, shrink and invent some."""
    prediction = np.roll(truth, rng.integers(-2, 3, 2), (0, 1))
    labels = np.unique(prediction)[1:]
    for label in rng.permutation(labels):
        nucleus = prediction == label
        fate = rng.integers(8)
        if fate == 0:
            prediction[nucleus] = 0
        elif fate == 1:
            prediction[nucleus] = rng.choice(labels)
        elif fate == 2:
            halves = np.cumsum(nucleus).reshape(nucleus.shape) > rng.uniform(0.2, 0.6) * nucleus.sum()
            prediction[nucleus & halves] = label + 1000
        elif fate == 3:
            prediction[nucleus & (rng.random(nucleus.shape) < 0.3)] = 0
    row, column = rng.integers(0, truth.shape[0] - 8, 2)
    prediction[row : row + 5, column : column + 7] = 5000
    return prediction


@pytest.fixture(scope="session")
def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return thirty pairs of a true and a predicted label map, each with nuclei in both."""
    made = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        truth = discs(rng, number=int(rng.integers(2, 30)))
        made.append((truth, disturbed(rng, truth)))
    return made


@pytest.fixture(scope="session")
def hover_net() -> ModuleType:
    """Load HoVer-Net's statistics from its file: importing the package asks for OpenCV and more."""
    package = importlib.util.find_spec("hover_net")
    if package is None or not package.submodule_search_locations:
        pytest.skip("hover-net is not installed: its statistics cannot be compared with")
    path = Path(package.submodule_search_locations[0]) / "metrics" / "stats_utils.py"
    spec = importlib.util.spec_from_file_location("hover_net_stats_utils", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
