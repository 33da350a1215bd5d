"""Images that a microscope spoilt come first: measured with the released weights, on images of the sample."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from common import load_segmenter
from common.label_server import uncertainty
from common.sample import make_image


@cache
def doubt(kind: str, seed: int) -> float:
    image = make_image("fluorescence", (192, 192), seed=seed)[0].astype(float).reshape(192, 192)
    rng, top = np.random.default_rng(seed), np.percentile(image, 99.8)
    spoilt = {
        "sharp": image,
        "out of focus": ndimage.gaussian_filter(image, 4),
        "noisy": image + rng.normal(0, 0.6 * top, image.shape),
        "dim": rng.poisson(np.clip(image, 0, top) / top * 3).astype(float),
    }[kind]
    segment = load_segmenter("logsage", device="cpu")
    return uncertainty(segment.find(spoilt).foreground)


@pytest.mark.parametrize("kind", ["out of focus", "noisy", "dim"])
def test_spoilt_images_are_ranked_before_the_sharp_ones(kind: str) -> None:
    sharp, spoilt = ([doubt(each, seed) for seed in range(3)] for each in ("sharp", kind))
    assert min(spoilt) > max(sharp), (sharp, spoilt)


def test_an_empty_image_is_not_the_one_to_correct() -> None:
    assert uncertainty(np.full((64, 64), 1e-4, np.float32)) == 0
    assert uncertainty(np.zeros((64, 64), np.float32)) == 0


def test_a_crowded_image_is_not_unsure_for_being_crowded() -> None:
    few, many = np.full((64, 64), 1e-5), np.full((64, 64), 1e-5)
    disc = np.clip((8 - np.hypot(*np.mgrid[-10:10, -10:10])) / 2 + 0.5, 1e-5, 1 - 1e-5)
    few[:20, :20] = disc
    for row, column in np.ndindex(3, 3):
        many[20 * row : 20 * row + 20, 20 * column : 20 * column + 20] = disc
    assert uncertainty(many) == pytest.approx(uncertainty(few), rel=0.01)
