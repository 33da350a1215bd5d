"""Our edges of a mask are scikit-image's, apart from ties that rounding decides there."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import canny

from common.metrics import canny_edges


def by_scikit_image(mask):
    # It draws no edge on the outermost pixels: let the mask continue beyond them.
    return canny(np.pad(mask, 12, mode="edge"), mode="nearest")[12:-12, 12:-12]


def lead(mask, row, column):
    """By how much, relatively, a pixel exceeds the interpolated magnitudes on either side, in float64."""
    kernel = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    smooth = np.pad(mask, 12, mode="edge").astype(float)
    for axis in (0, 1):
        smooth = ndimage.correlate1d(smooth, kernel / kernel.sum(), axis)
    down, right = ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1)
    magnitude = np.hypot(down, right)
    here = (row + 12, column + 12)
    y, x = down[here], right[here]
    axis = (1, 0) if abs(y) > abs(x) else (0, 1)
    diagonal = (1, 1) if y * x >= 0 else ((1, -1) if abs(y) > abs(x) else (-1, 1))
    weight = min(abs(y), abs(x)) / max(abs(y), abs(x))

    def beside(side):
        on_axis = magnitude[here[0] + side * axis[0], here[1] + side * axis[1]]
        on_diagonal = magnitude[here[0] + side * diagonal[0], here[1] + side * diagonal[1]]
        return on_diagonal * weight + on_axis * (1 - weight)

    return 1 - max(beside(1), beside(-1)) / magnitude[here]


def test_agrees_with_scikit_image_apart_from_ties(pairs):
    rng = np.random.default_rng(0)
    masks = [label_map > 0 for pair in pairs for label_map in pair]
    masks += [rng.random((40, 50)) < share for share in (0.02, 0.1, 0.5, 0.9)]
    differing = edges = 0
    for mask in masks:
        ours, theirs = canny_edges(mask), by_scikit_image(mask)
        places = np.argwhere(ours != theirs)
        assert all(abs(lead(mask, *place)) < 1e-3 for place in places)
        assert not (theirs & ~ours).any()  # where pixels tie, we keep both
        differing, edges = differing + len(places), edges + ours.sum()
    assert differing < 0.01 * edges


def test_strips_leave_no_seam():
    rng = np.random.default_rng(1)
    mask = rng.random((200, 90)) < 0.5
    whole = canny_edges(mask)
    # Any window, six pixels in from its own border, sees the same edges.
    for top in (1, 17, 40):
        window = canny_edges(np.ascontiguousarray(mask[top : top + 100]))
        assert np.array_equal(window[6:-6], whole[top : top + 100][6:-6])


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.flipud, np.transpose])
def test_turns_with_the_image(pairs, turn):
    for truth, _ in pairs[:10]:
        assert np.array_equal(
            canny_edges(np.ascontiguousarray(turn(truth > 0))), turn(canny_edges(truth > 0))
        )


def test_a_mask_and_its_complement_have_the_same_edges(pairs):
    for truth, _ in pairs[:10]:
        assert np.array_equal(canny_edges(truth > 0), canny_edges(truth == 0))


def test_constant_and_tiny_masks():
    for shape in ((1, 1), (3, 2), (70, 70)):
        assert not canny_edges(np.zeros(shape, dtype=bool)).any()
        assert not canny_edges(np.ones(shape, dtype=bool)).any()
