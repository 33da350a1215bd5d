"""Components in torch: label by label what SciPy numbers, compiled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from common.decoders import ComponentsDecoder, ContourDecoder
from common.decoders.tensor_components import opened

from .conftest import ideal_maps

COMPONENTS = [
    {},
    {"threshold": 0.3, "min_area_px": 1, "grow_px": 0},
    {"min_area_px": 60, "grow_px": 3},
    {"foreground": 1, "threshold": 0.6},
    *({"opening_px": side, "min_area_px": 1, "grow_px": 0} for side in (1, 2, 3, 4, 5)),
]
CONTOURS = [
    {},
    {"contour": 1, "contour_threshold": 0.6},
    {"contour": 1, "threshold": 0.4, "min_area_px": 1, "grow_px": 0},
]


@pytest.mark.parametrize(
    "decoder",
    [*(ComponentsDecoder(**o) for o in COMPONENTS), *(ContourDecoder(**o) for o in CONTOURS)],
    ids=[str(options) for options in (*COMPONENTS, *CONTOURS)],
)
@pytest.mark.parametrize("amount", [0.0, 4.0])
def test_labels_are_those_of_the_decoder(
    crowded: np.ndarray, decoder: ComponentsDecoder | ContourDecoder, amount: float
) -> None:
    maps = ideal_maps(crowded)
    maps[1] = 4 * maps[1] - 2
    maps += np.random.default_rng(0).normal(0, amount + 1e-6, maps.shape).astype(np.float32)
    module = torch.jit.script(decoder.as_module())
    found = module(torch.from_numpy(np.stack([maps, 0 * maps - 9])))
    assert found.dtype == torch.int32 and found.shape == (2, 1, *maps.shape[1:])
    np.testing.assert_array_equal(found[0, 0].numpy(), decoder(maps))
    assert found[0].max() > 3 and not found[1].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 2), (17, 30)])
@pytest.mark.parametrize("value", [-10.0, 10.0, None])
def test_any_shape_empty_and_full(shape: tuple[int, int], value: float | None) -> None:
    maps = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    maps = maps if value is None else np.full_like(maps, value)
    decoder = ComponentsDecoder(min_area_px=1, opening_px=3)
    found = torch.jit.script(decoder.as_module())(torch.from_numpy(maps)[None])
    np.testing.assert_array_equal(found[0, 0].numpy(), decoder(maps))


@pytest.mark.parametrize("side", range(2, 8))
def test_opening_is_scipys_with_the_foreground_going_on_beyond_the_image(side: int) -> None:
    square = np.ones((side, side), bool)
    for seed in range(4):
        mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(40, 33)), 2) > 0
        eroded = ndimage.binary_erosion(mask, square, border_value=1)
        expected = ndimage.binary_dilation(eroded, square)
        np.testing.assert_array_equal(opened(torch.from_numpy(mask), side).numpy(), expected)
        assert expected.any() and not expected.all()
