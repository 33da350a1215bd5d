"""How far nuclei reach: of discs their radius, of bars half their length, whatever way they lie."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists.nucleus_reach import nucleus_reaches, reaches_of_list
from common.geometry import ModelScale


@pytest.fixture
def label_map() -> np.ndarray:
    """A disc of radius 9, a bar of 21 x 1 pixels that touches it, and a single pixel; labels with gaps."""
    rows, columns = np.mgrid[:40, :50]
    labels = np.where(np.hypot(rows - 12, columns - 15) <= 9, 7, 0)
    labels[22, 5:26] = 2
    labels[39, 49] = 40
    return labels


def test_discs_and_bars(label_map: np.ndarray) -> None:
    assert nucleus_reaches(label_map).tolist() == [10.0, 9.0, 0.0]


def test_they_may_lie_anyhow(label_map: np.ndarray) -> None:
    expected = nucleus_reaches(label_map)
    for other in (np.rot90(label_map), label_map.T, label_map[::-1].astype(np.uint16)):
        np.testing.assert_allclose(nucleus_reaches(other), expected, atol=1e-9)


def test_it_agrees_with_one_nucleus_after_another() -> None:
    labels = np.random.default_rng(0).integers(0, 6, (20, 30))
    expected = []
    for label in range(1, 6):
        pixels = np.argwhere(labels == label)
        expected.append(np.linalg.norm(pixels - pixels.mean(axis=0), axis=1).max())
    np.testing.assert_allclose(nucleus_reaches(labels), expected)


def test_no_nucleus_has_no_reach() -> None:
    assert nucleus_reaches(np.zeros((4, 4), dtype=int)).shape == (0,)


def test_lists_are_measured_in_the_networks_pixels(label_map: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "labels.tif"
    tifffile.imwrite(file, label_map.astype(np.uint16))
    item = {"image": str(tmp_path / "image.png"), "label": str(file)}
    plain, doubled = (reaches_of_list([item, item], ModelScale(scale=scale)) for scale in (1.0, 2.0))
    assert [found.tolist() for found in plain] == [[10.0, 9.0, 0.0]] * 2
    assert [found.tolist() for found in doubled] == [[20.0, 18.0, 0.0]] * 2
    known = reaches_of_list([item | {"pixel_size_um": 0.25}], ModelScale(pixel_size_um=0.5))
    assert known[0].tolist() == [5.0, 4.5, 0.0]
