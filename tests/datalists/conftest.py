"""Small data sets on disk, with whatever is known of their images."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

Entries = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set with `dataset.json`; each list is given as stems and what is known of them."""

    def make(
        name: str, *, size: tuple[int, int] = (8, 9), channels: list[str] | None = None, **lists: Entries
    ) -> Path:
        folder = tmp_path / name
        for kind in ("images", "labels"):
            (folder / kind).mkdir(parents=True)
        content: dict[str, Any] = {"name": name, "channels": channels}
        for split, entries in lists.items():
            content[split] = []
            for stem, known in entries.items():
                Image.fromarray(np.ones(size, np.uint8)).save(folder / f"images/{stem}.png")
                tifffile.imwrite(folder / f"labels/{stem}.tif", np.ones(size, np.uint8))
                content[split].append({"image": f"images/{stem}.png", "label": f"labels/{stem}.tif", **known})
        (folder / "dataset.json").write_text(json.dumps(content))
        return folder

    return make
