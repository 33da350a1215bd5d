"""TIFF files of which a part would be read, or other colours than they hold, are refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.readers import BadFileError, probe, read_image

HEIGHT, WIDTH = 24, 40
PLANES = np.arange(2 * HEIGHT * WIDTH, dtype=np.uint16).reshape(2, HEIGHT, WIDTH)
NAMES = ("part_C0.ome.tif", "part_C1.ome.tif")


def refused(path: Path, said: str, **options: object) -> None:
    for read in (probe, lambda file: read_image(file, **options)):
        with pytest.raises(BadFileError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value)


def write_parts(folder: Path) -> list[Path]:
    """Write an image of two channels as two files, whose XML names both."""
    ids = [f"urn:uuid:{letter * 8}-0000-0000-0000-000000000000" for letter in "ab"]
    planes = "".join(
        f'<TiffData IFD="0" FirstC="{number}" PlaneCount="1"><UUID FileName="{name}">{own}</UUID></TiffData>'
        for number, (name, own) in enumerate(zip(NAMES, ids, strict=True))
    )
    for name, own, plane in zip(NAMES, ids, PLANES, strict=True):
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/'
            f'2016-06" UUID="{own}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            f'Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeZ="1" SizeC="2" SizeT="1">'
            f'<Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1" Name="CD3"/>{planes}</Pixels>'
            f"</Image></OME>"
        )
        tifffile.imwrite(folder / name, plane, description=xml, metadata=None, photometric="minisblack")
    return [folder / name for name in NAMES]


@pytest.mark.parametrize("number", [0, 1])
def test_an_image_of_several_files_is_read_from_any_and_refused_where_one_is_missing(
    tmp_path: Path, number: int
) -> None:
    parts = write_parts(tmp_path)
    image = read_image(parts[number])
    assert (image.pixels == PLANES).all() and image.channel_names == ("DAPI", "CD3")
    assert (read_image(parts[number], channels="CD3").pixels == PLANES[1:]).all()

    parts[1 - number].unlink()
    said = "is one of several files of one image, of which some are missing: copy all of them into its folder"
    refused(parts[number], said, channels="DAPI")
    (tmp_path / "other").mkdir()
    shutil.copy(parts[number], tmp_path / "other" / "renamed.ome.tif")
    refused(tmp_path / "other" / "renamed.ome.tif", said)


def test_a_file_that_has_fewer_planes_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    tifffile.imwrite(path, PLANES, metadata={"axes": "CYX"}, photometric="minisblack")
    xml = tifffile.tiffcomment(path).replace('SizeC="2"', 'SizeC="3"')
    tifffile.tiffcomment(path, xml.encode())
    refused(path, "x.ome.tif lacks 1 of the 3 planes that it says it has: export it again")


def write_images(path: Path, *images: np.ndarray) -> None:
    with tifffile.TiffWriter(path, ome=True) as writer:
        for image in images:
            axes = {"axes": "CYX"[-image.ndim :]}
            writer.write(image, metadata=axes, photometric="minisblack")


@pytest.mark.parametrize("image", [PLANES, PLANES[0]])
def test_several_images_of_one_size_in_a_file_are_refused(tmp_path: Path, image: np.ndarray) -> None:
    write_images(tmp_path / "x.ome.tif", image, image + 1, image + 2)
    refused(tmp_path / "x.ome.tif", "x.ome.tif holds 3 images of one size .*: export each as a file")


def test_a_smaller_second_image_is_a_thumbnail(tmp_path: Path) -> None:
    write_images(tmp_path / "x.ome.tif", PLANES, PLANES[:, ::4, ::4])
    assert (read_image(tmp_path / "x.ome.tif").pixels == PLANES).all()


def lab(path: Path, colours: np.ndarray) -> None:
    Image.fromarray(colours).convert("LAB").save(path)


def cmyk(path: Path, colours: np.ndarray) -> None:
    Image.fromarray(colours).convert("CMYK").save(path)


@pytest.mark.parametrize(("write", "name"), [(cmyk, "SEPARATED"), (lab, "CIELAB")])
def test_colours_that_are_not_red_green_and_blue_are_refused(
    tmp_path: Path, write: Callable[[Path, np.ndarray], None], name: str
) -> None:
    colours = np.full((HEIGHT, WIDTH, 3), (220, 180, 210), np.uint8)
    write(tmp_path / "x.tif", colours)
    refused(tmp_path / "x.tif", f"x.tif has its colours as {name}: save it as RGB$", channels=0)


def test_white_is_the_largest_number_in_a_picture_of_two_shades(tmp_path: Path) -> None:
    image = PLANES[0] % 3 == 0
    tifffile.imwrite(tmp_path / "x.tif", image, photometric="miniswhite")
    assert (read_image(tmp_path / "x.tif").pixels[0] == ~image).all()


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_numbers_that_have_no_white_stay_as_stored(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "x.tif", PLANES[0].astype(dtype), photometric="miniswhite")
    assert (read_image(tmp_path / "x.tif").pixels[0] == PLANES[0]).all()


def test_the_last_of_four_planes_is_a_channel_though_tifffile_tags_it_as_alpha(tmp_path: Path) -> None:
    image = np.arange(4 * HEIGHT * WIDTH).reshape(4, HEIGHT, WIDTH).astype(np.uint8)
    # What `tifffile.imwrite(path, image)` does of itself with four channels of anything.
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "planes.tif", image, **options)
    assert (read_image(tmp_path / "planes.tif").pixels == image).all()
    options["planarconfig"] = "contig"
    tifffile.imwrite(tmp_path / "pixels.tif", image.transpose(1, 2, 0), **options)
    assert (read_image(tmp_path / "pixels.tif").pixels == image[:3]).all()
