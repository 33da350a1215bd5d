"""Regions of whole slides, where OpenSlide is at hand: `make test-label`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.label_server import read_section

pytest.importorskip("openslide", reason="OpenSlide comes with the environment of MONAI Label's server")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a slide as Aperio's scanners do: tiles, two levels, micrometres a pixel."""
    rows, columns = np.mgrid[:512, :768]
    pixels = np.stack([rows / 2, columns / 3, np.full(rows.shape, 200)], axis=-1).astype(np.uint8)
    file = tmp_path_factory.mktemp("slide") / "a.svs"
    with tifffile.TiffWriter(file) as out:
        for level in (pixels, pixels[::4, ::4]):
            height, width, _ = level.shape
            out.write(
                np.ascontiguousarray(level), tile=(256, 256), photometric="rgb", metadata=None,
                description=f"Aperio Image Library v1\n{width}x{height}|AppMag = 20|MPP = 0.5",
            )  # fmt: skip
    return file


def test_a_region_has_the_slides_colours_names_and_pixel_size(slide: Path) -> None:
    section = read_section(slide, location=[300, 200], size=[100, 50])
    assert section.pixels.shape == (3, 50, 100) and section.channel_names == ("R", "G", "B")
    assert (section.pixel_size_um, section.origin, section.step) == (0.5, (300, 200), 1.0)
    assert np.array_equal(section.pixels, tifffile.imread(slide)[200:250, 300:400].transpose(2, 0, 1))


def test_a_level_is_coarser_and_lies_at_the_same_place(slide: Path) -> None:
    section = read_section(slide, location=[256, 128], size=[64, 32], level=1)
    assert section.pixels.shape == (3, 32, 64)
    assert (section.pixel_size_um, section.origin, section.step) == (2.0, (256, 128), 4.0)
    assert np.array_equal(section.pixels[0, 0], tifffile.imread(slide)[128, 256:512:4, 0])


def test_a_region_beyond_the_slide_is_cut(slide: Path) -> None:
    assert read_section(slide, location=[700, 500], size=[500, 500]).pixels.shape == (3, 12, 68)


@pytest.mark.parametrize(
    ("location", "level", "said"), [([900, 0], 0, "lies outside a.svs"), ([0, 0], 2, "the levels 0 to 1")]
)
def test_what_the_slide_has_not_is_refused(slide: Path, location: list[int], level: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_section(slide, location=location, size=[9, 9], level=level)


def test_a_damaged_slide_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "b.svs"
    file.write_bytes(b"II*\0 no slide")
    with pytest.raises(ValueError, match=r"b\.svs cannot be read as a slide"):
        read_section(file)
