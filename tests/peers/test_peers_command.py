"""The command on a package of some lines: the same lists, the same report, the same store as a bundle."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from mlflow import MlflowClient

import scripts.peers
from common.datalists import load_datalist
from common.metrics import score_image, summarize
from common.readers import read_image, read_labels
from common.release import OVERVIEW, Recipe
from common.sample import write_sample

from .conftest import Fake

Run = Callable[..., Path]


def test_a_peer_is_scored_by_our_metrics_on_the_bundles_lists(run: Run, fake: Fake, images: Path) -> None:
    report = run(steps=5)
    told = json.loads((report / "metrics.json").read_text("utf-8"))
    items = load_datalist(images, "test")
    assert [row["image"] for row in told["images"]] == [item["image"] for item in items]
    maps = sorted(report.parent.glob("predictions/test/*.tif"))
    assert len(maps) == 2
    scores = summarize(
        [
            score_image(read_labels(item["label"]), tifffile.imread(file))
            for item, file in zip(items, maps, strict=True)
        ]
    )
    assert told["pq_pooled"] == pytest.approx(scores["pq_pooled"]) and told["dice_mean"] > 0.3
    assert told["cost"]["parameters"] == 1 and told["cost"]["images_per_second"] > 0
    assert told["cost"]["training_processor_seconds"] >= 0 and told["cost"]["threads"] == 1
    assert (report / "best_and_worst.png").is_file()
    assert fake.calls == ["train 3 1 seed 0 threads 1", *["segment (96, 80)"] * 3]  # one warms up


def test_it_stands_beside_the_bundles_in_mlflow(run: Run, images: Path) -> None:
    run(steps=5, seed=2)
    # Absolute: within one process MLflow keeps the data base that a relative address first meant.
    client = MlflowClient(f"sqlite:///{Path('mlruns.db').absolute().as_posix()}")
    experiment = client.get_experiment_by_name(_name(images))
    assert experiment is not None
    runs = {each.data.tags["job"]: each for each in client.search_runs([experiment.experiment_id])}
    training, evaluation = runs["training"], runs["evaluating"]
    for each in runs.values():
        tags = each.data.tags
        assert (tags["bundle"], tags["variant"], tags["budget"]) == ("fake", "peer", "5 steps")
        assert len(tags["data_fingerprint"]) == 12 and each.info.status == "FINISHED"
    losses = client.get_metric_history(training.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in losses] == [(1, 2.0), (2, 1.0)]
    names = set(evaluation.data.metrics)
    assert len({name for name in names if name.startswith("test/")}) == 10 and "test/pq_pooled" in names
    assert {"parameters", "images_per_second", "training_seconds", "training_processor_seconds"} <= names
    tags = evaluation.data.tags
    assert (tags["seed"], tags["lists"], tags["split"]) == ("2", "as listed", "test")
    kept = {file.path for file in client.list_artifacts(evaluation.info.run_id)}
    assert {"metrics.json", "best_and_worst.png"} <= kept


def _name(images: Path) -> str:
    return str(json.loads((images / "dataset.json").read_text("utf-8"))["name"])


def test_what_is_done_is_not_done_again_and_other_conditions_are_others(run: Run, fake: Fake) -> None:
    first = run(steps=5, mlflow=False)
    before = (first / "metrics.json").read_bytes()
    count = len(fake.calls)
    assert run(steps=5, mlflow=False) == first and len(fake.calls) == count
    assert (first / "metrics.json").read_bytes() == before
    other = run(steps=5, seed=1, mlflow=False)
    assert other != first and fake.calls[count].startswith("train 3 1 seed 1")
    count = len(fake.calls)
    validation = run(steps=5, split="validation", mlflow=False)
    assert validation == first and [call for call in fake.calls[count:] if call.startswith("train")] == []


def test_a_prediction_that_was_cut_goes_on(run: Run, fake: Fake) -> None:
    (fake.folder / "stop").touch()
    with pytest.raises(
        RuntimeError, match=r"fake failed: RuntimeError: the rays crossed \(the log is .*goes on"
    ):
        run(steps=5, mlflow=False)
    (fake.folder / "stop").unlink()
    count = len(fake.calls)
    report = run(steps=5, mlflow=False)
    assert fake.calls[count:] == ["segment (96, 80)"] * 2, "one warms up, one was missing"
    assert len(json.loads((report / "metrics.json").read_text("utf-8"))["images"]) == 2


def test_a_list_after_one_that_was_cut_has_label_maps_of_its_own_images(run: Run, fake: Fake) -> None:
    (fake.folder / "stop").touch()
    with pytest.raises(RuntimeError, match="the rays crossed"):
        run(steps=5, mlflow=False)
    (fake.folder / "stop").unlink()
    after = run(steps=5, split="validation", mlflow=False)
    clean = run(steps=5, seed=1, split="validation", mlflow=False)  # the same network: it learns no chance
    maps = [list(report.parent.glob("predictions/validation/*.tif")) for report in (after, clean)]
    assert len(maps[0]) == len(maps[1]) == 1
    assert np.array_equal(*(tifffile.imread(file) for (file,) in maps))


def test_a_broken_environment_is_told_before_anything_is_trained(run: Run, fake: Fake) -> None:
    adapter = fake.folder / "adapter.py"
    adapter.write_text("import a_package_that_is_gone\n" + adapter.read_text("utf-8"))
    with pytest.raises(
        RuntimeError, match=r"environment of fake in .* is broken \(ModuleNotFoundError.*remove"
    ):
        run(steps=5, mlflow=False)
    assert not fake.calls


def test_weights_are_run_without_a_training(run: Run, fake: Fake, tmp_path: Path) -> None:
    fake.tell(says="A threshold", trains=False, needs="take them from there and name them with --pretrained")
    with pytest.raises(FileNotFoundError, match="fake needs weights: take them from there"):
        run(mlflow=False)
    with pytest.raises(FileNotFoundError, match=r"--pretrained gone.pt is not there"):
        run(pretrained="gone.pt", mlflow=False)
    weights = tmp_path / "cut.json"
    weights.write_text("0.3")
    report = run(pretrained=str(weights), mlflow=False)
    cost = json.loads((report / "metrics.json").read_text("utf-8"))["cost"]
    assert "training_seconds" not in cost and not [call for call in fake.calls if call.startswith("train")]


def test_a_comment_or_another_number_of_threads_is_no_other_method(run: Run, fake: Fake) -> None:
    first = run(steps=5, mlflow=False)
    adapter = fake.folder / "adapter.py"
    adapter.write_text("# a comment\n" + adapter.read_text("utf-8"))
    assert run(steps=5, threads=2, mlflow=False) == first
    adapter.write_text(adapter.read_text("utf-8").replace("/ 2", "/ 3"))
    assert run(steps=5, mlflow=False) != first


def test_channels_reach_the_package_last(run: Run, fake: Fake, images: Path) -> None:
    for file in (images / "images").iterdir():
        pixels = read_image(file).pixels[0]
        tifffile.imwrite(
            file.with_suffix(".tif"), np.stack([pixels, 0 * pixels]), photometric="minisblack",
            metadata={"axes": "CYX"},
        )  # fmt: skip
        if file.suffix != ".tif":
            file.unlink()
    text = (images / "dataset.json").read_text("utf-8").replace(".png", ".tif")
    lists = json.loads(text)
    for item in [lists, *(item for name in ("training", "validation", "test") for item in lists[name])]:
        item.pop("channels", None)
    (images / "dataset.json").write_text(json.dumps(lists), encoding="utf-8")
    run(steps=1, mlflow=False)
    assert fake.calls[-1] == "segment (96, 80, 2)"
    run(steps=1, channels=0, mlflow=False)
    assert fake.calls[-1] == "segment (96, 80)"


def test_minutes_are_of_processor_time(run: Run, fake: Fake) -> None:
    report = run(minutes=0.02, mlflow=False)
    told = json.loads((report.parent / "train.json").read_text("utf-8"))
    assert 1.2 <= told["processor_seconds"] < 5 and told["steps"] > 100


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 1, "steps": 3}, "--minutes and --steps both"),
        ({"steps": 0}, "--steps must be a whole number of at least 1, not 0"),
        ({"minutes": 0}, "--minutes 0 trains nothing: name weights with --pretrained"),
        ({"minutes": -1}, "--minutes must be a number above 0, not -1"),
        ({"seed": -1}, "--seed must be a whole number of at least 0, not -1"),
        ({"threads": 0}, "--threads must be a whole number of at least 1"),
        ({"split": "tets"}, "--split must be one of training, validation, test, not 'tets'"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, fake: Fake, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        run(**{"steps": None, **options})
    assert not fake.calls


def test_a_store_that_is_locked_is_told_and_the_peer_stays_done(
    run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="no MLflow server answers"):
        run(steps=5)
    assert not fake.calls, "nobody trains for hours to hear that"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert (run(steps=5) / "metrics.json").is_file()


def test_the_package_sees_nothing_of_this_project(
    run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.fspath(Path(__file__).parents[2]))
    adapter = fake.folder / "adapter.py"
    adapter.write_text("import common.files\n" + adapter.read_text("utf-8"))
    with pytest.raises(RuntimeError, match="ModuleNotFoundError: No module named 'common'"):
        run(steps=5, mlflow=False)


def test_images_of_another_laboratory_are_scored_by_the_same_training(
    run: Run, fake: Fake, images: Path, tmp_path: Path
) -> None:
    own = run(steps=5)
    other = write_sample(tmp_path / "other", counts=(1, 1, 3), shape=(64, 72), seed=9)
    told = json.loads((other / "dataset.json").read_text("utf-8"))
    (other / "dataset.json").write_text(json.dumps({**told, "name": "Elsewhere"}))
    report = run(steps=5, scored_dir=str(other))
    assert sum(call.startswith("train") for call in fake.calls) == 1
    assert report == own.with_name("evaluation_Elsewhere_test") and own.is_dir()
    scored = json.loads((report / "metrics.json").read_text("utf-8"))
    assert [row["image"] for row in scored["images"]] == [
        item["image"] for item in load_datalist(other, "test")
    ]
    client = MlflowClient(f"sqlite:///{Path('mlruns.db').absolute().as_posix()}")
    experiment = client.get_experiment_by_name("Elsewhere")
    assert experiment is not None
    (evaluation,) = client.search_runs([experiment.experiment_id])
    assert evaluation.data.tags["changes"] == f"trained on {images.name}"
    with pytest.raises(
        ValueError, match=r"--beside logsage scores the lists of its recipe: leave out --scored"
    ):
        run(steps=5, scored_dir=str(other), beside="logsage")


def test_beside_released_weights_each_list_is_scored_and_told(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [
        write_sample(tmp_path / name, counts=(3, 1, 2), shape=(96, 80), seed=i) for i, name in enumerate("ab")
    ]
    for folder in folders:
        told = json.loads((folder / "dataset.json").read_text("utf-8"))
        (folder / "dataset.json").write_text(json.dumps({**told, "name": folder.name}))
    lists = (("a", "test"), ("b", "validation"))
    recipe = Recipe(
        tmp_path / "bundles" / "first", tmp_path / "release.json", ("a", "b"), lists, "Apache-2.0"
    )
    monkeypatch.setattr(scripts.peers, "read_recipe", lambda folder: recipe)
    monkeypatch.setattr(scripts.peers, "project_root", lambda: tmp_path)
    (tmp_path / "README.md").write_text(f"before\n{OVERVIEW.begin}\n{OVERVIEW.end}\nafter\n")
    command = partial(scripts.peers.peers, "fake", steps=5, threads=1, beside="logsage", mlflow=False)
    report = command(dataset_dir=[str(folder) for folder in folders])
    assert [call for call in fake.calls if call.startswith("train")] == ["train 6 2 seed 0 threads 1"]
    told = json.loads((fake.folder / "scores.json").read_text("utf-8"))
    assert list(told) == ["a test", "b validation"] and told["a test"]["trained_on"] == ["a", "b"]
    assert [told[title]["images"] for title in told] == [2, 1]
    scores = json.loads((report / "metrics.json").read_text("utf-8"))
    assert told["b validation"]["scores"]["pq"] == pytest.approx(scores["pq_pooled"], abs=1e-6)
    rows = (OVERVIEW.read(tmp_path / "README.md") or "").splitlines()[2:]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| a test", "A threshold, 5 steps"], ["| b validation", "A threshold, 5 steps"],
    ]  # fmt: skip
    assert f"{scores['pq_pooled']:.3f}" in rows[1] and "after" in (tmp_path / "README.md").read_text()
    with pytest.raises(ValueError, match=r"trained on a and b: name these with --dataset_dir, not a$"):
        command(dataset_dir=str(folders[0]))
    with pytest.raises(ValueError, match=r"lists as they are: leave out --fold"):
        command(dataset_dir=[str(folder) for folder in folders], fold=0)
    with pytest.raises(ValueError, match=r"--beside logsage tells .* leave out --pretrained"):
        command(dataset_dir=[str(folder) for folder in folders], pretrained=str(report / "metrics.json"))


@pytest.fixture
def beside(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The command beside a recipe that trains on the folders a (and more), and scores the named lists."""

    def command(scored: Sequence[tuple[str, str]], data: tuple[str, ...] = ("a",), **options: Any) -> Path:
        place = tmp_path / "bundles" / "first"
        recipe = Recipe(place, tmp_path / "release.json", data, tuple(scored), "Apache-2.0")
        monkeypatch.setattr(scripts.peers, "read_recipe", lambda folder: recipe)
        monkeypatch.setattr(scripts.peers, "project_root", lambda: tmp_path)
        (tmp_path / "README.md").write_text(f"{OVERVIEW.begin}\n{OVERVIEW.end}\n")
        folders = [str(tmp_path / "data" / name) for name in data]
        return scripts.peers.peers(
            "fake", dataset_dir=folders, steps=5, threads=1, beside="logsage", **options
        )  # fmt: skip

    for seed, name in enumerate("ab"):
        folder = write_sample(tmp_path / "data" / name, counts=(3, 1, 2), shape=(96, 80), seed=seed)
        told = json.loads((folder / "dataset.json").read_text("utf-8"))
        # By another name than its folder's: a recipe names folders, as scripts.release does.
        (folder / "dataset.json").write_text(json.dumps({**told, "name": f"My cells {name}"}))
    return command


def test_beside_released_weights_data_that_are_only_scored_are_found_beside_the_others(
    beside: Callable[..., Path], fake: Fake
) -> None:
    beside([("a", "test"), ("b", "validation")], mlflow=False)
    assert [call for call in fake.calls if call.startswith("train")] == ["train 3 1 seed 0 threads 1"]
    told = json.loads((fake.folder / "scores.json").read_text("utf-8"))
    assert {title: each["images"] for title, each in told.items()} == {"a test": 2, "b validation": 1}
    with pytest.raises(FileNotFoundError, match=r"data set folder .*data.gone does not exist"):
        beside([("a", "test"), ("gone", "test")], mlflow=False)


def test_beside_released_weights_a_training_on_more_data_is_another_method(
    beside: Callable[..., Path], fake: Fake, tmp_path: Path
) -> None:
    scripts.peers.peers("fake", dataset_dir=str(tmp_path / "data" / "a"), steps=5, threads=1)
    beside([("a", "test")])
    beside([("a", "test")], data=("a", "b"))
    client = MlflowClient(f"sqlite:///{Path('mlruns.db').absolute().as_posix()}")
    experiment = client.get_experiment_by_name("My cells a")
    assert experiment is not None
    runs = client.search_runs(
        [experiment.experiment_id], "tags.job = 'evaluating'", order_by=["attributes.start_time ASC"]
    )
    alone, same, more = (run.data.tags for run in runs)
    assert [tags["changes"] for tags in (alone, same, more)] == ["", "", "trained on a and b"]
    assert alone["method_key"] == same["method_key"] != more["method_key"]
