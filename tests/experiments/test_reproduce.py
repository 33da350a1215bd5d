"""A table from its command to its results: what is done stays, what failed or is wrong is named."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from common.datalists import dataset_name
from common.experiments import CommandError, DiskFullError
from common.files import hold
from scripts.reproduce import reproduce

from .conftest import Commands, write_table


def run(images: Path, **options: Any) -> Path:
    return reproduce("logsage", **{"table": "tiny", "dataset_dir": str(images), "mlflow": False, **options})


def test_a_table_has_every_row_beside_the_paper(place: Path, images: Path, commands: Commands) -> None:
    folder = run(images, seeds=3)
    assert folder == Path("runs/tables/logsage/tiny") / f"short_{dataset_name(images)}"
    text = (folder / "table.md").read_text("utf-8")
    assert "| a | 0.615 ± 0.100 [0.605, 0.625] | 0.9 | 0.300 ± 0.050 |" in text
    assert "| b | 0.415 ± 0.100 [0.405, 0.425] | 0.8 | 0.200 ± 0.050 |" in text
    assert "a is better: the direction held: a 0.615 against b 0.415 on dice_mean" in text
    assert "budget short" in text and "seeds 0, 1, 2" in text
    assert len(commands.ran) == 3 * 2 * 2
    for picture in ("table.png", "violins.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    lines = (folder / "cells.csv").read_text("utf-8").splitlines()
    assert lines[:2] == ["row,seed,fold,dice_mean,pq_pooled", "a,0,,0.515000,0.250000"] and len(lines) == 7
    assert "logsage/tiny,b,dice_mean,0.415000,0.100000,3," in (folder / "table.csv").read_text("utf-8")


def test_done_cells_are_not_run_again(place: Path, images: Path, commands: Commands) -> None:
    folder = run(images)
    before = {name: (folder / name).read_bytes() for name in ("table.md", "table.csv", "cells.csv")}
    commands.ran.clear()
    run(images)
    assert not commands.ran
    assert before == {name: (folder / name).read_bytes() for name in before}
    run(images, seeds=2)
    assert len(commands.ran) == 4 and all("seed1/" in " ".join(words) for words in commands.ran)


def test_some_rows_now_and_the_others_later(place: Path, images: Path, commands: Commands) -> None:
    folder = run(images, rows="b")
    assert len(commands.ran) == 2 and all("/b/" in " ".join(words) for words in commands.ran)
    text = (folder / "table.md").read_text("utf-8")
    assert "| b | 0.315" in text and "cannot be said, there is no dice_mean of a" in text
    commands.ran.clear()
    run(images, rows=["a"])
    assert len(commands.ran) == 2 and all("/a/" in " ".join(words) for words in commands.ran)
    assert "the direction held: a 0.515 against b 0.315" in (folder / "table.md").read_text("utf-8")
    with pytest.raises(ValueError, match="no row 'c'"):
        run(images, rows="a,c")


def test_what_is_chosen_is_chosen_on_validation(
    place: Path, images: Path, commands: Commands, content: dict[str, Any]
) -> None:
    run(images, rows="a")
    content["split"] = "validation"
    write_table(place, content)
    commands.ran.clear()
    text = (run(images, rows="a") / "table.md").read_text("utf-8")
    assert "validation images" in text, "the table says which"
    evaluating = next(words for words in commands.ran if "evaluating" in words)
    assert evaluating[evaluating.index("--split") + 1] == "validation"
    content["split"] = "training"
    write_table(place, content)
    with pytest.raises(ValueError, match="no split 'training'"):
        run(images)


def test_a_platform_that_is_tested_is_trained_on_by_no_row(
    place: Path, images: Path, commands: Commands, content: dict[str, Any]
) -> None:
    content["split"], content["folds"] = "validation", 3
    write_table(place, content)
    lists = json.loads((images / "dataset.json").read_text("utf-8"))
    for items in (lists[split] for split in ("training", "validation", "test")):
        for number, item in enumerate(items):
            item["platform"] = ("widefield", "confocal")[number % 2]
    lists["validation"][0]["platform"] = "widefield"
    (images / "dataset.json").write_text(json.dumps(lists), encoding="utf-8")
    folder = run(images, test_platform="confocal")
    assert folder.name.endswith("_confocal")
    assert "test images, seed 0, confocal tested, trained on the others" in (folder / "table.md").read_text()
    for words in commands.ran:
        settings = json.loads(Path(words[words.index("--config_file") + 1].split("'")[3]).read_text())
        assert settings["test_platform"] == "confocal" and "fold" not in settings
    with pytest.raises(ValueError, match="give only one of them"):
        run(images, test_platform="confocal", folds=3)


def test_other_settings_or_data_run_what_they_concern_again(
    place: Path, images: Path, commands: Commands, content: dict[str, Any]
) -> None:
    folder = run(images)
    commands.ran.clear()
    content["rows"][1]["options"]["learning_rate"] = 0.1
    write_table(place, content)
    run(images)
    assert len(commands.ran) == 2 and all("/b/" in " ".join(words) for words in commands.ran)
    assert len(list((folder / "b").glob("seed0_until_*/done.json"))) == 1, "the earlier one is kept"
    commands.ran.clear()
    lists = json.loads((images / "dataset.json").read_text("utf-8"))
    lists["training"].pop()
    (images / "dataset.json").write_text(json.dumps(lists), encoding="utf-8")
    run(images)
    assert len(commands.ran) == 4


def test_a_failed_cell_is_told_and_the_rest_go_on(place: Path, images: Path, commands: Commands) -> None:
    def fail(words: str) -> Exception | None:
        return CommandError("the loss became NaN") if "training" in words and "/a/seed0" in words else None

    commands.fail = fail
    with pytest.raises(
        RuntimeError, match=r"1 of 4 cells failed \(a, seed 0: the loss became NaN\); the same"
    ):
        run(images, seeds=2)
    folder = next(Path("runs/tables/logsage/tiny").iterdir())
    text = (folder / "table.md").read_text("utf-8")
    assert "| a | 0.615 [" in text and "| b | 0.365 ± 0.071" in text
    assert "a: not all trainings have scores: the loss became NaN" in text
    assert "Some trainings of a failed" in text
    commands.fail, commands.ran = lambda words: None, []
    run(images, seeds=2)
    assert len(commands.ran) == 2, "only the failed one is run"


@pytest.mark.parametrize("who", ["the command", "the grid itself"])
def test_a_full_disk_ends_the_grid_and_what_is_done_stays(
    place: Path, images: Path, commands: Commands, who: str
) -> None:
    error = (
        DiskFullError("full") if who == "the command" else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    )
    commands.fail = lambda words: error if "/b/seed0" in words else None
    with pytest.raises(RuntimeError, match="disk is full at b, seed 0, 1 of 4 cells are done and stay"):
        run(images, seeds=2)
    assert not any("seed1" in " ".join(words) for words in commands.ran)
    commands.fail, commands.ran = lambda words: None, []
    run(images, seeds=2)
    assert len(commands.ran) == 3 * 2


def test_one_grid_at_a_time_writes_to_a_folder(place: Path, images: Path, commands: Commands) -> None:
    folder = run(images)
    with (
        hold(folder, job="a table", option="--output"),
        pytest.raises(RuntimeError, match="in use by a table.*--output"),
    ):
        run(images)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"table": "tny"}, "logsage has no table 'tny': did you mean tiny"),
        ({"table": None}, "--table is missing: logsage has table_1, table_2, table_3, tiny"),
        ({"budget": "shrt"}, "--budget 'shrt' is none of .*tiny.json: did you mean short"),
        ({"seeds": 0}, "--seeds must be a whole number of at least 1, not 0"),
        ({"folds": 2}, "--folds must be a whole number of at least 3, not 2"),
        ({"dataset_dir": "nowhere"}, "nowhere does not exist: check --dataset_dir"),
    ],
)
def test_what_cannot_be_run_is_refused(
    place: Path, images: Path, commands: Commands, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        run(images, **options)
    assert not commands.ran and not Path("runs/tables").exists()


def test_a_bundle_without_tables_or_none_is_refused(place: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no bundle 'logsge': did you mean logsage"):
        reproduce("logsge", table="tiny")


@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_data_without_a_list_that_is_needed_are_refused(
    place: Path, images: Path, commands: Commands, split: str
) -> None:
    lists = json.loads((images / "dataset.json").read_text("utf-8"))
    lists[split] = []
    (images / "dataset.json").write_text(json.dumps(lists), encoding="utf-8")
    with pytest.raises(ValueError, match=f"has no {split} list, which the table tiny needs: .*--folds 5"):
        run(images)
    assert not commands.ran


def test_each_image_is_tested_once_by_folds(place: Path, images: Path, commands: Commands) -> None:
    folder = run(images, folds=3)
    places = sorted(path.parent.name for path in folder.glob("a/*/done.json"))
    assert places == ["seed0_fold0of3", "seed0_fold1of3", "seed0_fold2of3"]
    overlay = json.loads((folder / "a/seed0_fold1of3/a.json").read_text("utf-8"))
    assert (overlay["fold"], overlay["folds"], overlay["epochs"]) == (1, 3, 2)
    assert "--seed 0 --fold 2 --folds 3" in " ".join(commands.ran[-1])
    assert "3 folds" in (folder / "table.md").read_text("utf-8")


def test_runs_of_cells_lie_below_one_of_the_table(
    place: Path, images: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{place / 'runs.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    run(images, mlflow=True)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(dataset_name(images))
    (parent,) = client.search_runs([experiment.experiment_id])
    assert parent.info.status == "FINISHED" and parent.data.metrics["cells_done"] == 2
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {
        *("table.md", "table.csv", "cells.csv", "table.png", "violins.png")
    }
    tags = [json.loads(each["NUCLEI_RUN_TAGS"]) for each in commands.environments]
    assert {each["mlflow.parentRunId"] for each in tags} == {parent.info.run_id}
    assert {(each["table"], each["row"], each["budget"]) for each in tags} == {
        ("logsage/tiny", "a", "short"),
        ("logsage/tiny", "b", "short"),
    }
    run(images, mlflow=True, seeds=2)
    assert len(client.search_runs([experiment.experiment_id])) == 1, "the same run goes on"


def test_a_locked_store_is_told_before_anything_is_trained(
    place: Path, images: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(uri: str) -> None:
        # What MLflow raises after it has waited, for minutes, for a data base that is really locked.
        raise RuntimeError("(sqlite3.OperationalError) database is locked")

    monkeypatch.setattr("common.engine.tracking.mlflow_store.MlflowClient", locked)
    monkeypatch.setattr("common.engine.tracking.mlflow_store.time.sleep", lambda seconds: None)
    with pytest.raises(RuntimeError, match="database is locked.*: close the program .*--mlflow False"):
        run(images, mlflow=True)
    assert not commands.ran
