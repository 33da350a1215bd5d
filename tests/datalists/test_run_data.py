"""What a run reads: one data set or several, by lists, folds or platform; no image in two lists."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from torch.utils.data import default_collate

from common.datalists import RunData, fingerprint

SPLITS = ("training", "validation", "test")
MakeSet = Callable[..., Path]


@pytest.fixture
def two(make_set: MakeSet) -> list[Path]:
    """Two data sets of which different things are known."""
    first = make_set(
        "A",
        channels=["DAPI"],
        training={f"a{n}": {"slide": f"s{n // 2}", "platform": "X"} for n in range(6)},
        validation={"a6": {"slide": "s6", "platform": "X"}, "a7": {"slide": "s7", "platform": "Y"}},
        test={"a8": {"slide": "s8", "platform": "Y"}, "a9": {"slide": "s9", "platform": "X"}},
    )
    second = make_set(
        "B",
        size=(20, 12),
        training={f"b{n}": {"patient": n, "platform": "Z"} for n in range(4)},
        validation={"b4": {"patient": 4, "platform": "x"}},
        test={},
    )
    return [first, second]


def stems(items: list[dict[str, Any]]) -> list[str]:
    return [Path(item["image"]).stem for item in items]


def test_lists_of_several_data_sets_are_joined(two: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        data = RunData(two, channels=0)
    assert data.name == "A+B"
    for split in SPLITS:
        parts = [RunData(folder).lists for folder in two]
        joined = [item["image"] for lists in parts for each in lists.values() for item in each[split]]
        assert [item["image"] for item in data.items(split)] == joined
    assert {item["dataset"] for item in data.items("training")} == {"A", "B"}
    assert "data set A: 6 training, 2 validation, 2 test images\n" in caplog.text
    assert "data set B: 4 training, 1 validation, 0 test images\n" in caplog.text


def test_images_of_which_different_things_are_known_make_one_batch(two: list[Path]) -> None:
    items = RunData(two).items("training")
    batch = default_collate(items)
    assert batch["patient"][-1] == "3" and batch["slide"][-1] == "" and batch["slide"][0] == "s0"
    assert "channels" not in batch and batch["pixel_size_um"].isnan().all()
    keys = {tuple(item) for split in SPLITS for item in RunData(two).items(split)}
    assert len(keys) == 1


def test_label_maps_of_whole_cells_are_files_of_the_data_set(make_set: MakeSet, tmp_path: Path) -> None:
    """Their paths lead to them from anywhere, and a change of them is a change of the data."""
    known = {"cell_label": "cells/a.tif"}
    folder = make_set("A", training={"a": known, "b": {}}, validation={"c": {}})
    (folder / "cells").mkdir()
    tifffile.imwrite(folder / "cells/a.tif", np.ones((8, 9), np.uint8))
    data = RunData(folder)
    paths = [str(folder / "cells/a.tif"), ""]
    assert [item["cell_label"] for item in data.items("training")] == paths
    written = data.write_lists(tmp_path / "lists")
    assert [item["cell_label"] for item in RunData(written).items("training")] == paths
    assert str(tmp_path) not in (Path(written[0]) / "dataset.json").read_text(), "a path of this machine"
    before = data.fingerprint()
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert fingerprint(tmp_path / "elsewhere") == before
    tifffile.imwrite(folder / "cells/a.tif", np.ones((80, 90), np.uint8))
    assert RunData(folder).fingerprint() != before


def test_one_folder_or_a_list_of_it_is_the_same(two: list[Path]) -> None:
    one, listed = RunData(two[0]), RunData((str(two[0]),))
    assert (one.name, one.fingerprint()) == (listed.name, listed.fingerprint()) == ("A", fingerprint(two[0]))
    assert one.items("training") == listed.items("training")


def test_the_fingerprint_is_of_all_in_any_order(two: list[Path]) -> None:
    together = RunData(two).fingerprint()
    assert together == RunData(two[::-1]).fingerprint() and len(together) == 12
    assert together not in {RunData(folder).fingerprint() for folder in two}
    content = json.loads((two[1] / "dataset.json").read_text())
    content["training"][0]["patient"] = "another"  # folds and platforms hang on such words
    (two[1] / "dataset.json").write_text(json.dumps(content))
    assert RunData(two).fingerprint() != together


def test_each_image_of_every_data_set_is_tested_once(
    two: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    everything = sorted(stems([item for split in SPLITS for item in RunData(two).items(split)]))
    tested = []
    for fold in range(4):
        data = RunData(two, fold=fold, folds=4, seed=1)
        lists = {split: stems(data.items(split)) for split in SPLITS}
        assert sorted(sum(lists.values(), [])) == everything
        for letter in "ab":  # every data set is dealt by itself
            assert all(any(stem[0] == letter for stem in lists[split]) for split in SPLITS)
        tested += lists["test"]
    assert sorted(tested) == everything
    with caplog.at_level("INFO"):
        RunData(two[0], fold=0, folds=4)
    assert "test images (fold 0 of 4, by slide (7 groups))" in caplog.text


def test_an_image_in_two_lists_is_dealt_once(make_set: MakeSet) -> None:
    folder = make_set("A", training={"a": {}, "b": {}, "c": {}}, test={"a": {}})
    tested = [stem for fold in range(3) for stem in stems(RunData(folder, fold=fold, folds=3).items("test"))]
    assert sorted(tested) == ["a", "b", "c"]


def test_plain_folders_are_dealt_whole(make_set: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_set("A", training={f"a{n}": {} for n in range(9)})
    (folder / "dataset.json").unlink()
    with caplog.at_level("INFO"):
        sizes = [len(RunData(folder, seed=3).items(split)) for split in SPLITS]
        tested = [s for fold in range(3) for s in stems(RunData(folder, fold=fold, folds=3).items("test"))]
    assert sum(sizes) == len(set(tested)) == len(tested) == 9
    assert "test images (split by seed 3)" in caplog.text and "by image (9 groups)" in caplog.text


def test_a_platform_is_tested_and_the_others_are_not(two: list[Path]) -> None:
    data = RunData(two[0], test_platform="y")
    lists = {split: stems(data.items(split)) for split in SPLITS}
    assert sorted(lists["test"]) == ["a7", "a8"]
    assert lists["validation"] == ["a6"]
    assert sorted(lists["training"]) == [f"a{n}" for n in (0, 1, 2, 3, 4, 5, 9)]


def test_a_platform_of_several_data_sets(two: list[Path]) -> None:
    content = json.loads((two[1] / "dataset.json").read_text())
    content["validation"][0]["platform"] = "X"
    (two[1] / "dataset.json").write_text(json.dumps(content))
    data = RunData(two, test_platform="X")
    assert {item["platform"] for item in data.items("test")} == {"X"}
    assert sorted(stems(data.items("test"))) == sorted([f"a{n}" for n in (0, 1, 2, 3, 4, 5, 6, 9)] + ["b4"])
    assert stems(data.items("validation")) == ["a7"]


def test_the_platform_may_stand_at_the_top_for_all(two: list[Path], make_set: MakeSet) -> None:
    third = make_set("C", training={"c": {}}, test={"d": {"platform": "X"}})
    content = json.loads((third / "dataset.json").read_text()) | {"platform": "W"}
    (third / "dataset.json").write_text(json.dumps(content))
    assert stems(RunData([two[0], third], test_platform="W").items("test")) == ["c"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_platform": "V"}, r"--test_platform V: there are X \(8 images\), Y \(2"),
        ({"test_platform": "Z", "fold": 0}, "give only one of them"),
        ({"fold": 9}, "no --fold 9: with --folds 5 it is 0 to 4"),
        ({"fold": 0, "folds": 8}, r"A has 7 groups by slide, too few for --folds 8: choose --folds 7"),
    ],
)
def test_a_choice_that_cannot_be(two: list[Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RunData(two[0], **options)


def test_platforms_that_are_missing_or_leave_nothing(two: list[Path], make_set: MakeSet) -> None:
    none = make_set("C", training={"c": {"platform": "X"}, "d": {}}, validation={"e": {"platform": "X"}})
    with pytest.raises(ValueError, match=r'but 1 of 3 in .*C have none: add "platform"'):
        RunData([two[0], none], test_platform="X")
    (none / "dataset.json").write_text((none / "dataset.json").read_text().replace("{}", '{"platform": "X"}'))
    every = make_set("D", training={"f": {"platform": "X"}}, validation={"g": {"platform": "X"}})
    data = RunData(every, test_platform="X")
    assert sorted(stems(data.items("test"))) == ["f", "g"]
    with pytest.raises(ValueError, match=r"--test_platform X leaves no training images in .*D: list some"):
        data.items("training")


def test_folders_that_cannot_go_together(two: list[Path], make_set: MakeSet) -> None:
    with pytest.raises(ValueError, match="names .*A twice"):
        RunData([two[0], f"{two[0]}/../A"])
    with pytest.raises(ValueError, match="names no folder"):
        RunData([])
    copied = shutil.copytree(two[0], two[0].parent / "copy")
    with pytest.raises(ValueError, match="A and .*copy are both named A: rename one"):
        RunData([two[0], copied])
    content = json.loads((copied / "dataset.json").read_text()) | {"name": "C"}
    content["test"] = [{"image": str(two[0] / "images/a0.png"), "label": "labels/a0.tif"}]
    (copied / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"a0.png is listed in both .*A and .*copy: take it out"):
        RunData([two[0], copied])


def test_channels_have_to_be_in_every_data_set(two: list[Path]) -> None:
    assert RunData(two[0], channels="DAPI").items("training")
    with pytest.raises(ValueError, match="B.images.b0.png has no channel DAPI"):
        RunData(two, channels="DAPI").items("training")


def test_only_the_list_that_is_asked_for_is_looked_into(two: list[Path]) -> None:
    (two[0] / "images/a0.png").write_bytes(b"")
    data = RunData(two)
    assert stems(data.items("test")) == ["a8", "a9"]
    with pytest.raises(ValueError, match="a0.png"):
        data.items("training")


def test_lists_that_cannot_be_used(two: list[Path]) -> None:
    with pytest.raises(ValueError, match=r"test list of .*B is empty: use training \(4 .*validation \(1"):
        RunData(two[1]).items("test")
    with pytest.raises(ValueError, match="no list 'valid': did you mean validation"):
        RunData(two[1]).items("valid")
    content = json.loads((two[1] / "dataset.json").read_text())
    del content["training"][2]["label"]
    (two[1] / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="b2.png has no label in the training list of .*B"):
        RunData(two).items("training")


@pytest.mark.parametrize("split", ["training", "validation"])
def test_lists_without_any_nucleus_are_refused(two: list[Path], split: str) -> None:
    for item in RunData(two[0]).items(split):
        tifffile.imwrite(item["label"], np.zeros((8, 9), np.uint16))
    data = RunData(two[0])
    with pytest.raises(
        ValueError, match=rf"none of the \d labels of the {split} list holds a nucleus .*a\d.tif"
    ):
        data.items(split)
    assert data.items("test")
    assert RunData(two).items(split)  # the other set has nuclei


def test_some_empty_labels_are_images_without_nuclei(two: list[Path]) -> None:
    items = RunData(two[0]).items("training")
    for item in items[:-1]:
        tifffile.imwrite(item["label"], np.zeros((8, 9), np.uint16))
    assert RunData(two[0]).items("training") == items


def test_a_test_list_may_be_without_nuclei(two: list[Path]) -> None:
    for item in RunData(two[0]).items("test"):
        tifffile.imwrite(item["label"], np.zeros((8, 9), np.uint16))
    assert len(RunData(two[0]).items("test")) == 2


def test_all_images_that_two_data_sets_list_are_named(
    two: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    content = json.loads((two[1] / "dataset.json").read_text())
    for entry, stem in zip(content["training"], ("a0", "a1"), strict=False):
        entry["image"] = str(two[0] / f"images/{stem}.png")
    (two[1] / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=r"^2 of \d+ images are listed twice .*the first: .*a0.png is listed in both"
    ):
        RunData(two)
    assert [stem in caplog.text for stem in ("a0.png", "a1.png", "a2.png")] == [True, True, False]


def test_all_images_without_label_of_a_list_are_named(
    two: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    content = json.loads((two[1] / "dataset.json").read_text())
    for number in (1, 3):
        del content["training"][number]["label"]
    (two[1] / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="^2 of 4 images have no label .*the first: .*b1.png has no label"):
        RunData(two).items("training")
    assert "b3.png has no label in the training list" in caplog.text


def test_a_training_names_the_bad_files_of_both_its_lists(
    two: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a1", "a6", "a8"):
        (two[0] / f"images/{name}.png").write_bytes(b"")
    with pytest.raises(ValueError, match="^2 of 8 images cannot be used .*the first: .*a1.png"):
        RunData(two[0]).items("training")
    assert [name in caplog.text for name in ("a1.png", "a6.png", "a8.png")] == [True, True, False]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (
            {"training": ["a", "b"], "validation": ["c"], "test": ["a"]},
            "1 image more than once, the first is .*a.png (training, test)",
        ),
        (
            {"training": ["b", "a", "a"], "validation": ["b"], "test": ["a", "c"]},
            "2 images more than once, the first is .*b.png (training, validation)",
        ),
        ({"training": ["a", "a"], "test": ["b"]}, "1 image more than once, .*a.png (training, training)"),
    ],
)
def test_images_that_are_listed_twice_are_told_with_a_warning(
    make_set: MakeSet, caplog: pytest.LogCaptureFixture, lists: dict[str, list[str]], said: str
) -> None:
    folder = make_set("A", training={"a": {}, "b": {}}, validation={"c": {}}, test={})
    entries = {split: [{"image": f"images/{stem}.png"} for stem in stems] for split, stems in lists.items()}
    (folder / "dataset.json").write_text(json.dumps(entries))
    RunData(folder)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert re.search("data set A lists " + re.sub(r"([()])", r"\\\1", said), warning)


def test_images_that_are_listed_once_or_dealt_anew_are_not_told(
    make_set: MakeSet, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_set("A", training={stem: {} for stem in "abcdef"}, validation={"g": {}}, test={"h": {}})
    RunData(folder)
    content = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(content | {"test": content["training"]}))
    RunData(folder, fold=0, folds=3)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
