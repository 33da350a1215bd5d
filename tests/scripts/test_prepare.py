"""A prepared folder can be trained on; it appears whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile
from monai.data import DataLoader
from PIL import Image

from common.conversions import DatasetImage, RemoteFile, _module, dataset_readers
from common.datalists import RunData, load_datalist
from common.files import sha256_of
from common.readers import read_image, read_labels
from scripts.prepare import _write_json, prepare

IMAGE = np.arange(3 * 24 * 32, dtype=np.uint16).reshape(3, 24, 32)


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    for number in range(6):
        case = tmp_path / "stage1_train" / f"id{number}"
        (case / "images").mkdir(parents=True)
        (case / "masks").mkdir()
        mask = np.zeros((24, 32), np.uint8)
        mask[number : number + 6, 2:20] = 255
        Image.fromarray(np.stack([mask // 3] * 3 + [mask * 0 + 255], axis=2)).save(
            case / "images" / f"{case.name}.png"
        )
        Image.fromarray(mask).save(case / "masks" / "m.png")
    return tmp_path / "stage1_train"


@pytest.fixture
def qupath(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    outline = {"type": "Polygon", "coordinates": [[[2, 3], [9, 3], [9, 8], [2, 8], [2, 3]]]}
    feature = {"type": "Feature", "geometry": outline, "properties": {"classification": {"name": "Tumor"}}}
    for name in "abc":
        metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3", "CD8"]}}
        tifffile.imwrite(folder / f"{name}.ome.tif", IMAGE, photometric="minisblack", metadata=metadata)
        (folder / f"{name}.geojson").write_text(json.dumps([feature]))
    return folder


def test_bbbc038_is_ready_to_train_on(kaggle: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "data" / "kaggle"
    prepare("bbbc038", str(kaggle), output=str(output))
    assert "6 images (4 training, 1 validation, 1 test)" in capsys.readouterr().out
    items = [item for split in ("training", "validation", "test") for item in load_datalist(output, split)]
    assert sorted(Path(item["image"]).stem for item in items) == [f"id{number}" for number in range(6)]
    for item in items:
        image, labels = read_image(item["image"]).pixels, read_labels(item["label"])
        assert image.shape == (1, 24, 32) and ((image[0] > 0) == (labels > 0)).all()
    assert json.loads((output / "dataset.json").read_text())["name"] == "kaggle"
    assert sorted(path.name for path in output.parent.iterdir()) == ["kaggle"]


def test_qupath_keeps_the_image_as_it_is(qupath: Path, tmp_path: Path) -> None:
    prepare("qupath", str(qupath), output=str(tmp_path / "mine"))
    (item,) = load_datalist(tmp_path / "mine", "validation", channels="CD3")
    image = read_image(item["image"], channels="CD3")
    assert image.channel_names == ("CD3",) and (image.pixels[0] == IMAGE[1]).all()
    labels = read_labels(item["label"])
    assert (labels[3:8, 2:9] == 1).all() and labels.sum() == 35
    assert json.loads((tmp_path / "mine" / item["classes"]).read_text()) == {"1": "Tumor"}


def test_a_patient_of_monuseg_is_in_one_list_and_published_test_images_are_tested(tmp_path: Path) -> None:
    corners = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in ((2, 3), (9, 3), (9, 8), (2, 8)))
    outline = (
        f'<Annotations MicronsPerPixel="0.25"><Region><Vertices>{corners}</Vertices></Region></Annotations>'
    )
    source = tmp_path / "monuseg"
    patients = [f"TCGA-A{number}-1234" for number in range(6)]
    for patient in [*patients, "TCGA-ZZ-0000"]:
        folder = source / ("Test" if patient.endswith("0000") else "Tissue Images")
        folder.mkdir(parents=True, exist_ok=True)
        for slide in range(1 + int(patient[6:7] in "02")):
            tifffile.imwrite(
                folder / f"{patient}-{slide}.tif", np.zeros((24, 32, 3), np.uint8), photometric="rgb"
            )
            (folder / f"{patient}-{slide}.xml").write_text(outline)
    for seed in range(4):
        output = tmp_path / f"out{seed}"
        prepare("monuseg", str(source), output=str(output), seed=seed)
        content = json.loads((output / "dataset.json").read_text())
        lists = [{item["patient"] for item in content[name]} for name in ("training", "validation", "test")]
        assert lists[2] == {"TCGA-ZZ-0000"} and lists[1]
        assert lists[0].isdisjoint(lists[1]) and lists[0] | lists[1] == set(patients)
        assert sum(len(content[name]) for name in ("training", "validation", "test")) == 9
    (item,) = load_datalist(output, "test")
    assert read_labels(item["label"]).sum() == 35 and item["pixel_size_um"] == 0.25


@pytest.mark.parametrize("share", [0.15, 0.2, 0.4])
@pytest.mark.parametrize("published", [False, True])
def test_the_share_of_the_validation_is_counted_in_patients(
    tmp_path: Path, share: float, published: bool
) -> None:
    # Every other patient has one image, the others five: twenty patients, sixty images.
    patients = [f"p{number}" for number in range(20) for _ in range(1 + 4 * (number % 2))]
    written = [("", {"image": f"{number}.png", "patient": name}) for number, name in enumerate(patients)]
    if published:
        written.append(("test", {"image": "t.png", "patient": "t"}))
    counts = []
    for seed in range(6):
        told = _write_json(tmp_path, "x", {}, written, seed=seed, validation=share)
        lists = json.loads((tmp_path / "dataset.json").read_text())
        dealt = {split: [item["patient"] for item in lists[split]] for split in told}
        assert told == {split: len(images) for split, images in dealt.items()}
        assert sorted(sum(dealt.values(), [])) == sorted(patients + ["t"] * published)
        assert len(set(dealt["validation"])) == 20 * share
        assert len(set(dealt["test"])) == (1 if published else 20 * 0.15)
        assert sum(len(set(images)) for images in dealt.values()) == 20 + published, "a patient is in two"
        counts.append(told["validation"])
    assert len(set(counts)) > 1, "the number of images depends on whose they are"


def test_the_share_of_the_validation_is_an_option(kaggle: Path, tmp_path: Path) -> None:
    lists = []
    for number, options in enumerate(({}, {"validation": 0.15}, {"validation": 0.5})):
        prepare("bbbc038", str(kaggle), output=str(tmp_path / f"out{number}"), **options)
        content = json.loads((tmp_path / f"out{number}/dataset.json").read_text())
        lists.append([len(content[split]) for split in ("training", "validation", "test")])
    assert lists == [[4, 1, 1], [4, 1, 1], [2, 3, 1]]
    for wrong in (0, -0.2, 0.9, 20, True, "a lot", float("nan")):
        with pytest.raises(ValueError, match="give --validation a share above 0, at most 0.8"):
            prepare("bbbc038", str(kaggle), output=str(tmp_path / "wrong"), validation=wrong)


def test_test_only_makes_all_images_test(
    kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare("bbbc038", str(kaggle), output=str(tmp_path / "out"), test_only=True)
    assert len(RunData(tmp_path / "out").items("test")) == 6
    label_map = np.ones((24, 32), np.uint16)
    images = [
        DatasetImage(f"{number}", IMAGE, label_map, split=split, fold=fold)
        for number, (split, fold) in enumerate([("training", 1), ("validation", 2), ("test", 3)])
    ]
    monkeypatch.setattr("scripts.prepare.read_dataset", lambda *_, **__: images)
    prepare("pannuke", str(kaggle), output=str(tmp_path / "published"), test_only=True)
    lists = json.loads((tmp_path / "published/dataset.json").read_text())
    assert [len(lists[split]) for split in ("training", "validation", "test")] == [0, 0, 3]
    with pytest.raises(ValueError, match=r"all images test, --folds 2,1,3 some: leave one out"):
        prepare("pannuke", str(kaggle), output=str(tmp_path / "x"), test_only=True, folds="2,1,3")


def test_the_seed_makes_the_split(kaggle: Path, tmp_path: Path) -> None:
    splits = []
    for number, seed in enumerate((0, 0, 1, 2, 3)):
        prepare("bbbc038", str(kaggle), output=str(tmp_path / f"out{number}"), seed=seed)
        splits.append(
            tuple(Path(item["image"]).stem for item in load_datalist(tmp_path / f"out{number}", "training"))
        )
    assert splits[0] == splits[1] and len(set(splits)) > 1


def test_nothing_appears_when_it_fails(kaggle: Path, tmp_path: Path) -> None:
    (kaggle / "id5/masks/m.png").write_bytes(b"broken")
    output = tmp_path / "data" / "kaggle"
    with pytest.raises(ValueError, match="m.png cannot be read"):
        prepare("bbbc038", str(kaggle), output=str(output))
    assert list(output.parent.iterdir()) == []


def test_an_output_that_holds_something_is_left_alone(kaggle: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/precious.txt").write_text("x")
    with pytest.raises(FileExistsError, match="full exists already: give --output a new folder"):
        prepare("bbbc038", str(kaggle), output=str(tmp_path / "full"))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious.txt"]
    (tmp_path / "empty").mkdir()
    prepare("bbbc038", str(kaggle), output=str(tmp_path / "empty"))
    assert (tmp_path / "empty/dataset.json").is_file()


def test_an_unknown_set_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'qpath': did you mean qupath"):
        prepare("qpath", "x", output=str(tmp_path / "out"))


def drawn(stem: str, **known: object) -> DatasetImage:
    label_map = np.zeros((24, 32), np.uint16)
    label_map[3:9, 4:12] = 1
    return DatasetImage(stem, (label_map * 90).astype(np.uint8)[None], label_map, **known)


def prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: list[DatasetImage], **options: object
) -> dict[str, list[str]]:
    monkeypatch.setattr("scripts.prepare.read_dataset", lambda *_, **__: iter(images))
    output = Path(tempfile.mkdtemp(dir=tmp_path)) / "out"
    prepare("pannuke", "anything", output=str(output), **options)
    content = json.loads((output / "dataset.json").read_text())
    assert content["licence"] == "CC BY-NC-SA 4.0"
    return {
        split: [Path(item["image"]).stem for item in content[split]]
        for split in ("training", "validation", "test")
    }


def test_published_lists_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = ["test", "training", "validation", "training", "test", "training"]
    images = [drawn(f"i{number}", split=split) for number, split in enumerate(splits)]
    for seed in range(3):
        lists = prepared(tmp_path, monkeypatch, images, seed=seed, validation=0.5)
        assert lists == {"training": ["i1", "i3", "i5"], "validation": ["i2"], "test": ["i0", "i4"]}


@pytest.mark.parametrize(
    ("folds", "expected"),
    [
        ((1, 2, 3), {"training": ["f1"], "validation": ["f2a", "f2b"], "test": ["f3"]}),
        ("3,2,1", {"training": ["f3"], "validation": ["f2a", "f2b"], "test": ["f1"]}),
        ((2, 1, 3), {"training": ["f2a", "f2b"], "validation": ["f1"], "test": ["f3"]}),
    ],
)
def test_published_folds_take_the_roles_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folds: object, expected: dict[str, list[str]]
) -> None:
    images = [drawn("f1", fold=1), drawn("f2a", fold=2), drawn("f2b", fold=2), drawn("f3", fold=3)]
    assert prepared(tmp_path, monkeypatch, images, folds=folds) == expected
    output = next(tmp_path.glob("*/out"))
    for item in load_datalist(output, "validation"):
        assert item["published_fold"] == Path(item["image"]).stem[1]


@pytest.mark.parametrize(
    ("folds", "lists"), [(None, ["123", "4", "5"]), ("2+3+4,5,1", ["234", "5", "1"]), ("1,2,3", None)]
)
def test_of_five_folds_several_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folds: str | None, lists: list[str] | None
) -> None:
    images = [drawn(f"f{number}", fold=number) for number in range(1, 6)]
    found = prepared(tmp_path, monkeypatch, images, **({} if folds is None else {"folds": folds}))
    if lists is None:  # which of the five would have no list
        assert sorted(sum(found.values(), [])) == [f"f{number}" for number in range(1, 6)]
    else:
        assert list(found.values()) == [[f"f{number}" for number in each] for each in lists]


def test_a_fold_alone_is_split_by_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    images = [drawn(f"i{number}", fold=2) for number in range(10)]
    lists = prepared(tmp_path, monkeypatch, images)
    assert [len(names) for names in lists.values()] == [6, 2, 2]
    assert "has fold 2 alone: the lists are made by seed" in caplog.text


@pytest.mark.parametrize("folds", ["1,2", "1,1,2", (0, 1, 2), "a,b,c", 3, True, "1+2,3", "1+2+2,3,4"])
def test_folds_that_are_none_are_refused(tmp_path: Path, folds: object) -> None:
    with pytest.raises(ValueError, match="name the published folds that train, validate and test, such as"):
        prepare("pannuke", "anything", output=str(tmp_path / "out"), folds=folds)


def test_whole_cells_lie_beside_the_nuclei_and_a_training_reads_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = np.zeros((24, 32), np.uint16)
    cells[2:11, 2:14], cells[15:20, 2:14] = 1, 2
    told = [{"platform": name, "pixel_size_um": 0.5} for name in ("vectra", "codex", "vectra", "codex")]
    images = [
        drawn(f"i{number}", split=split, extras=told[number], cell_map=cells if number < 3 else None)
        for number, split in enumerate(("training", "training", "validation", "test"))
    ]
    prepared(tmp_path, monkeypatch, images)
    output = next(tmp_path.glob("*/out"))
    listed = json.loads((output / "dataset.json").read_text())
    assert [item.get("cell_label") for item in listed["training"]] == ["cells/i0.tif", "cells/i1.tif"]
    assert "cell_label" not in listed["test"][0]
    assert sorted(path.name for path in (output / "cells").iterdir()) == ["i0.tif", "i1.tif", "i2.tif"]
    data = RunData(output)
    for item in data.items("training"):
        assert item["cell_label"] == str(output / "cells" / Path(item["label"]).name)
        assert (read_labels(item["cell_label"]) == cells).all()
        assert (read_labels(item["label"]) == drawn("i").label_map).all(), "the nuclei are what is taught"
    assert data.items("test")[0]["cell_label"] == "", "so that a batch can be made of all"
    batch = next(iter(DataLoader(data.items("training"), batch_size=2)))
    assert batch["cell_label"] == [str(output / f"cells/i{number}.tif") for number in range(2)]
    on_codex = RunData(output, test_platform="Codex")
    assert [Path(item["image"]).stem for item in on_codex.items("test")] == ["i1", "i3"]


@pytest.fixture
def web(kaggle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve the archive of bbbc038 from this machine, and note what is asked for."""
    archive = Path(shutil.make_archive(str(kaggle.parent / "web/stage1_train"), "zip", kaggle))
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(archive.parent)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    files = (RemoteFile(f"http://127.0.0.1:{server.server_address[1]}/stage1_train.zip"),)
    monkeypatch.setattr("common.conversions.fluorescence.bbbc038.FILES", files)
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_source_the_data_set_is_downloaded_once(web: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        prepare("bbbc038", output=str(tmp_path / "data" / name))
    archive = tmp_path / "data/downloads/bbbc038/stage1_train.zip"
    assert web == ["/stage1_train.zip"] and archive.is_file()
    content = json.loads((tmp_path / "data/two/dataset.json").read_text())
    (told,) = content["sources"]
    assert told["url"].endswith("/stage1_train.zip") and content["licence"] == "CC0"
    assert told["bytes"] == archive.stat().st_size and told["sha256"] == sha256_of(archive)
    assert len(load_datalist(tmp_path / "data/two", "training")) == 4
    prepare("bbbc038", output=str(tmp_path / "three"), downloads=str(tmp_path / "kept"))
    assert (tmp_path / "kept/stage1_train.zip").is_file()


OWN = ("imagej", "qupath")


@pytest.mark.parametrize("name", dataset_readers())
def test_every_data_set_can_be_downloaded_or_says_what_to_fetch_by_hand(name: str, tmp_path: Path) -> None:
    own = name in OWN
    module = _module(name)
    files = getattr(module, "FILES", ())
    for file in files:
        assert file.url.startswith("https://") and file.name.endswith(".zip")
    if not files:
        with pytest.raises(ValueError, match=rf"^{name} cannot be downloaded by a command: .*--source"):
            prepare(name, output=str(tmp_path / "out"))
        assert not (tmp_path / "out").exists()
    assert own or module.LICENCE in " ".join(module.__doc__.split()) or "for research" in module.LICENCE
