"""Nuclei as ROIs of ImageJ: what its measurements would count, and the same label map back."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from monai.transforms import LoadImage
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiread
from skimage.segmentation import relabel_sequential

from common.conversions import read_dataset
from common.conversions.own_annotations import imagej
from common.export import SaveNucleid, nuclei_rois, write_rois
from common.files import is_made_here
from common.readers import MicroscopyReader
from common.sample import draw_label_map

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:8, 3:9], LABELS[2:8, 9:14], LABELS[12:18, 20:29] = 1, 2, 7
LABELS[14:16, 22:24] = 0  # a hole
LABELS[0, 29] = 2  # a piece of its own, at the corner


def test_each_nucleus_is_a_roi_named_by_its_number() -> None:
    one, two, seven = nuclei_rois(LABELS)
    assert [one.name, two.name, seven.name] == ["1", "2", "7"]
    assert one.coordinates().tolist() == [[3, 2], [9, 2], [9, 8], [3, 8]]
    assert (one.left, one.top, one.right, one.bottom) == (3, 2, 9, 8)
    assert seven.composite and (seven.left, seven.top, seven.right, seven.bottom) == (20, 12, 29, 18)
    rings = [np.asarray(ring)[:, :2].tolist() for ring in seven.coordinates(multi=True)]
    assert sorted(len({tuple(point) for point in ring}) for ring in rings) == [4, 4]
    assert (two.left, two.top, two.right, two.bottom) == (9, 0, 30, 8)


def test_files_are_the_same_twice_read_by_the_package_and_ours(tmp_path: Path) -> None:
    file = write_rois(tmp_path / "a.rois.zip", LABELS)
    content = file.read_bytes()
    assert is_made_here(write_rois(file, LABELS)) and file.read_bytes() == content
    assert [roi.name for roi in roiread(file)] == ["1", "2", "7"]
    with zipfile.ZipFile(file) as ours, zipfile.ZipFile(tmp_path / "b.zip", "w") as saved_anew:
        for name in ours.namelist():
            saved_anew.writestr(name, ours.read(name))
    assert not is_made_here(tmp_path / "b.zip")
    write_rois(file, np.zeros((5, 5), int))
    assert is_made_here(file), "an image without nuclei has an empty zip"


def test_an_image_that_rois_do_not_reach_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wide = np.zeros((2, 32768), np.uint8)
    with pytest.raises(ValueError, match="reach to 32,767 px, and the image is 32,768 x 2 px: write geojson"):
        write_rois(tmp_path / "a.rois.zip", wide)
    assert not any(tmp_path.iterdir())
    image = tmp_path / "wide.tif"
    tifffile.imwrite(image, wide)
    save = SaveNucleid(
        output_dir=tmp_path / "out", reader=MicroscopyReader(), formats=("rois.zip",), table=True
    )
    save({"image": LoadImage(reader=MicroscopyReader())(image), "pred_map": wide.astype(np.int32)})
    assert "wide.rois.zip is not written" in caplog.text
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["wide.csv"], "the rest is not lost"


@pytest.mark.parametrize("name", ["cells.rois.zip", "RoiSet_cells.zip", "cells_RoiSet.zip", "cells.zip"])
def test_the_way_there_and_back(tmp_path: Path, name: str) -> None:
    crowd = LABELS
    if name == "cells.zip":
        crowd = draw_label_map((200, 240), rng=np.random.default_rng(0)).astype(np.int32)
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros(crowd.shape, np.uint8))
    write_rois(tmp_path / name, crowd)
    (image,) = read_dataset("imagej", tmp_path)
    np.testing.assert_array_equal(image.label_map, relabel_sequential(crowd)[0])


@pytest.mark.parametrize("subtype", [ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE])
def test_texts_and_pictures_on_an_image_are_no_nuclei(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, subtype: ROI_SUBTYPE
) -> None:
    box = ImagejRoi(roitype=ROI_TYPE.RECT, left=5, top=3, right=11, bottom=7, version=227)
    note = ImagejRoi(roitype=ROI_TYPE.RECT, left=20, top=3, right=26, bottom=7, version=227, subtype=subtype)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, roi in enumerate((note, box)):
            archive.writestr(f"{number}.roi", roi.tobytes())
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    (image,) = read_dataset("imagej", tmp_path)
    assert (image.label_map[3:7, 5:11] == 1).all() and np.count_nonzero(image.label_map) == 24
    assert "a.zip: 1 lines, points, angles, texts or pictures are left out" in caplog.text


def test_what_people_draw(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A rectangle, an oval in a group, a freehand line of sub-pixels, a line that is none, one file a ROI."""

    def drawn(kind: ROI_TYPE, left: int, top: int, right: int, bottom: int, group: int = 0) -> ImagejRoi:
        roi = ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom)
        roi.group = group
        return roi

    hand = ImagejRoi.frompoints(np.array([[20.2, 1.2], [25.8, 1.2], [25.8, 5.8], [20.2, 5.8]], np.float32))
    rois = [
        drawn(ROI_TYPE.RECT, 1, 1, 5, 4), drawn(ROI_TYPE.OVAL, 8, 2, 18, 12, group=3), hand,
        drawn(ROI_TYPE.LINE, 0, 0, 9, 9),
    ]  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, roi in enumerate(rois):
            archive.writestr(f"{number}.roi", roi.tobytes())
    (image,) = read_dataset("imagej", tmp_path)
    assert np.array_equal(np.argwhere(image.label_map == 1).min(0), [1, 1])
    assert (image.label_map == 1).sum() == 12
    assert (image.label_map == 2).sum() == pytest.approx(np.pi * 25, rel=0.05)
    assert (image.label_map == 3).sum() == 30
    assert (
        image.classes == {2: "group 3"}
        and "1 lines, points, angles, texts or pictures are left out" in caplog.text
    )
    (only,) = read_dataset("imagej", tmp_path, only="group 3")
    assert np.unique(only.label_map).tolist() == [0, 1]
    with pytest.raises(ValueError, match="no nuclei of class 'group 4': did you mean group 3"):
        list(read_dataset("imagej", tmp_path, only="group 4"))
    (tmp_path / "a.zip").unlink()
    (tmp_path / "a.roi").write_bytes(rois[0].tobytes())
    (image,) = read_dataset("imagej", tmp_path)
    assert (image.label_map > 0).sum() == 12


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    for name in ("a.zip", "a.roi"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} holds no ROIs of ImageJ"):
            list(read_dataset("imagej", tmp_path))
        (tmp_path / name).unlink()


@pytest.mark.parametrize("corner", [None, np.nan, np.inf])
def test_a_roi_without_an_outline_is_named(tmp_path: Path, corner: float | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    roi = ImagejRoi(roitype=ROI_TYPE.FREEHAND)
    if corner is not None:
        roi = ImagejRoi.frompoints(np.array([[1, 1], [5, 1], [5, 5]], np.float32))
        roi.subpixel_coordinates[2, 1] = corner
    roi.name = "third"
    (tmp_path / "a.roi").write_bytes(roi.tobytes())
    with pytest.raises(ValueError, match="a.roi: ROI 'third' has no outline of numbers: draw it again"):
        list(read_dataset("imagej", tmp_path))


def test_rois_as_large_as_a_slide_are_read_without_their_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagej, "pixels_inside", lambda rings, shape: pytest.fail(f"{shape} one by one"))
    frame = ImagejRoi.frompoints(np.array([[0, 0], [2100, 0], [2100, 2100], [0, 2100]]))
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2200, 2200), np.uint8))
    (tmp_path / "a.roi").write_bytes(frame.tobytes())
    (image,) = read_dataset("imagej", tmp_path)
    assert (image.label_map[:2100, :2100] == 1).all() and (image.label_map > 0).sum() == 2100**2


def test_rois_of_another_image_and_none_at_all(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    with pytest.raises(ValueError, match="none has a .zip or .roi file of its name: export them from ImageJ"):
        list(read_dataset("imagej", tmp_path))
    write_rois(tmp_path / "a.zip", np.pad(LABELS, ((500, 0), (500, 0))))
    with pytest.raises(ValueError, match="all 3 outlines lie outside a.tif"):
        list(read_dataset("imagej", tmp_path))
