"""Label maps of the embedded sample, and the maps that a perfect network would put out for them."""

from __future__ import annotations

import numpy as np
import pytest

from common.sample import draw_label_map
from common.transforms import instance_targets

MAPS = ("foreground", "distance", "row_offset", "column_offset", "horizontal", "vertical")


def ideal_maps(label_map: np.ndarray) -> np.ndarray:
    """Return logits and the other maps without an error, (6, h, w)."""
    maps = instance_targets(label_map, MAPS)
    maps[0] = 20 * maps[0] - 10
    return maps


@pytest.fixture(scope="session", params=[0, 1, 2])
def crowded(request: pytest.FixtureRequest) -> np.ndarray:
    """A label map full of touching nuclei."""
    return draw_label_map((160, 144), rng=np.random.default_rng(request.param), clustering=1.0)
