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


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name it .png"):
        write_picture(tmp_path / "a.jpg", np.zeros((2, 2, 3), dtype=np.uint8))
