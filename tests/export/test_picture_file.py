"""Pictures on disk: the same pixels come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.export import write_picture


def test_what_is_written_is_read(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (11, 23, 3)).astype(np.uint8)
    with Image.open(write_picture(tmp_path / "new" / "a.png", picture)) as file:
        assert np.array_equal(np.asarray(file), picture)


def test_few_colours_are_fewer_bytes_and_look_the_same(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 20, (150, 200, 3))
    picture = (np.linspace(0, 230, 200)[:, None] + noise).astype(np.uint8)
    whole = write_picture(tmp_path / "whole.png", picture)
    small = write_picture(tmp_path / "small.png", picture, colours=128)
    assert small.stat().st_size < whole.stat().st_size
    with Image.open(small) as file:
        shown = np.asarray(file.convert("RGB")).astype(int)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 128
    assert np.abs(shown - picture).mean() < 10


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name it .png"):
        write_picture(tmp_path / "a.jpg", np.zeros((2, 2, 3), dtype=np.uint8))
