"""The picture of receptive fields: bright where the gradient is, circles as large as they say."""

from pathlib import Path

import numpy as np
from PIL import Image

from common.figures.receptive_field_picture import FieldPanel, write_receptive_field_picture

DISTANCES, SHARES = np.arange(32.0), np.linspace(0, 1, 32)


def draw(
    path: Path, *, reach: float = 3.0, radius: float = 8.0, layers: int = 0, nucleus: float | None = None
) -> np.ndarray:
    """Draw a bell-shaped field and return the picture's pixels."""
    rows, columns = np.mgrid[:64, :64]
    field = np.exp(-np.hypot(rows - 32, columns - 32) / reach)
    panels = [FieldPanel("centre", field, (32, 32), radius)]
    deeper = [FieldPanel(f"layer {i}", np.full((4, 4), 0.1), (32, 32), radius) for i in range(layers)]
    write_receptive_field_picture(
        path, panels, deeper, {"all": (DISTANCES, SHARES)}, size_px=64, nucleus_px=nucleus, title="t"
    )
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def count(pixels: np.ndarray, *, red: bool) -> int:
    """Count the coloured pixels of the left panel: orange, or blue."""
    left = pixels[:, : pixels.shape[1] // 2]
    warmth = left[..., 0] - left[..., 2]
    return int((warmth > 120).sum() if red else (warmth < -120).sum())


def test_a_wide_field_is_brighter_than_a_narrow_one(tmp_path: Path) -> None:
    narrow, wide = (draw(tmp_path / f"{reach}.png", reach=reach) for reach in (2.0, 8.0))
    assert narrow.shape == wide.shape
    assert wide.sum() > 1.02 * narrow.sum()


def test_circles_grow_with_what_they_show(tmp_path: Path) -> None:
    small, large = (draw(tmp_path / f"{radius}.png", radius=radius) for radius in (8.0, 16.0))
    assert 1.5 * count(small, red=True) < count(large, red=True)
    assert count(small, red=False) == 0, "there is no nucleus"
    near, far = (draw(tmp_path / f"n{radius}.png", nucleus=radius) for radius in (10.0, 20.0))
    assert 0 < 1.5 * count(near, red=False) < count(far, red=False)


def test_layers_are_a_second_row(tmp_path: Path) -> None:
    alone, both = draw(tmp_path / "1.png"), draw(tmp_path / "2.png", layers=2)
    assert both.shape[0] > 1.5 * alone.shape[0] and both.shape[1] == alone.shape[1]
    assert count(both, red=True) > count(alone, red=True), "each layer has its circle"
