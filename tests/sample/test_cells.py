"""Cells of the embedded sample: nuclei within them, touching cells, and what each channel shows."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label

from common import sample


@pytest.fixture(scope="module", params=[0, 1, 2])
def drawn(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sample.make_cells((256, 224), seed=request.param)


def test_a_nucleus_lies_in_the_cell_of_its_number(drawn: tuple[np.ndarray, ...]) -> None:
    _, nuclei, cells = drawn
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    for each in (nuclei, cells):
        assert np.array_equal(np.unique(each), np.arange(each.max() + 1))
        assert label(each, connectivity=1, background=0).max() == each.max(), "each is in one piece"
    areas = [np.bincount(each.ravel(), minlength=cells.max() + 1) for each in (nuclei, cells)]
    share = (areas[0] / areas[1])[1 : nuclei.max() + 1]
    assert 0.2 < np.median(share) < 0.7


def test_cells_touch_and_of_some_the_nucleus_is_out_of_the_plane() -> None:
    many = [sample.make_cells((256, 256), seed=seed) for seed in range(6)]
    nuclei, cells = (sum(int(each[place].max()) for each in many) for place in (1, 2))
    assert 0.03 < 1 - nuclei / cells < 0.2
    groups = sum(int(label(each[2] > 0).max()) for each in many)
    assert groups < 0.6 * cells


def test_each_channel_is_brightest_where_it_is_named_after() -> None:
    for seed in range(4):
        image, nuclei, cells = sample.make_cells(seed=seed)
        places = np.select([nuclei > 0, cells > 0], ["nucleus", "cytoplasm"], "outside")
        edge = np.zeros(cells.shape, bool)
        edge[:, 1:] |= cells[:, 1:] != cells[:, :-1]
        edge[:, :-1] |= cells[:, 1:] != cells[:, :-1]
        places[edge & (cells > 0)] = "membrane"
        for channel, best in enumerate(("nucleus", "membrane", "cytoplasm")):
            means = {place: image[channel][places == place].mean() for place in np.unique(places)}
            means.pop("membrane" if best == "cytoplasm" else "", None)  # where two cells' cytoplasm blurs
            assert max(means, key=lambda place: means[place]) == best, (channel, means)


def test_two_channels_are_nuclei_and_membranes() -> None:
    image, *_ = sample.make_cells((64, 64), seed=0, channels=2, dtype=np.uint8)
    assert image.shape == (2, 64, 64) and image.dtype == np.uint8
    assert sample.channel_names("cells", 2) == ["DAPI", "membrane"]
