"""Tests of the overlays of validation images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.engine.tracking import Pictures


class Drawn:
    """Draws nothing and keeps what it was asked to draw."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def __call__(self, image, prediction, truth):
        self.asked.append((image, prediction, truth))
        return np.zeros((*prediction.shape, 3), np.uint8)


def test_the_first_images_with_their_own_label_maps(workshop, tmp_path):
    drawn = Drawn()
    pictures = Pictures(2, draw=drawn)
    workshop.evaluator([pictures]).run()
    files = pictures.save(tmp_path)
    assert [file.name for file in files] == ["1_cells_0.png", "2_cells_1.png"]
    for batch, (image, prediction, truth) in zip(workshop.loader(), drawn.asked, strict=False):
        assert np.array_equal(image, batch["image"][0].numpy())
        assert np.array_equal(truth, batch["label_map"][0, 0].numpy())
        assert prediction.shape == truth.shape and prediction.dtype == np.int32


def test_only_the_last_epoch_is_kept(workshop, tmp_path):
    pictures = Pictures(9)
    evaluator = workshop.evaluator([pictures])
    evaluator.run()
    evaluator.run()
    assert len(pictures.save(tmp_path)) == 3


@pytest.mark.parametrize("side", [5, 8, 24, 100])
def test_a_large_image_is_shown_by_its_middle(workshop, tmp_path, side):
    drawn = Drawn()
    pictures = Pictures(1, draw=drawn, max_side_px=side)
    workshop.evaluator([pictures]).run()
    (file,) = pictures.save(tmp_path)
    ((image, prediction, truth),) = drawn.asked
    shown = min(side, 24)
    assert image.shape == (1, shown, shown) and prediction.shape == truth.shape == (shown, shown)
    with Image.open(file) as picture:
        assert picture.size == (shown, shown)
    whole = next(iter(workshop.loader()))["image"][0].numpy()
    margin = (24 - shown) // 2
    assert np.array_equal(image, whole[:, margin : margin + shown, margin : margin + shown])


def test_what_is_kept_does_not_change_with_the_images(workshop, tmp_path):
    drawn = Drawn()
    pictures = Pictures(1, draw=drawn)
    evaluator = workshop.evaluator([pictures])
    evaluator.run()
    for item in (*evaluator.state.batch, *evaluator.state.output):
        item["image"][:] = 7
    pictures.save(tmp_path)
    assert drawn.asked[0][0].max() < 7


def test_no_pictures_are_no_files(workshop, tmp_path):
    pictures = Pictures(0)
    workshop.evaluator([pictures]).run()
    assert pictures.save(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
