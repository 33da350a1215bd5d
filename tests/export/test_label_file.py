"""Label maps on disk: the same numbers come back, in the smallest type that holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.export import write_label_map

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(13, 29), (29, 3), (3, 29), (1, 1), (4, 4)])
def test_what_is_written_is_read(tmp_path: Path, dtype: type, shape: tuple[int, int]) -> None:
    label_map = RNG.integers(0, 120, shape).astype(dtype)
    path = write_label_map(tmp_path / "a.tif", label_map)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        read = file.asarray()
    assert read.dtype == np.uint16 and np.array_equal(read, label_map)


@pytest.mark.parametrize(
    ("highest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32), (2**32 - 1, np.uint32)]
)
def test_ids_beyond_16_bits_are_kept(tmp_path: Path, highest: int, dtype: type) -> None:
    read = tifffile.imread(write_label_map(tmp_path / "a.tif", np.array([[0, highest]], dtype=np.int64)))
    assert read.dtype == dtype and read.tolist() == [[0, highest]]


def test_an_image_without_nuclei(tmp_path: Path) -> None:
    assert not tifffile.imread(write_label_map(tmp_path / "a.tif", np.zeros((5, 7), dtype=int))).any()


def test_the_pixel_size_is_noted(tmp_path: Path) -> None:
    path = write_label_map(tmp_path / "a.tif", np.ones((5, 7), dtype=int), pixel_size_um=0.25)
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        count, per = tags["XResolution"].value
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
    assert 1e4 * per / count == pytest.approx(0.25)


@pytest.mark.parametrize("highest", [-1, 2**32])
def test_ids_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path, highest: int) -> None:
    with pytest.raises(ValueError, match=f"label {highest} does not fit"):
        write_label_map(tmp_path / "a.tif", np.array([[0, highest]], dtype=np.int64))
    assert not any(tmp_path.iterdir())


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name it .tif"):
        write_label_map(tmp_path / "a.png", np.zeros((2, 2), dtype=int))
