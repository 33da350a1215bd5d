"""What the figures of the papers are made of: hardest pixels, the oracle's steps, crowded places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from common.figures.resnet18_unet import hardest_pixels, mined_fraction, oracle_steps
from common.figures.subject import crowded_windows, middle, spoilt_truth
from common.losses import HardExamplesLoss, InstanceMapsLoss, hard_example_bce
from common.losses.hard_examples import FRACTION
from common.metrics import propagate_labels, score_image

RNG = np.random.default_rng(0)


def squares(shape: tuple[int, int], corners: list[tuple[int, int]], side: int = 8) -> np.ndarray:
    labels = np.zeros(shape, dtype=np.int32)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + side, column : column + side] = number
    return labels


@pytest.mark.parametrize("fraction", [FRACTION, 0.3, 1e-9, 1.0])
def test_the_marked_pixels_are_those_that_the_loss_averages(fraction: float) -> None:
    logits = torch.from_numpy(RNG.normal(size=(1, 1, 30, 40)).astype(np.float32))
    target = (torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    each = binary_cross_entropy_with_logits(logits, target, reduction="none")[0, 0]
    marked = hardest_pixels(each, fraction)
    expected = hard_example_bce(logits, target, fraction=fraction)
    assert np.isclose(each.numpy()[marked].mean(), float(expected))
    assert marked.all() or each.numpy()[~marked].max() <= each.numpy()[marked].min()


@pytest.mark.parametrize("kind", [HardExamplesLoss, InstanceMapsLoss])
@pytest.mark.parametrize("given", [True, False])
def test_the_fraction_is_what_the_loss_takes_from_its_settings(kind: type, given: bool) -> None:
    single = kind is HardExamplesLoss
    settings = {} if single else {"channels": {"foreground": 0}, "alpha": 0, "beta": 0, "bce_weight": 1}
    settings |= {"dice_weight": 0} if single else {}
    settings |= {"fraction" if single else "hard_fraction": 0.25} if given else {}
    logits = torch.from_numpy(RNG.normal(size=(1, 1, 20, 20)).astype(np.float32))
    target = (logits > 1).float()
    expected = hard_example_bce(logits, target, fraction=mined_fraction(settings))
    assert torch.isclose(kind(**settings)(logits, target), expected)


def test_of_equal_pixels_no_more_are_marked() -> None:
    assert hardest_pixels(torch.ones(10, 10), 0.25).sum() == 25


def test_the_steps_end_at_the_oracle() -> None:
    truth = squares((40, 40), [(2, 2), (2, 10), (20, 20), (28, 20)])
    found = np.roll(truth > 0, 2, axis=1).astype(np.int32)
    found[35:, :5] = 1  # far from every nucleus
    steps = oracle_steps(truth, found)
    assert list(steps) == ["mask1", "mask2", "result"]
    assert np.array_equal(steps["result"], propagate_labels(truth, found))
    assert np.array_equal(steps["result"] > 0, found > 0), "the prediction's foreground, all of it"
    assert (steps["mask2"] > 0).all(), "labels everywhere"
    inside = steps["mask1"] > 0
    assert np.array_equal(inside, (truth > 0) & (found > 0))
    assert np.array_equal(steps["mask2"][inside], truth[inside])


def test_a_mask_beside_all_nuclei_has_no_labels() -> None:
    truth = squares((20, 20), [(1, 1)])
    steps = oracle_steps(truth, (truth == 0).astype(np.int32))
    assert not any(labels.any() for labels in steps.values())


def test_crowded_windows_hold_the_gaps_and_do_not_overlap() -> None:
    corners = [(4, 4), (4, 13), (60, 80), (60, 89), (69, 80), (69, 89), (40, 10)]
    labels = squares((90, 110), corners)
    windows = crowded_windows(labels, 32, count=2)
    seen = np.zeros(labels.shape, dtype=int)
    for window in windows:
        assert labels[window].shape == (32, 32)
        seen[window] += 1
    assert seen.max() == 1
    most, less = (set(np.unique(labels[window])) for window in windows)
    assert {3, 4, 5, 6} <= most and {1, 2} <= less


def test_small_images_have_one_window_and_none_has_too_many() -> None:
    labels = squares((20, 50), [(2, 2)])
    assert crowded_windows(labels, 64, count=2) == [(slice(0, 20), slice(0, 50))]
    assert len(crowded_windows(labels, 20, count=9)) == 2
    assert len(crowded_windows(np.zeros((64, 64), int), 16, count=2)) == 2, "without a nucleus, too"


def test_the_middle_is_as_far_from_all_sides() -> None:
    rows, columns = middle((50, 20), 30)
    assert (rows.start, 50 - rows.stop) == (10, 10) and (columns.start, columns.stop) == (0, 20)


def test_a_spoilt_truth_is_worse_where_nuclei_touch_and_nowhere_else() -> None:
    image = np.zeros((3, 40, 40), np.float32)
    apart, touching = squares((40, 40), [(2, 2), (25, 25)]), squares((40, 40), [(2, 2), (2, 10)])
    scores = [score_image(labels, spoilt_truth(image, labels).label_map) for labels in (apart, touching)]
    assert scores[0].values["f1_50"] == 1.0 > scores[1].values["f1_50"]
    found = spoilt_truth(image, touching)
    assert np.allclose(torch.sigmoid(found.maps[0]).numpy(), found.foreground, atol=2e-3)
    assert np.array_equal(found.targets[0].numpy(), touching > 0)
