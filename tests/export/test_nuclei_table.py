"""Tests of the table of nuclei, against figures counted by hand and against plain NumPy."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from skimage.measure import regionprops_table

from common.export import nuclei_table, read_table, write_table

RNG = np.random.default_rng(0)


def test_every_column_is_what_numpy_says() -> None:
    label_map = np.zeros((40, 50), dtype=np.int32)
    label_map[3:9, 4:20], label_map[3:9, 20:25], label_map[30:33, 1:2] = 5, 2, 9
    image = RNG.integers(0, 60000, (3, 40, 50)).astype(np.uint16)
    table = nuclei_table(label_map, image, channel_names=["DAPI", "CD3", "CD3"], pixel_size_um=0.5)
    assert table["label"].tolist() == [2, 5, 9]
    for row, label in enumerate(table["label"]):
        rows, columns = np.nonzero(label_map == label)
        assert table["area_px"][row] == len(rows)
        assert table["area_um2"][row] == len(rows) / 4
        assert table["centroid_row_px"][row] == pytest.approx(rows.mean())
        assert table["centroid_column_px"][row] == pytest.approx(columns.mean())
        for channel, name in enumerate(("mean_DAPI", "mean_CD3_1", "mean_CD3_2")):
            assert table[name][row] == pytest.approx(image[channel][label_map == label].mean())


def test_an_image_without_nuclei_has_the_same_columns(tmp_path: Path) -> None:
    image = np.ones((2, 5, 6))
    empty = nuclei_table(np.zeros((5, 6), int), image)
    one = nuclei_table(np.eye(5, 6, dtype=int), image)
    assert list(empty) == list(one) and all(len(column) == 0 for column in empty.values())
    assert read_table(write_table(tmp_path / "a.csv", empty)).keys() == empty.keys()


def test_a_file_holds_whole_numbers_whole_and_six_digits(tmp_path: Path) -> None:
    table = {"label": np.array([1, 70000]), "mean_0": np.array([1 / 3, 65535.0])}
    file = write_table(tmp_path / "a.csv", table)
    assert file.read_text() == "label,mean_0\n1,0.333333\n70000,65535\n"
    assert read_table(file)["label"].tolist() == [1, 70000]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one name a channel"):
        nuclei_table(np.zeros((5, 6), int), np.ones((2, 5, 6)), channel_names=["DAPI"])
    with pytest.raises(ValueError, match="of the label map's size"):
        nuclei_table(np.zeros((5, 6), int), np.ones((1, 6, 5)))


@pytest.mark.parametrize("seed", range(4))
def test_tables_are_those_of_scikit_image_however_many_rows_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    height, width = draw.integers(1, 40, 2)
    label_map = np.kron(draw.choice([0, 1, 4, 70_000], (height, width)), np.ones((3, 2), np.int32))
    image = draw.integers(0, 60_000, (2, 3 * height, 2 * width)).astype(np.uint16)
    wanted = regionprops_table(
        label_map, np.moveaxis(image, 0, -1), properties=("label", "area", "centroid", "intensity_mean")
    )
    for pixels in (1, 100, 2**21):
        monkeypatch.setattr(import_module("common.export.nuclei_table"), "_PIXELS_AT_ONCE", pixels)
        for found, expected in zip(nuclei_table(label_map, image).values(), wanted.values(), strict=True):
            assert np.array_equal(found, expected)


def test_a_mean_of_what_is_not_finite_is_not_finite() -> None:
    label_map = np.array([[1, 1, 2, 2, 3, 3]])
    image = np.array([[[np.nan, 1, np.inf, -np.inf, 2, 4]]])
    assert np.array_equal(nuclei_table(label_map, image)["mean_0"], [np.nan, np.nan, 3], equal_nan=True)
