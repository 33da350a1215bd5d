"""Horizontal and vertical maps are MONAI's, and turn with the image."""

from __future__ import annotations

import numpy as np
import pytest
from monai.transforms import ComputeHoVerMaps

from common.sample import draw_label_map
from common.transforms import hover_maps, instance_targets
from common.transforms.instance_targets import centre_offsets

HOVER = ("horizontal", "vertical")


@pytest.mark.parametrize("seed", [0, 1])
def test_they_are_monais(seed: int) -> None:
    label_map = draw_label_map((120, 90), rng=np.random.default_rng(seed), clustering=0.9).astype(np.int64)
    label_map[5, 7] = label_map.max() + 1  # one pixel: no extent to divide by
    expected = np.asarray(ComputeHoVerMaps()(label_map[None]))
    np.testing.assert_allclose(instance_targets(label_map, HOVER), expected, atol=1e-6)
    other = hover_maps(label_map, centre_offsets(label_map)[::-1])
    assert abs(other - expected).max() > 0.5, "rows and columns mixed up would show"


def test_they_turn_with_the_image() -> None:
    label_map = draw_label_map((80, 80), rng=np.random.default_rng(3)).astype(np.int64)
    horizontal, vertical = instance_targets(label_map, HOVER)
    turned = instance_targets(label_map.T, HOVER)
    np.testing.assert_allclose(turned, [vertical.T, horizontal.T], atol=1e-6)
    mirrored = instance_targets(label_map[:, ::-1], HOVER)
    np.testing.assert_allclose(mirrored[0], -horizontal[:, ::-1], atol=1e-5)


def test_a_cut_nucleus_keeps_its_centre() -> None:
    label_map = np.zeros((12, 20), np.int64)
    label_map[2:9, 4:15] = 1
    centres = np.array([[0, 0], [5.0, 9.0]])
    cut = instance_targets(label_map[:, 10:], HOVER, centres=centres - [0, 10])
    assert cut[0][label_map[:, 10:] > 0].min() == pytest.approx(0.2), "a pixel right of the centre, of five"
    assert cut[0].max() == 1 and not cut[:, label_map[:, 10:] == 0].any()


def test_an_empty_image_has_empty_maps() -> None:
    assert not instance_targets(np.zeros((4, 5), np.int64), HOVER).any()
