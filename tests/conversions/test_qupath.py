"""Outlines as QuPath exports them become the label map they were drawn around."""

from __future__ import annotations

import gzip
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.draw import disk
from skimage.measure import find_contours

from common.conversions import read_dataset
from common.conversions.formats.regions import regions_among
from common.conversions.own_annotations.qupath import nucleus_pixels
from common.export import cell_features, write_geojson
from common.sample import make_cells


def square(x: int, y: int, size: int, *, closed: bool = True) -> list[list[float]]:
    corners = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    return corners if closed else corners[:-1]


def feature(
    coordinates: Any, kind: str = "Polygon", *, name: str | None = None, object_type: str = "annotation"
) -> dict:
    properties = {"objectType": object_type} | ({"classification": {"name": name}} if name else {})
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


def write(folder: Path, content: Any, *, name: str = "a", shape: tuple[int, int] = (40, 60)) -> Path:
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.zeros(shape, np.uint8)).save(folder / f"{name}.png")
    (folder / f"{name}.geojson").write_text(json.dumps(content))
    return folder


def label_map(folder: Path, **options: str) -> np.ndarray:
    (image,) = read_dataset("qupath", folder, **options)
    return image.label_map


def test_a_square_covers_the_pixels_inside_it(tmp_path: Path) -> None:
    for closed in (True, False):
        write(tmp_path, [feature([square(10, 5, 4, closed=closed)])])
        expected = np.zeros((40, 60))
        expected[5:9, 10:14] = 1
        assert (label_map(tmp_path) == expected).all()


def test_outlines_drawn_around_a_label_map_give_it_back(tmp_path: Path) -> None:
    truth = np.zeros((40, 60), np.uint16)
    for label, (row, column, radius) in enumerate(
        [(10, 12, 8), (10, 28, 7.5), (28, 45, 11), (33, 10, 5)], start=1
    ):
        truth[disk((row, column), radius)] = label
    features = []
    for label in range(1, 5):
        (contour,) = find_contours(np.pad(truth == label, 1).astype(float), 0.5)
        features.append(feature([(contour[:, ::-1] - 1 + 0.5).tolist()]))  # pixel centres are at .5 in QuPath
    assert (label_map(write(tmp_path, {"type": "FeatureCollection", "features": features})) == truth).all()


def test_holes_parts_and_a_small_nucleus_on_a_big_one(tmp_path: Path) -> None:
    ring = feature([square(2, 2, 12), square(5, 5, 4)])
    parts = feature([[square(20, 2, 5)], [square(30, 2, 3)]], "MultiPolygon")
    small, big = feature([square(44, 24, 4)]), feature([square(40, 20, 15)])
    found = label_map(write(tmp_path, [ring, parts, small, big]))
    assert [int((found == label).sum()) for label in range(5)] == [
        40 * 60 - 128 - 34 - 225,
        144 - 16,
        25 + 9,
        16,
        209,
    ]
    assert (found[5:9, 5:9] == 0).all()
    assert found[3, 22] == found[3, 31] == 2
    assert (found[24:28, 44:48] == 3).all()


@pytest.mark.parametrize(
    "nest", [lambda f: f, lambda f: [f], lambda f: {"type": "FeatureCollection", "features": [f]}]
)
def test_collections_inside_collections(tmp_path: Path, nest: Any) -> None:
    once = nest(feature([square(1, 1, 3)]))
    assert label_map(write(tmp_path, once)).max() == 1
    assert label_map(write(tmp_path, nest([once, nest(feature([square(10, 10, 3)]))]))).max() == 2


def test_classes_go_with_their_nuclei(tmp_path: Path) -> None:
    features = [
        feature([square(1, 1, 3)], name="Tumor"),
        feature([square(10, 1, 3)]),
        feature([square(20, 1, 3)], name="Stroma"),
    ]
    write(tmp_path, features)
    (image,) = read_dataset("qupath", tmp_path)
    assert image.classes == {1: "Tumor", 3: "Stroma"}
    assert label_map(tmp_path, only="Stroma").sum() == 9
    with pytest.raises(ValueError, match="no nuclei of class 'Tumour': did you mean Tumor"):
        label_map(tmp_path, only="Tumour")


def test_of_cells_the_nucleus_and_of_regions_nothing(tmp_path: Path) -> None:
    cell = feature([square(10, 10, 12)], object_type="cell")
    cell["nucleusGeometry"] = {"type": "Polygon", "coordinates": [square(14, 14, 4)]}
    found = label_map(write(tmp_path, [feature([square(0, 0, 40)]), cell]))
    assert (found > 0).sum() == 16 and (found[14:18, 14:18] == 1).all()


def test_cells_with_nuclei_are_whole_cells_too(tmp_path: Path) -> None:
    """As `--formats geojson` writes them, and QuPath's own cell detection."""
    cell, lonely = (feature([square(x, 10, 12)], object_type="cell") for x in (10, 30))
    cell["nucleusGeometry"] = {"type": "Polygon", "coordinates": [square(14, 14, 4)]}
    write(tmp_path, [cell, lonely])
    (image,) = read_dataset("qupath", tmp_path)
    assert image.label_map.max() == 1 and (image.label_map > 0).sum() == 16, "one has its nucleus elsewhere"
    assert image.cell_map.max() == 2 and (image.cell_map[10:22, 30:42] == 2).all()
    write(tmp_path, [lonely])
    (image,) = read_dataset("qupath", tmp_path)
    assert image.label_map.max() == 1 and image.cell_map is None


def test_what_we_write_of_cells_comes_back(tmp_path: Path) -> None:
    _, nuclei, cells = make_cells((40, 60), seed=2)
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / "a.png")
    write_geojson(tmp_path / "a.geojson", cell_features(nuclei, cells))
    (image,) = read_dataset("qupath", tmp_path)
    assert np.array_equal(image.label_map, nuclei) and np.array_equal(image.cell_map, cells)


def test_what_lies_outside_is_cut_off(tmp_path: Path) -> None:
    found = label_map(write(tmp_path, [feature([square(-3, -3, 8)]), feature([square(500, 500, 8)])]))
    assert (found[:5, :5] == 1).all() and (found > 0).sum() == 25
    with pytest.raises(ValueError, match=r"all 1 outlines lie outside a.png \(60 x 40 pixels\)"):
        label_map(write(tmp_path, [feature([square(500, 500, 8)])]))


def test_an_image_without_nuclei_and_one_without_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, [])
    assert label_map(tmp_path).max() == 0
    write(tmp_path, {"type": "FeatureCollection", "features": []})
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "b.png")
    assert label_map(tmp_path).max() == 0
    assert "1 images without a .geojson file are left out, the first is b.png" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
            "a.geojson holds no polygon",
        ),
        ([feature([["x", "y"]])], "a.geojson: the outline of nucleus 0"),
        ([feature([])], "a.geojson: the outline of nucleus 0"),
        ([feature([[*square(1, 1, 4), [float("nan"), 1]]])], "a.geojson: the outline of nucleus 0"),
        ([feature([square(1, 1, 4)]), feature([[*square(9, 9, 4), [float("inf"), 9]]])], "of nucleus 1"),
        ([feature([[*square(1, 1, 4), [10**400, 1]]])], "a.geojson: the outline of nucleus 0"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        label_map(write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "null stands"),
        (5, "5 stands"),
        (["a"], '"a" stands'),
        ({"type": "FeatureCollection", "features": [None, 1]}, "null stands"),
        ([feature([square(1, 1, 4)]) | {"properties": "x"}], '"properties" of an object is "x"'),
        ([feature([square(1, 1, 4)]) | {"properties": [1]}], r'"properties" of an object is \[1\]'),
        ([feature([square(1, 1, 4)]) | {"properties": {"childObjects": [7]}}], "7 stands"),
        *(
            ([feature([square(1, 1, 4)]) | {"properties": {"classification": given}}], '"classification" of')
            for given in (["Tumor"], 3, True, {"names": "Tumor"}, {"names": [None]}, {"name": ["Tumor"]})
        ),
    ],
)
def test_what_is_no_geojson_is_told_with_its_file(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.geojson is no GeoJSON of QuPath \(.*{said}.*: export it"):
        label_map(write(tmp_path, content))


@pytest.mark.parametrize("given", ["5", {"name": 5}, {"names": [5]}])
def test_a_class_may_be_a_number(tmp_path: Path, given: Any) -> None:
    content = feature([square(1, 1, 4)]) | {"properties": {"classification": given}}
    (image,) = read_dataset("qupath", write(tmp_path, content))
    assert list((image.classes or {}).values()) == ["5"]


@pytest.mark.parametrize("given", [None, {}, "", [], {"name": None, "names": None}, {"colorRGB": 3}])
def test_nothing_is_a_class_of_nothing(tmp_path: Path, given: Any) -> None:
    content = feature([square(1, 1, 4)]) | {"properties": {"classification": given}}
    (image,) = read_dataset("qupath", write(tmp_path, content))
    assert image.label_map.max() == 1 and not (image.classes or {}).get("1")


def test_measurements_without_a_value_do_not_matter(tmp_path: Path) -> None:
    nucleus = feature([square(10, 5, 4)])
    nucleus["properties"]["measurements"] = {"Solidity": float("nan"), "Ratio": float("inf")}
    write(tmp_path, [nucleus])
    assert "NaN" in (tmp_path / "a.geojson").read_text()
    assert np.count_nonzero(label_map(tmp_path)) == 16


def test_mistakes_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, [])
    (tmp_path / "a.geojson").write_text("{")
    with pytest.raises(ValueError, match="a.geojson is not JSON"):
        label_map(tmp_path)
    (tmp_path / "a.geojson").unlink()
    with pytest.raises(ValueError, match="1 images and none has a .geojson file"):
        label_map(tmp_path)


@pytest.mark.parametrize("kind", ["PathDetectionObject", "PathCellObject"])
def test_files_of_qupath_0_2_say_the_type_in_id(tmp_path: Path, kind: str) -> None:
    def old(coordinates: Any, name: str) -> dict[str, Any]:
        geometry = {"type": "Polygon", "coordinates": coordinates}
        return {"type": "Feature", "id": name, "geometry": geometry, "properties": {"isLocked": False}}

    region = old([square(6, 6, 16)], "PathAnnotationObject")  # too small to be told by its size alone
    found = label_map(write(tmp_path, [region, old([square(10, 10, 4)], kind)]))
    assert (found > 0).sum() == 16 and (found[10:14, 10:14] == 1).all()


def test_cores_of_a_tissue_array_are_no_nuclei_and_children_count(tmp_path: Path) -> None:
    for name in ("tmaCore", "tma_core", "TMACoreObject"):
        core = feature([square(0, 0, 12)], object_type=name)
        core["properties"]["childObjects"] = [feature([square(5, 5, 3)])]
        assert (label_map(write(tmp_path, core)) > 0).sum() == 9


def test_a_region_around_nuclei_is_left_out_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nuclei = [feature([square(x, 8, 6)], name="Tumor") for x in (5, 15, 25)]
    crossing = feature([square(36, 8, 8)])  # half of it outside the region
    region = feature([square(2, 2, 38)], name="Tumor")
    region["properties"]["name"] = "field 3"
    found = label_map(write(tmp_path, [nuclei[0], region, *nuclei[1:], crossing]))
    assert sorted(np.bincount(found.ravel())[1:]) == [36, 36, 36, 64]
    assert "a.geojson: 1 outlines contain others and are left out as regions: field 3" in caplog.text
    caplog.clear()
    assert label_map(write(tmp_path, [*nuclei, crossing])).max() == 4 and "regions" not in caplog.text


def test_the_only_class_of_a_region_is_no_class_of_nuclei(tmp_path: Path) -> None:
    write(tmp_path, [feature([square(0, 0, 30)], name="ROI"), *(feature([square(x, 3, 4)]) for x in (3, 9))])
    with pytest.raises(ValueError, match="no nuclei of class 'ROI'"):
        label_map(tmp_path, only="ROI")


def filled(x: int, y: int, size: int) -> np.ndarray:
    return nucleus_pixels({"type": "Polygon", "coordinates": [square(x, y, size)]}, (40, 60))


@pytest.mark.parametrize(
    ("outlines", "regions"),
    [
        ([(0, 0, 10), (4, 4, 10)], []),  # two nuclei that overlap
        ([(0, 0, 10), (1, 1, 9)], []),  # one nearly upon the other
        ([(0, 0, 10), (0, 0, 10)], []),  # one drawn twice
        ([(0, 0, 30), (5, 5, 4)], [0]),  # a field with one nucleus
        ([(0, 0, 12), (5, 5, 3)], []),  # a fragment upon a nucleus
        ([(5, 5, 4), (0, 0, 14), (10, 0, 4), (8, 8, 12)], [1]),  # two inside, one across the border
        ([(0, 0, 38), (1, 1, 16), (2, 2, 4), (9, 9, 4)], [0, 1]),  # a region in a region
        ([(50, 50, 4), (0, 0, 4)], []),  # one of no pixel, outside the image
        ([(3, 3, 4)], []),
        ([], []),
    ],
)
def test_which_outlines_are_regions(outlines: list[tuple[int, int, int]], regions: list[int]) -> None:
    assert regions_among([filled(*each) for each in outlines], (40, 60)) == regions


def test_regions_among_thousands_of_nuclei_are_found_in_a_second() -> None:
    shape = (2000, 2000)
    rows, columns = np.indices(shape)
    cells = (rows // 20) * 100 + columns // 20
    order = np.argsort(cells, axis=None, kind="stable")
    nuclei = np.split(order, 10_000)
    start = time.process_time()
    assert regions_among([*nuclei, np.arange(shape[0] * shape[1])], shape) == [10_000]
    assert time.process_time() - start < 5  # 0.3 s on an idle machine


@pytest.mark.parametrize("name", ["a.geojson.gz", "a.zip", "a.geojson.zip", "a.png.geojson.gz"])
def test_compressed_exports_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    write(tmp_path, [feature([square(1, 1, 3)], name="Tumor"), feature([square(10, 1, 3)])])
    plain = tmp_path / "a.geojson"
    text, expected = plain.read_bytes(), label_map(tmp_path)
    plain.unlink()
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(text))
    else:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("export.geojson", text)
    assert np.array_equal(label_map(tmp_path), expected) and expected.max() == 2


def test_a_file_that_was_cut_is_told(tmp_path: Path) -> None:
    write(tmp_path, 50 * [feature([square(1, 1, 3)])])
    text = (tmp_path / "a.geojson").read_bytes()
    (tmp_path / "a.geojson").write_bytes(text[:-40])
    with pytest.raises(ValueError, match=r"a.geojson is not JSON \(.* at character \d+\): export it from"):
        label_map(tmp_path)
    (tmp_path / "a.geojson").unlink()
    (tmp_path / "a.geojson.gz").write_bytes(gzip.compress(text)[:-20])
    with pytest.raises(ValueError, match="a.geojson.gz cannot be unpacked"):
        label_map(tmp_path)


def test_regions_as_large_as_a_slide_are_found_without_their_pixels(tmp_path: Path) -> None:
    """Of millions of pixels, with a hole: they are told by their runs, and nuclei beyond them stay."""
    hole = [[x, y] for x, y in square(100, 100, 1500)]
    region = feature([square(0, 0, 2300), hole], name="tissue")
    nuclei = [feature([square(x, 50, 12)]) for x in (20, 60, 90)]
    found = label_map(write(tmp_path, [region, *nuclei, feature([square(500, 500, 9)])], shape=(2400, 2500)))
    assert np.bincount(found.ravel())[1:].tolist() == [144, 144, 144, 81]


def test_a_faulty_region_around_detections_does_no_harm(tmp_path: Path) -> None:
    detection = feature([square(4, 4, 3)], object_type="detection")
    faulty = feature([["x", "y"]])
    for content in ([faulty, detection], [detection, faulty]):
        assert (label_map(write(tmp_path, content)) > 0).sum() == 9
