"""An image that the memory cannot hold is known by its header, with what to do."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import check_dataset, item_fault
from common.readers import image_memory, probe
from common.readers.image_memory import fitting_pixels, memory_fault, memory_needed

GIGABYTE = 10**9
EDGE, TILE = 40_000, 4_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A picture of 1.6 gigapixels in a small file."""
    path, tile = tmp_path / "slide.tif", zlib.compress(bytes(TILE * TILE))
    tiles = (tile for _ in range((EDGE // TILE) ** 2))
    tifffile.imwrite(
        path, tiles, shape=(EDGE, EDGE), dtype=np.uint8, tile=(TILE, TILE), compression="zlib", metadata=None
    )
    return path


@pytest.fixture
def memory_is(monkeypatch: pytest.MonkeyPatch):
    return lambda amount: monkeypatch.setattr(image_memory, "available_memory", lambda: amount)


def test_a_whole_slide_is_refused_by_its_header(large: Path, memory_is) -> None:
    memory_is(16 * GIGABYTE)
    start = time.process_time()
    fault = item_fault({"image": str(large)})
    assert time.process_time() - start < 2  # 0.01 s: no pixel is read
    assert fault is not None and fault.startswith(f"{large} is 40,000 x 40,000 pixels: ")
    for said in (
        "GB of memory, and 16.0 GB are available",
        "cut it into parts",
        "lower level",
        "--scale does not",
    ):
        assert said in fault
    with pytest.raises(ValueError, match="slide.tif is 40,000 x 40,000 pixels"):
        check_dataset([{"image": str(large)}])


def test_where_it_fits_or_nobody_knows_it_passes(large: Path, memory_is) -> None:
    header = probe(large)
    needed = memory_needed(header, channels=1)
    for amount, fits in ((needed, True), (None, True), (needed - 1, False)):
        memory_is(amount)
        assert (memory_fault(large, header, channels=1) is None) == fits


def test_the_need_grows_with_pixels_and_channels(large: Path) -> None:
    header = probe(large)
    one, three = (memory_needed(header, channels=count) for count in (1, 3))
    assert three > one > 4 * EDGE * EDGE  # more than the 32-bit copy alone


def test_what_does_not_fit_is_cut_down_to_what_is_there(memory_is) -> None:
    for amount in (GIGABYTE, 8 * GIGABYTE):
        memory_is(amount)
        fitting = fitting_pixels(EDGE * EDGE, channels=1)
        assert amount / 100 < fitting <= amount / 72
        assert fitting_pixels(fitting, channels=1) == fitting
        assert fitting_pixels(EDGE * EDGE, channels=3) < fitting
    for pixels in (1000, EDGE * EDGE):
        memory_is(None)
        assert fitting_pixels(pixels, channels=1) == pixels
    memory_is(0)
    assert fitting_pixels(1000, channels=1) == 1000, "the system is not asked about a little"
