"""Sedeen sessions, as Post-NAT-BRCA has them, become the label map that was drawn."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.draw import disk
from skimage.measure import find_contours

from common.conversions import read_dataset
from common.conversions.formats.dataset_image import DatasetImage

Points = Sequence[Sequence[float]]
SHAPE = (40, 60)
REGION = "12_Region 1"


def square(x: float, y: float, size: float) -> Points:
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size]]


def graphic(points: Points, kind: str = "polygon", *, name: str = "Region 7", description: str = "") -> str:
    listed = "".join(f"<point>{x:f},{y:f}</point>" for x, y in points)
    return (
        f'<graphic type="{kind}" name="{name}" description="{description}">'
        f'<pen color="#00ff00ff" width="3" style="Solid"/><font>Arial;12</font>'
        f"<point-list>{listed}</point-list></graphic>"
    )


def session(*graphics: str, size: tuple[int, int] = SHAPE, pixel: str = "0.252000,0.252000") -> str:
    return (
        f'\ufeff<?xml version="1.0"?><session software="PathCore Session Printer" version="0.1.0">'
        f'<image identifier="x.tif"><dimensions>{size[1]},{size[0]}</dimensions>'
        f'<pixel-size units="um">{pixel}</pixel-size><transform><scale>1.000000,1.000000</scale></transform>'
        f"<overlays>{''.join(graphics)}</overlays></image></session>"
    )


def write(folder: Path, *graphics: str, region: str = REGION, content: str | None = None) -> Path:
    (folder / "Sedeen").mkdir(parents=True, exist_ok=True)
    image = np.full((*SHAPE, 3), 200, np.uint8)
    tifffile.imwrite(folder / f"{region}_crop.tif", image, photometric="rgb")
    tifffile.imwrite(folder / f"{region}_mask.tif", image, photometric="rgb")
    text = session(*graphics) if content is None else content
    (folder / "Sedeen" / f"{region}_crop.session.xml").write_text(text, encoding="utf-8")
    return folder


def only_image(folder: Path, **options: str) -> DatasetImage:
    (image,) = read_dataset("postnatbrca", folder, **options)
    return image


def label_map(folder: Path, *graphics: str) -> np.ndarray:
    return only_image(write(folder, *graphics)).label_map


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cells"


def test_outlines_drawn_around_a_label_map_give_it_back(folder: Path) -> None:
    truth = np.zeros(SHAPE, np.uint16)
    discs = [(10, 12, 8), (10, 28, 7.5), (28, 45, 11), (33, 10, 5)]
    graphics = []
    for label, (row, column, radius) in enumerate(discs, start=1):
        truth[disk((row, column), radius)] = label
        (contour,) = find_contours(np.pad(truth == label, 1).astype(float), 0.5)
        kind = ("polygon", "spline", "polyline", "Polygon")[label - 1]  # the contours end where they begin
        graphics.append(graphic(contour[:, ::-1] - 0.5, kind))  # padded by 1, pixel centres at .5
    found = label_map(folder, *graphics)
    assert (found == truth).all() and found.dtype == np.uint16


def test_an_ellipse_fills_its_rectangle_as_an_ellipse_does(folder: Path) -> None:
    found = label_map(folder, graphic([[10, 4], [50, 4], [50, 34], [10, 34]], "ellipse"))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    distance = np.hypot((x - 30) / 20, (y - 19) / 15)
    assert (found[distance < 0.999] == 1).all() and not found[distance > 1].any()


def test_a_small_nucleus_survives_on_a_big_one_and_the_same_one_twice_is_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    big, small = graphic(square(5, 5, 20)), graphic(square(10, 10, 4))
    for order in ((big, small, small), (small, small, big)):
        found = label_map(folder, *order)
        assert found.max() == 2 and sorted(np.bincount(found.ravel())[1:]) == [16, 400 - 16]
    assert "1 outlines hold no pixel of their own" in caplog.text


def test_points_and_other_graphics_are_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = label_map(
        folder,
        graphic(square(5, 5, 4)),
        graphic([[1, 1], [2, 2], [3, 3]], "pointset"),
        graphic([[9, 9]], "point"),
        graphic(square(0, 0, 30), "rectangle"),
        graphic([[0, 0], [9, 9], [20, 3]], "polyline"),
        graphic([[0, 0], [9, 9]], "ruler"),
        graphic(square(0, 0, 9), "text"),
    )
    assert (found > 0).sum() == 16
    assert "4 other graphics and 4 points are no outlines of nuclei" in caplog.text


def test_points_alone_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"Region 1_crop.session.xml marks 3 nuclei by points and outlines"):
        label_map(folder, graphic([[1, 1], [2, 2], [3, 3]], "pointset", description="TIL-S"))
    write(folder, graphic(square(5, 5, 4), description="TIL-S"))  # not excused by the image before
    write(folder, graphic([[1, 1]], "point", description="TIL-S"), region="12_Region 2")
    with pytest.raises(ValueError, match=r"Region 2_crop.session.xml marks 1 nuclei by points and outlines"):
        list(read_dataset("postnatbrca", folder))


def test_a_session_without_graphics_is_background(folder: Path) -> None:
    assert not label_map(folder).any()


def test_classes_slide_and_pixel_size(folder: Path) -> None:
    graphics = [
        graphic(square(5, 5, 4), description="TIL-S"),
        graphic(square(15, 5, 4)),
        graphic(square(25, 5, 4), name="DCIS 1"),
    ]
    image = only_image(write(folder, *graphics))
    assert image.classes == {1: "TIL-S", 3: "DCIS 1"}
    assert image.extras == {"slide": "12", "pixel_size_um": 0.252} and image.stem == f"{REGION}_crop"
    chosen = only_image(folder, only="DCIS 1")
    assert (chosen.label_map > 0).sum() == 16 and chosen.classes == {1: "DCIS 1"}
    with pytest.raises(ValueError, match="no nuclei of class 'TILS': did you mean TIL-S"):
        only_image(folder, only="TILS")


@pytest.mark.parametrize("pixel", ["1.000000,1.000000", "x", "", "nan,nan"])
def test_a_pixel_size_that_no_scan_has_is_not_believed(folder: Path, pixel: str) -> None:
    write(folder, content=session(graphic(square(5, 5, 4)), pixel=pixel))
    assert only_image(folder).extras == {"slide": "12"}


def test_what_lies_outside_is_cut_off(folder: Path) -> None:
    found = label_map(folder, graphic(square(-3, -3, 8)), graphic(square(500, 500, 8)))
    assert (found[:5, :5] == 1).all() and (found > 0).sum() == 25
    with pytest.raises(
        ValueError, match=r"all 1 outlines lie outside 12_Region 1_crop.tif \(60 x 40 pixels\)"
    ):
        label_map(folder, graphic(square(500, 500, 8)))


@pytest.mark.parametrize("kind", ["folder", "zip", "key", "plain", "both"])
def test_folders_archives_and_names(folder: Path, kind: str) -> None:
    write(folder, graphic(square(5, 5, 4)))
    made = folder / "Sedeen" / f"{REGION}_crop.session.xml"
    source = folder
    if kind == "zip":
        source = Path(shutil.make_archive(str(folder.parent / "x"), "zip", folder))
    if kind == "key":
        shutil.move(made, folder / f"{REGION}_key.xml")
    if kind == "plain":
        shutil.move(made, folder / "mine.xml")
        shutil.move(folder / f"{REGION}_crop.tif", folder / "mine.tif")
    if kind == "both":  # the session is what Sedeen itself wrote
        (folder / f"{REGION}_key.xml").write_text("<key/>")
    image = only_image(source)
    assert image.label_map.max() == 1 and image.stem == ("mine" if kind == "plain" else f"{REGION}_crop")


def test_images_without_session_and_slides_are_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, graphic(square(5, 5, 4)))
    tifffile.imwrite(folder / "b.tif", np.zeros((4, 4), np.uint8))
    (folder / "12.svs").write_bytes(b"a whole slide")
    (folder / "12.session.xml").write_text(session(graphic(square(5, 5, 400))), encoding="utf-8")
    assert only_image(folder).label_map.max() == 1
    assert "1 images without .xml are left out, the first is b.tif" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<session><image>", "session.xml is not XML"),
        ("<Annotations/>", r"is XML but no Sedeen session \(it begins with Annotations\)"),
        (
            session(graphic(square(5, 5, 4)), size=(400, 600)),
            r"drawn on an image of 600 x 400 pixels but .* 60 x 40",
        ),
        (
            session(graphic(square(5, 5, 4)).replace("5.000000,", "x,", 1)),
            "a point of graphic Region 7 is no pair",
        ),
        (
            session(graphic(square(5, 5, 4)).replace("5.000000,", "", 1)),
            "a point of graphic Region 7 is no pair",
        ),
    ],
)
def test_a_broken_session_is_named(folder: Path, content: str, said: str) -> None:
    write(folder, content=content)
    with pytest.raises(ValueError, match=said):
        only_image(folder)


def test_mistakes_in_a_folder(folder: Path) -> None:
    write(folder)
    shutil.rmtree(folder / "Sedeen")
    with pytest.raises(ValueError, match="holds 1 images and 0 .xml files but no two of one name"):
        only_image(folder)
