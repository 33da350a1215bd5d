"""Data lists from dataset.json and from plain folders; every mistake in them is one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.datalists import dataset_name, fingerprint, load_datalist
from common.readers import read_image

SPLITS = ("training", "validation", "test")


def fill(folder: Path, names: list[str], *, labels: str = "labels", size: tuple[int, int] = (8, 9)) -> Path:
    """Write images and labels."""
    for name in names:
        for kind in ("images", labels):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            suffix = ".png" if kind == "images" else ".tif"
            array = np.ones(size, np.uint8)
            path = folder / kind / (name + suffix)
            tifffile.imwrite(path, array) if suffix == ".tif" else Image.fromarray(array).save(path)
    return folder


def write_json(folder: Path, **lists: object) -> Path:
    (folder / "dataset.json").write_text(json.dumps(lists))
    return folder


def entry(name: str, **extras: object) -> dict[str, object]:
    return {"image": f"images/{name}.png", "label": f"labels/{name}.tif"} | extras


def stems(folder: Path, split: str, **options: int) -> list[str]:
    return [Path(item["image"]).stem for item in load_datalist(folder, split, **options)]


def test_dataset_json(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b"])
    write_json(
        tmp_path, name="mine", channels=["DNA"], training=[entry("b", slide="s1"), entry("a", channels=["X"])]
    )
    items = load_datalist(tmp_path, "training")
    assert items[0] == {
        "image": str(tmp_path / "images/b.png"),
        "label": str(tmp_path / "labels/b.tif"),
        "slide": "s1",
        "channels": ["DNA"],
    }
    assert items[1]["channels"] == ["X"]
    assert dataset_name(tmp_path) == "mine"


def test_a_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "set", ["a"])
    monkeypatch.chdir(tmp_path)
    assert load_datalist("set", "training")[0]["image"] == str(tmp_path / "set/images/a.png")
    assert dataset_name("set") == "set"


@pytest.mark.parametrize("labels", ["labels", "masks"])
@pytest.mark.parametrize("count", [3, 4, 10, 40])
def test_plain_folders_are_split_by_the_seed(tmp_path: Path, labels: str, count: int) -> None:
    names = [f"cell{number}" for number in range(count)]
    fill(tmp_path, names, labels=labels)
    parts = [stems(tmp_path, split) for split in SPLITS]
    assert sorted(sum(parts, [])) == sorted(names)  # each image once
    assert all(parts) and [stems(tmp_path, split) for split in SPLITS] == parts
    if count == 40:
        assert [len(part) for part in parts] == [28, 6, 6]
        assert stems(tmp_path, "training", seed=1) != parts[0]


def test_the_split_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path, ["a", "b", "c"])
    with caplog.at_level("INFO"):
        for split in SPLITS:
            load_datalist(tmp_path, split)
    assert caplog.text.count("split by seed 0 into 1 training, 1 validation, 1 test") == 1


def test_lists_that_lie_in_folders_are_not_said_to_be_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part, names in {"train": ["a", "b"], "val": ["c"], "test": ["d"]}.items():
        fill(tmp_path / part, names)
    with caplog.at_level("INFO"):
        assert [stems(tmp_path, split) for split in SPLITS] == [["a", "b"], ["c"], ["d"]]
    assert "split by seed" not in caplog.text


@pytest.mark.parametrize("inside", ["", "images"])
def test_cellpose_masks_beside_the_images(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    for name in ("a", "b", "000_img", "x_mask"):  # the last is an image: nothing is called x
        Image.fromarray(np.ones((8, 9), np.uint8)).save(folder / f"{name}.png")
        tifffile.imwrite(folder / f"{name.removesuffix('_img')}_masks.tif", np.ones((8, 9), np.uint16))
        tifffile.imwrite(folder / f"{name}_flows.tif", np.zeros((8, 9), np.float32))
    pairs = {item["image"]: item["label"] for split in SPLITS for item in load_datalist(tmp_path, split)}
    names = {Path(image).name: Path(label).name for image, label in pairs.items()}
    assert names == {
        "a.png": "a_masks.tif",
        "b.png": "b_masks.tif",
        "000_img.png": "000_masks.tif",
        "x_mask.png": "x_mask_masks.tif",
    }


def test_stardist_train_and_test_folders(tmp_path: Path) -> None:
    fill(tmp_path / "train", [f"a{number}" for number in range(20)], labels="masks")
    fill(tmp_path / "test", ["t1", "t2"], labels="masks")
    assert stems(tmp_path, "test") == ["t1", "t2"]
    assert [len(stems(tmp_path, split)) for split in ("training", "validation")] == [17, 3]
    fill(tmp_path / "val", ["v"], labels="masks")
    assert stems(tmp_path, "validation") == ["v"] and len(stems(tmp_path, "training")) == 20


def test_an_empty_list_offers_the_others(tmp_path: Path) -> None:
    write_json(fill(tmp_path, ["a"]), training=[entry("a")], test=[])
    with pytest.raises(ValueError, match=r"the test list of .* is empty: use training \(1 images\)"):
        load_datalist(tmp_path, "test")
    with pytest.raises(ValueError, match="no list 'valdation': did you mean validation"):
        load_datalist(tmp_path, "valdation")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{training: []}", r"dataset.json is not JSON \(line 1, column 2"),
        ("[1, 2]", 'none of the lists "training"'),
        ('{"train": []}', 'none of the lists "training"'),
        ('{"training": [{"label": "x"}]}', "entry 0 .* names no image"),
        ('{"training": {"a": 1}, "test": []}', '"training" is not a list'),
        ('{"training": [{"image": "images/a.png"}]}', "a.png has no label in the training list"),
        ('{"training": ["images/a.png"]}', "a.png has no label in the training list"),
    ],
)
def test_mistakes_in_dataset_json(tmp_path: Path, content: str, said: str) -> None:
    fill(tmp_path, ["a"])
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(ValueError, match=said):
        load_datalist(tmp_path, "training")


def test_missing_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere does not exist: check --dataset_dir"):
        load_datalist(tmp_path / "nowhere", "training")
    with pytest.raises(ValueError, match="neither dataset.json nor images in a known layout"):
        load_datalist(tmp_path, "training")
    write_json(fill(tmp_path, ["a"]), training=[entry("a"), entry("gone")])
    with pytest.raises(ValueError, match="gone.png does not exist"):
        load_datalist(tmp_path, "training")
    with pytest.raises(ValueError, match="is a file: give the data set's folder"):
        load_datalist(tmp_path / "dataset.json", "training")


def test_all_images_without_label_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path, ["a", "b", "c"])
    (tmp_path / "labels/b.tif").unlink()
    with pytest.raises(ValueError, match=r"images.b.png has no label: add .*labels.b.tif"):
        load_datalist(tmp_path, "training")
    (tmp_path / "labels/a.tif").unlink()
    with pytest.raises(
        ValueError, match=r"^2 of 3 images have no label .*the first: .*images.a.png has no label"
    ):
        load_datalist(tmp_path, "training")
    assert [Path(message.split(" has no label")[0]).name for message in caplog.messages] == ["a.png", "b.png"]
    shutil.rmtree(tmp_path / "labels")
    with pytest.raises(ValueError, match="images but no labels in a known layout"):
        load_datalist(tmp_path, "training")


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b"])
    shutil.copy(tmp_path / "images/a.png", tmp_path / "images/a.bmp")
    with pytest.raises(ValueError, match="have the same name but for the suffix"):
        load_datalist(tmp_path, "training")


def test_files_are_checked_unless_told_not_to(tmp_path: Path) -> None:
    write_json(fill(tmp_path, ["a"]), training=[entry("a")])
    with pytest.raises(ValueError, match="no channel DAPI"):
        load_datalist(tmp_path, "training", channels="DAPI")
    (tmp_path / "labels/a.tif").write_bytes(b"")
    with pytest.raises(ValueError, match="a.tif cannot be read"):
        load_datalist(tmp_path, "training")
    assert len(load_datalist(tmp_path, "training", check=False)) == 1


def test_fingerprint_is_of_lists_and_sizes_not_of_the_place(tmp_path: Path) -> None:
    fill(tmp_path / "one", ["a", "b", "c"])
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    first = fingerprint(tmp_path / "one")
    assert len(first) == 12 and first == fingerprint(tmp_path / "two")
    write_json(tmp_path / "two", training=[entry("a"), entry("b")], test=[entry("c")])
    other = fingerprint(tmp_path / "two")
    assert other != first
    Image.fromarray(np.ones((80, 90), np.uint8)).save(tmp_path / "two/images/a.png")
    assert fingerprint(tmp_path / "two") not in (first, other)


def test_fingerprint_of_images_elsewhere_is_not_of_the_way_to_them(tmp_path: Path) -> None:
    fill(tmp_path / "images_of_others", ["a", "b"])
    prints = []
    for place, way in (("list", ".."), ("run/deeper/list", "../../..")):
        (tmp_path / place).mkdir(parents=True)
        images = [
            {key: f"{way}/images_of_others/{file}" for key, file in entry(name).items()} for name in "ab"
        ]
        write_json(tmp_path / place, training=images)
        prints.append(fingerprint(tmp_path / place))
    assert len(set(prints)) == 1
    write_json(tmp_path / "list", training=images[:1])
    assert fingerprint(tmp_path / "list") != prints[0]


@pytest.mark.parametrize(
    "channels", ["DAPI", {"0": "DAPI"}, 1, True, [None], [True], ["DAPI", ["CD3"]], [0.5]]
)
@pytest.mark.parametrize("everywhere", [True, False])
def test_channels_that_are_no_list_of_names_are_refused(
    tmp_path: Path, channels: object, everywhere: bool
) -> None:
    image = {"image": "images/a.tif"} | ({} if everywhere else {"channels": channels})
    content = {"training": [image]} | ({"channels": channels} if everywhere else {})
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    said = r'dataset.json: "channels" of images/a.tif is .*: write a list of the names .*\["DAPI", "CD3"\]'
    with pytest.raises(ValueError, match=said) as caught:
        load_datalist(tmp_path, "training")
    assert repr(channels) in str(caught.value)


@pytest.mark.parametrize(
    ("written", "names", "chosen"),
    [([405, "CD3 "], ["405", "CD3"], "405"), ([" DAPI", ""], ["DAPI", "1"], "DAPI")],
)
def test_names_of_channels_are_texts_without_spaces_around(
    tmp_path: Path, written: list[object], names: list[str], chosen: str
) -> None:
    image = np.arange(2 * 64, dtype=np.uint8).reshape(2, 8, 8)
    for stem in "ab":
        tifffile.imwrite(tmp_path / f"{stem}.tif", image, photometric="minisblack")
        tifffile.imwrite(tmp_path / f"{stem}_label.tif", np.ones((8, 8), np.uint8))
    entry = {"image": "a.tif", "label": "a_label.tif", "channels": written}
    (tmp_path / "dataset.json").write_text(json.dumps({"training": [entry]}))
    (item,) = load_datalist(tmp_path, "training", channels=chosen)
    assert item["channels"] == names
    assert (
        read_image(item["image"], channels=chosen, channel_names=item["channels"]).pixels == image[:1]
    ).all()
