"""Pages that a file does not name: channels where they are few or the choice says so, else no one knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.readers import choose_from, probe, read_image

SIZE = (24, 32)


def pages(count: int) -> np.ndarray:
    return (np.arange(count * SIZE[0] * SIZE[1]) % 251).astype(np.uint8).reshape(count, *SIZE)


def stacked(path: Path, image: np.ndarray, **options: object) -> None:
    tifffile.imwrite(path, image, photometric="minisblack", **options)


def one_by_one(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in image:
            writer.write(plane)


def bare(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in image:
            writer.write(plane, metadata=None)


def by_pillow(path: Path, image: np.ndarray) -> None:
    first, *others = map(Image.fromarray, image)
    first.save(path, save_all=True, append_images=others)


def with_page_names(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(image):
            writer.write(plane, metadata=None, extratags=[(285, "s", 0, f"marker {number}", True)])


Writer = Callable[[Path, np.ndarray], None]
UNNAMED = [stacked, one_by_one, bare, by_pillow]
every_writer = pytest.mark.parametrize("write", UNNAMED, ids=lambda write: write.__name__)


@every_writer
def test_the_first_of_five_unnamed_pages_is_refused(tmp_path: Path, write: Writer) -> None:
    write(tmp_path / "x.tif", pages(5))
    said = "x.tif has 5 pages and does not say whether they are channels, depths or times: .*dataset.json"
    with pytest.raises(ValueError, match=said):
        read_image(tmp_path / "x.tif", channels=0)
    with pytest.raises(ValueError, match=said):  # by the header alone
        choose_from(probe(tmp_path / "x.tif"), "0", path="x.tif")


@every_writer
@pytest.mark.parametrize(
    ("channels", "numbers"), [(None, range(5)), (3, [3]), ("0,1", [0, 1]), ([0, 4], [0, 4])]
)
def test_any_other_choice_says_that_they_are_channels(
    tmp_path: Path, write: Writer, channels: object, numbers: list[int]
) -> None:
    write(tmp_path / "x.tif", pages(5))
    assert (read_image(tmp_path / "x.tif", channels=channels).pixels == pages(5)[list(numbers)]).all()


@every_writer
def test_names_of_a_data_list_say_it_too(tmp_path: Path, write: Writer) -> None:
    write(tmp_path / "x.tif", pages(5))
    for choice in (0, "DAPI"):
        read = read_image(tmp_path / "x.tif", channels=choice, channel_names=("DAPI", "b", "c", "d", "e"))
        assert (read.pixels[0] == pages(5)[0]).all()


@every_writer
@pytest.mark.parametrize("count", [2, 4])
def test_a_few_are_channels_and_it_is_said_once(
    tmp_path: Path, write: Writer, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("x.tif", "y.tif"):
        write(tmp_path / name, pages(count))
        assert (read_image(tmp_path / name, channels=0).pixels == pages(count)[:1]).all()
    assert (
        caplog.text.count(f"has {count} pages and does not say what they are: they are taken for channels")
        == 1
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda path, image: stacked(path, image, metadata={"axes": "CYX"}),
        lambda path, image: stacked(path, image, imagej=True, metadata={"axes": "CYX"}),
        lambda path, image: stacked(path, image, ome=True, metadata={"axes": "CYX"}),
        lambda path, image: stacked(path, image, metadata={"Channel": {"Name": list("abcde")}}),
        lambda path, image: tifffile.imwrite(path, image.transpose(1, 2, 0)),
        with_page_names,
    ],
    ids=["shaped", "imagej", "ome", "named", "channel last", "page names"],
)
def test_channels_that_are_said_to_be_some_are_read(
    tmp_path: Path, write: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "x.tif", pages(5))
    assert (read_image(tmp_path / "x.tif", channels=0).pixels[0] == pages(5)[0]).all()
    assert not caplog.text
