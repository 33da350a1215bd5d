"""Pictures drawn with matplotlib appear whole, and show what they were given."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from common.figures import CurvedLines, write_curvature_picture, write_map_picture

IMAGE = np.random.default_rng(0).random((2, 40, 60))


def colours(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_positive_is_red_and_negative_is_blue(tmp_path: Path) -> None:
    def balance(values: float) -> int:
        maps = {"a": np.full((40, 60), values)}
        file = write_map_picture(tmp_path / "m.png", IMAGE, maps, title="t", value_name="v", columns=2)
        pixels = colours(file)
        return int((pixels[..., 0] - pixels[..., 2]).sum())

    assert balance(1.0) > 10_000
    assert balance(-1.0) < -10_000


@pytest.mark.parametrize("n", [0, 1, 6])
def test_any_number_of_maps(tmp_path: Path, n: int) -> None:
    maps = {f"map {i}": np.zeros((40, 60)) for i in range(n)}
    assert write_map_picture(tmp_path / "m.png", IMAGE, maps, title="t", value_name="v").is_file()


def test_notches_are_blue_and_bulges_red(tmp_path: Path) -> None:
    def saturated(curvature: float) -> int:
        row = np.arange(30.0)
        starts = np.stack([row, row], axis=1)
        lines = CurvedLines("a", starts, starts + 1, np.full(30, curvature), np.full(5, 0.2))
        file = tmp_path / "c.png"
        write_curvature_picture(file, IMAGE, lines, lines, np.linspace(-1, 1, 5), title="t")
        pixels = colours(file)
        return int((pixels[..., 0] - pixels[..., 2]).clip(-100, 100).sum())

    assert saturated(0.5) > saturated(0.0) > saturated(-0.5)


@pytest.mark.parametrize(
    "title", ["prediction of model.pt", f"prediction of {'a' * 70}.pt", "of many words " * 8]
)
def test_a_title_stays_above_its_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (figures.append(figure), save(figure, *a, **k))
    )
    lines = CurvedLines(title, np.zeros((1, 2)), np.ones((1, 2)), np.zeros(1), np.full(5, 0.2))
    image = np.zeros((1, 100, 100))
    write_curvature_picture(tmp_path / "c.png", image, lines, lines, np.linspace(-1, 1, 5), title="t")
    (figure,) = figures
    left, middle, *others = figure.axes
    boxes = [axis.title.get_window_extent() for axis in (left, middle)]
    assert boxes[0].x1 < boxes[1].x0
    assert all(boxes[1].x1 < axis.get_tightbbox().x0 for axis in others)
    assert min(box.x0 for box in boxes) >= 0 and max(box.y1 for box in boxes) <= figure.bbox.y1


def test_no_contour_at_all_is_drawn_too(tmp_path: Path) -> None:
    nothing = CurvedLines("none", np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.full(5, 0.2))
    file = write_curvature_picture(
        tmp_path / "c.png", IMAGE, nothing, nothing, np.linspace(-1, 1, 5), title="t"
    )
    assert file.is_file()


def test_a_failure_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_map_picture(tmp_path / "m.png", IMAGE, {}, title="t", value_name="v")
    before = file.read_bytes()

    def full_disk(figure: Figure, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_map_picture(file, IMAGE, {}, title="t", value_name="v")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]
