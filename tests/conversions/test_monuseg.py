"""Aperio outlines, as MoNuSeg has them, become the label map they were drawn around."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
from matplotlib.path import Path as Polygon
from skimage.draw import disk
from skimage.measure import find_contours
from skimage.segmentation import relabel_sequential

from common.conversions import read_dataset
from common.conversions.formats.dataset_image import DatasetImage

Corners = Sequence[Sequence[float]]
SHAPE = (40, 60)
PATIENT = "TCGA-A7-A13E"


def square(x: float, y: float, size: float) -> Corners:
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]


def region(corners: Corners, number: int = 1, *, hole_of: int | None = None) -> str:
    vertices = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in corners)
    negative = f'NegativeROA="{int(hole_of is not None)}" InputRegionId="{hole_of or 0}"'
    return f'<Region Id="{number}" Type="0" {negative}><Vertices>{vertices}</Vertices></Region>'


def write(folder: Path, *regions: str, name: str = f"{PATIENT}-01Z-00-DX1", size: str = "0.2525") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    tifffile.imwrite(folder / f"{name}.tif", np.zeros((*SHAPE, 3), np.uint8), photometric="rgb")
    content = f"<Annotation Id='1'><Attributes/><Regions>{''.join(regions)}</Regions></Annotation>"
    (folder / f"{name}.xml").write_text(f'<Annotations MicronsPerPixel="{size}">{content}</Annotations>')
    return folder


def only_image(folder: Path) -> DatasetImage:
    (image,) = read_dataset("monuseg", folder)
    return image


def label_map(folder: Path, *regions: str) -> np.ndarray:
    return only_image(write(folder, *regions)).label_map


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "set"


def test_a_square_covers_the_pixels_inside_it(folder: Path) -> None:
    expected = np.zeros(SHAPE)
    expected[5:9, 10:14] = 1
    for corners in (square(10, 5, 4), square(10, 5, 4)[:-1]):
        assert (label_map(folder, region(corners)) == expected).all()


def test_outlines_drawn_around_a_label_map_give_it_back(folder: Path) -> None:
    truth = np.zeros(SHAPE, np.uint16)
    discs = [(10, 12, 8), (10, 28, 7.5), (28, 45, 11), (33, 10, 5)]
    for label, (row, column, radius) in enumerate(discs, start=1):
        truth[disk((row, column), radius)] = label
    regions = []
    for label in range(1, 5):
        (contour,) = find_contours(np.pad(truth == label, 1).astype(float), 0.5)
        regions.append(region(contour[:, ::-1] - 0.5, label))  # padded by 1, pixel centres at .5
    found = label_map(folder, *regions)
    assert (found == truth).all() and found.dtype == np.uint16


def test_a_small_nucleus_survives_on_a_big_one_in_any_order(folder: Path) -> None:
    big, small = region(square(5, 5, 20), 1), region(square(10, 10, 4), 2)
    first, second = label_map(folder, big, small), label_map(folder, small, big)
    assert (first[10:14, 10:14] == 2).all() and (first == 1).sum() == 400 - 16
    assert ((first > 0) == (second > 0)).all() and (second[first == 2] == 1).all()


@pytest.mark.parametrize("parent", [1, 77])
def test_a_negative_region_is_a_hole(folder: Path, parent: int) -> None:
    hole = region(square(10, 10, 4), 9, hole_of=parent)
    for order in ([hole, region(square(5, 5, 20))], [region(square(5, 5, 20)), hole]):
        found = label_map(folder, *order)
        assert (found[10:14, 10:14] == 0).all() and (found == 1).sum() == 400 - 16


def test_a_hole_is_one_of_the_region_it_names(folder: Path) -> None:
    nuclei = [region(square(5, 5, 20), 1), region(square(10, 10, 4), 2)]
    found = label_map(folder, *nuclei, region(square(8, 8, 8), 3, hole_of=1))
    assert (found == 2).sum() == 16 and (found == 1).sum() == 400 - 64


def test_what_lies_outside_is_cut_off(folder: Path) -> None:
    found = label_map(folder, region(square(-3, -3, 8), 1), region(square(500, 500, 8), 2))
    assert (found[:5, :5] == 1).all() and (found > 0).sum() == 25
    with pytest.raises(ValueError, match=r"DX1.xml: all 1 outlines lie outside .*DX1.tif \(60 x 40 pixels\)"):
        label_map(folder, region(square(500, 500, 8)))


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_is_what_another_rasteriser_makes_of_it(folder: Path, seed: int) -> None:
    """Nuclei that touch, overlap and reach over the border, as matplotlib tells what lies inside them."""
    draw = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 15, endpoint=False)
    centres, radii = draw.uniform((-2, -2), (62, 42), (40, 2)), draw.uniform(2, 9, (40, 1, 2))
    crowd = centres[:, None] + radii * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    pixels = np.stack(np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0])), axis=-1).reshape(-1, 2) + 0.5
    inside = [Polygon(corners).contains_points(pixels) for corners in crowd]
    expected = np.zeros(SHAPE[0] * SHAPE[1], int)
    for number in sorted(range(40), key=lambda number: -inside[number].sum()):
        expected[inside[number]] = number + 1
    found = label_map(folder, *(region(corners, number) for number, corners in enumerate(crowd, start=1)))
    assert (found == relabel_sequential(expected.reshape(SHAPE))[0]).all() and found.max() > 20


def test_a_click_and_a_line_are_no_nuclei(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = label_map(folder, region([[3, 3]], 1), region([[3, 3], [9, 9]], 2), region(square(20, 5, 4), 3))
    assert found.max() == 1 and (found > 0).sum() == 16
    assert "2 outlines hold no pixel of their own" in caplog.text


def test_an_image_without_nuclei_is_background(folder: Path) -> None:
    assert not label_map(folder).any()


def test_patient_and_pixel_size_stand_beside_the_image(folder: Path) -> None:
    assert only_image(write(folder)).extras == {"patient": PATIENT, "pixel_size_um": 0.2525}
    shutil.rmtree(folder)
    assert only_image(write(folder, name="mine", size="")).extras == {}


@pytest.mark.parametrize("packed", [False, True])
def test_folders_of_their_own_archives_and_the_published_test(folder: Path, packed: bool) -> None:
    training, test = folder / "MoNuSeg Training Data", folder / "MoNuSegTestData"
    write(training / "Tissue Images", region(square(5, 5, 4)))
    (training / "Annotations").mkdir()
    for file in (training / "Tissue Images").glob("*.xml"):
        shutil.move(file, training / "Annotations" / file.name)
    write(test, name="TCGA-2Z-A9J9-01A-01-TS1")
    source = Path(shutil.make_archive(str(folder.parent / "x"), "zip", folder)) if packed else folder
    read = {image.extras["patient"]: image for image in read_dataset("monuseg", source)}
    assert {patient: image.split for patient, image in read.items()} == {PATIENT: "", "TCGA-2Z-A9J9": "test"}
    assert read[PATIENT].label_map.max() == 1
    assert [image.split for image in read_dataset("monuseg", test)] == ["test"]


def test_archives_as_downloaded_in_one_folder(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    downloads = folder.parent / "downloads"
    for name, stem in (("MoNuSeg 2018 Training Data", PATIENT), ("MoNuSegTestData", "TCGA-2Z-A9J9")):
        write(folder / name / name, region(square(5, 5, 4)), name=f"{stem}-01Z-00-DX1")
        shutil.make_archive(str(downloads / name), "zip", folder / name)
    read = {image.extras["patient"]: image for image in read_dataset("monuseg", downloads)}
    assert {patient: image.split for patient, image in read.items()} == {PATIENT: "", "TCGA-2Z-A9J9": "test"}
    assert all((image.label_map > 0).sum() == 16 for image in read.values())
    shutil.copytree(folder, downloads / "unpacked")
    assert len(list(read_dataset("monuseg", downloads))) == 2
    assert "2 archives beside the images are left out, the first is MoNuSeg 2018 Training" in caplog.text


def test_a_layer_that_numbers_its_regions_anew_adds_to_the_others(folder: Path) -> None:
    """With all the attributes and headings of a real file, which has more ids than those of regions."""
    header = '<RegionAttributeHeaders><AttributeHeader Id="9999" Name="Region"/></RegionAttributeHeaders>'
    layers = [[region(square(5, 5, 4)), region(square(20, 5, 4), 2)], [region(square(40, 5, 4))]]
    written = "".join(
        f'<Annotation Id="{number}" Name="" Type="4" LineColor="65280" MarkupImagePath=""><Attributes>'
        f'<Attribute Name="Description" Id="0" Value=""/></Attributes><Regions>{header}{"".join(regions)}'
        f"</Regions></Annotation>"
        for number, regions in enumerate(layers, start=1)
    )
    write(folder)
    next(folder.glob("*.xml")).write_text(f'<Annotations MicronsPerPixel="0.252000">{written}</Annotations>')
    found = only_image(folder).label_map
    assert [found[6, column] for column in (6, 21, 41)] == [1, 2, 3] and (found > 0).sum() == 48


def test_files_without_partner_are_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder)
    tifffile.imwrite(folder / "b.tif", np.zeros((4, 4), np.uint8))
    (folder / "c.xml").write_text("<Annotations/>")
    only_image(folder)
    assert "1 images without .xml are left out, the first is b.tif" in caplog.text
    assert "1 .xml files without image are left out, the first is c.xml" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<Annotations><Annotation>", r"DX1.xml is not XML"),
        ("", r"DX1.xml is not XML"),
        ("<html></html>", r"DX1.xml is XML but not Aperio's \(it begins with html\)"),
        (f"<Annotations>{region([['x', 1]], 7)}</Annotations>", r"DX1.xml: a corner of region 7 lacks"),
        (f"<Annotations>{region([['nan', 1]], 7)}</Annotations>", r"DX1.xml: a corner of region 7 lacks"),
        ("<Annotations><Region><Vertex X='1'/></Region></Annotations>", r"a corner of region number 1 lacks"),
    ],
)
def test_a_broken_file_is_named(folder: Path, content: str, said: str) -> None:
    write(folder)
    next(folder.glob("*.xml")).write_text(content)
    with pytest.raises(ValueError, match=said):
        only_image(folder)


def test_mistakes_in_a_folder(folder: Path) -> None:
    write(folder)
    with pytest.raises(ValueError, match="no part 'kidney': leave --only out"):
        list(read_dataset("monuseg", folder, only="kidney"))
    next(folder.glob("*.xml")).unlink()
    with pytest.raises(ValueError, match=r"holds 1 images and 0 .xml files but no two of one name"):
        only_image(folder)
