"""The end of a training tells where its weights are, how good they are, and what to type next."""

from __future__ import annotations

import ast
import json
import logging
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
import torch

from common.engine.training.first_stage import _brief
from common.engine.training.next_steps import best_line, quoted
from scripts.tune import tune

ROOT = Path(__file__).parents[3]
TRAIN = "bundles/logsage/configs/train.json"
SMALL = {
    **{"steps_per_epoch": 1, "batch_size": 2, "crop_px": 64, "warmup_epochs": 0, "val_interval": 1},
    **{"device": "cpu", "mlflow": False, "epochs": 2},
}
Lines = list[str]


@pytest.fixture
def command(
    sample: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[..., Lines]:
    """Run a command of MONAI's as it would be typed, and return what it logs."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["monai.bundle"])
    caplog.set_level(logging.INFO, "common.engine.training")

    def run(job: str = "training", config_file: Any = TRAIN, **options: Any) -> Lines:
        caplog.clear()
        settings = {**SMALL, "network_def": tiny, "dataset_dir": str(sample), **options}
        monai.bundle.run(job, config_file=config_file, logging_file=False, initialize=[], **settings)
        ours = [each for each in caplog.records if each.name.startswith("common.engine.training")]
        return [each.getMessage() for each in ours]

    return run


def typed(line: str, program: str = "monai.bundle run") -> dict[str, Any]:
    """Return the arguments of the command in a line, read as fire reads them."""
    words = shlex.split(line.split(f"\n  python -m {program} ")[1])
    job = [] if words[0].startswith("--") else [words.pop(0)]
    given = dict(zip(words[::2], words[1::2], strict=True))

    def value(text: str) -> Any:
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text

    runs = {"run_id": job[0] if job else None} if program == "monai.bundle run" else {}
    return {**runs, **{name[2:]: value(text) for name, text in given.items()}}


def test_the_last_lines_are_commands_that_work(command, sample, tmp_path):
    overlay, folder = tmp_path / "my own.json", tmp_path / "my run"
    overlay.write_text(json.dumps({"learning_rate": 0.01}))
    best, tuning, evaluate, segment = command(config_file=[TRAIN, str(overlay)], ckpt_dir=str(folder))
    kept = torch.load(folder / "last.pt", weights_only=True)["best"]
    assert best == (
        f"best weights: {folder / 'model.pt'} (pq {kept['metric']:.3f} in epoch {kept['epoch']} of 2)"
    )
    assert evaluate.startswith("evaluate them on the test images:") and f'"{folder}' in evaluate
    assert tuning.startswith("tune the decoder on the validation images")
    assert tune(**typed(tuning, "scripts.tune")) == folder / "tuned.json"
    for line in (evaluate, segment):
        given = typed(line)
        if given["run_id"] is None:
            assert given["dataset_dir"] == "FOLDER_OF_IMAGES" and "mlflow" not in given
            given["dataset_dir"] = str(sample / "images")
        else:
            assert given["config_file"] == [TRAIN, str(overlay)] and given["mlflow"] is False
        monai.bundle.run(logging_file=False, initialize=[], **given)
    assert (folder / "evaluation" / "metrics.json").is_file()
    assert len(list((folder / "segmented").glob("*.tif"))) == 6


def test_what_the_bundle_says_itself_is_left_out(command, tmp_path):
    own = json.loads(Path(TRAIN).read_text()) | {"ckpt_dir": str(tmp_path / "own")}
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "train.json").write_text(json.dumps(own))
    (configs / "inference.json").write_text(json.dumps({"ckpt_dir": str(tmp_path / "own")}))
    _, tuning, evaluate, segment = command(config_file=str(configs / "train.json"))
    assert typed(tuning, "scripts.tune") == {"ckpt_dir": str(tmp_path / "own"), "device": "cpu"}
    assert typed(evaluate).keys() == {"run_id", "config_file", "device", "mlflow"}
    assert typed(segment).keys() == {"run_id", "config_file", "dataset_dir"}


def test_a_packed_bundle_which_has_no_scripts_does_not_name_one(command, tmp_path, monkeypatch):
    monkeypatch.setattr("common.engine.training.next_steps.packed_root", lambda: tmp_path)
    told = command(ckpt_dir=str(tmp_path / "run"), epochs=1)
    assert len(told) == 3 and "scripts" not in "".join(told)


def test_a_broken_inference_file_does_not_spoil_the_end(command, tmp_path):
    (tmp_path / "train.json").write_text(Path(TRAIN).read_text())
    (tmp_path / "inference.json").write_text("{")
    told = command(config_file=str(tmp_path / "train.json"), ckpt_dir=str(tmp_path / "run"), epochs=1)
    assert len(told) == 4


def test_stopped_early_and_resumed_when_finished_they_are_told_too(command, tmp_path):
    told = command(ckpt_dir=str(tmp_path), epochs=9, patience=1, learning_rate=1e-12)
    epoch = torch.load(tmp_path / "last.pt", weights_only=True)["epoch"]
    assert epoch < 9 and f" of {epoch})" in told[0]
    again = command(ckpt_dir=str(tmp_path), epochs=9, patience=1, learning_rate=1e-12, resume=True)
    assert "is finished" in again[0] and again[1:] == told


def test_without_test_images_the_others_are_evaluated(command, sample, tmp_path):
    lists = json.loads((sample / "dataset.json").read_text())
    for items in (lists["training"], lists["validation"]):
        for item in items:
            item.update({key: str(sample / item[key]) for key in ("image", "label")})
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({**lists, "test": []}))
    _, _, evaluate, _ = command(ckpt_dir=str(tmp_path / "run"), dataset_dir=str(folder))
    assert evaluate.startswith("evaluate them on the validation images")
    assert typed(evaluate)["split"] == "validation"


def test_a_host_gets_the_weights_logged_and_nothing_printed(train, tmp_path, caplog, capsys):
    caplog.set_level(logging.INFO, "common.engine.training")

    train(tmp_path, epochs=1)
    assert any(
        line.startswith(f"best weights: {tmp_path / 'model.pt'} (val_loss") for line in caplog.messages
    )
    assert not any("monai.bundle" in line for line in caplog.messages)
    printed = capsys.readouterr().out.splitlines()
    assert not [line for line in printed if "best weights" in line or "monai.bundle run" in line]


def test_after_a_network_of_stage_one_nothing_is_to_be_typed(command, tmp_path):
    with _brief():
        told = command(ckpt_dir=str(tmp_path), epochs=1)
    assert len(told) == 1 and told[0].startswith("best weights: ")


@pytest.mark.parametrize("job", ["training_stage1", "training"])
def test_stage_one_alone_tells_the_command_of_stage_two(tmp_path, caplog, monkeypatch, job):
    monkeypatch.setattr("sys.argv", ["monai.bundle"])
    caplog.set_level(logging.INFO, "common.engine.training")
    tell = {"_target_": "common.engine.training.next_steps.tell_next_stage"}
    steps = [{**tell, "done": "training_stage1", "following": "training_stage2"}]
    file = tmp_path / "train.json"
    file.write_text(json.dumps({"seed": 0, "initialize": [], "training_stage1": steps, "training": steps}))
    monai.bundle.run(job, config_file=str(file), logging_file=False, seed=3, dataset_dir="my images")
    told = [each.getMessage() for each in caplog.records if each.name.startswith("common.")]
    if job == "training":  # which goes on by itself
        assert told == []
    else:
        assert typed(told[0]) == {
            **{"run_id": "training_stage2", "config_file": str(file)},
            **{"seed": 3, "dataset_dir": "my images"},
        }


@pytest.mark.parametrize(
    ("best", "weights", "select_by", "words"),
    [
        ({"metric": -0.25, "epoch": 3}, True, "val_loss", "(val_loss 0.250 in epoch 3 of 5)"),
        ({"metric": 0.5, "epoch": 5}, True, "aji_mean", "(aji 0.500 in epoch 5 of 5)"),
        ({"metric": float("-inf"), "epoch": 1}, True, "val_loss", "(val_loss not finite in epoch 1 of 5)"),
        ({"metric": -1, "epoch": -1}, False, "pq_pooled", "no validation chose the best weights"),
        ({"metric": -1, "epoch": -1}, True, "pq_pooled", "those after epoch 5 are in"),
    ],
)
def test_the_best_in_words(tmp_path, best, weights, select_by, words):
    torch.save({"epoch": 5, "best": best}, tmp_path / "last.pt")
    if weights:
        (tmp_path / "model.pt").touch()
    assert words in best_line(tmp_path / "last.pt", {"select_by": select_by})


def test_no_checkpoint_no_line(tmp_path):
    assert best_line(tmp_path / "last.pt") is None


@pytest.mark.parametrize(
    "word",
    ["", "a b", "it's", 'say "$HOME"', "c:\\data\\x", "\\\\server\\x", "x\\", "a&b", "['a','b']", "!x"],
)
def test_a_shell_reads_the_word_again(word):
    assert shlex.split(quoted(word)) == [word]
