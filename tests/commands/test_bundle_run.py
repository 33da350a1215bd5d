"""What a person sees of `python -m monai.bundle run`, with a bundle that prints and fails on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFIG = {
    "epochs": 1,
    "seed": 3,
    "dataset_dir": None,
    "log_dir": "logs",
    "items": [1, 2],
    "loader": {"_target_": "torch.utils.data.DataLoader", "dataset": "@items", "num_workers": "@epochs"},
    "initialize": [{"_target_": "common.commands.start", "log_dir": "@log_dir", "seed": "@seed"}],
    "imports": ["$import common.bundle_config.running_config as running", "$import json", "$import signal"],
    "training": [
        "$print('settings', json.dumps(running.top_level_scalars(running.running_config())))",
        "$print('variant', running.variant(running.running_command()['config_files']))",
    ],
    "process": [
        "$print('seeded', torch.initial_seed(), 'deterministic', torch.backends.cudnn.deterministic)",
        "$print('tiny', float(torch.full((1,), 1e-30) * 1e-10))",
    ],
    "broken": ["$open(@dataset_dir)"],
    "terminated": ["$signal.raise_signal(signal.SIGTERM)"],
    "interrupted": ["$(_ for _ in ()).throw(KeyboardInterrupt)"],
}

# name: words after "run"
COMMANDS = {
    "plain": ["training", "--config_file", "train.json", "--epochs", "3"],
    "process": ["process", "--config_file", "train.json"],
    "overlay": ["training", "--config_file", "['train.json','no_log.json']"],
    "idle": ["training", "--config_file", "['train.json','idle.json']"],
    "misspelt": ["training", "--config_file", "train.json", "--epoch", "3"],
    "synonym": ["training", "--config_file", "train.json", "--max_epochs", "3"],
    "impossible": ["training", "--config_file", "train.json", "--epochs", "0"],
    "unknown_job": ["trainig", "--config_file", "train.json"],
    "hash": ["broken", "--config_file", "train.json", "--dataset_dir", "a#b"],
    "broken": ["broken", "--config_file", "train.json", "--dataset_dir", "no/such/folder"],
    "interrupted": ["interrupted", "--config_file", "train.json"],
    "terminated": ["terminated", "--config_file", "train.json"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "train.json").write_text(json.dumps(CONFIG))
    (folder / "metadata.json").write_text("{}")
    (folder / "no_log.json").write_text(json.dumps({"epochs": 2}))
    (folder / "idle.json").write_text(json.dumps({"epoch": 2}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    found = {}
    waiting = list(COMMANDS.items())
    while waiting:
        # Two at a time: most of a command's time is spent importing MONAI.
        pair, waiting = waiting[:2], waiting[2:]
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "monai.bundle", "run", *words],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _, words in pair
        ]
        for (name, _), process in zip(pair, running, strict=True):
            out, err = process.communicate(timeout=300)
            found[name] = (process.returncode, out.splitlines(), err.splitlines(), folder)
    return found


def test_settings_are_seen_as_they_are_executed(results):
    code, out, err, _ = results["plain"]
    assert code == 0, err
    (settings,) = [line.removeprefix("settings ") for line in out if line.startswith("settings ")]
    expected = {"epochs": 3, "seed": 3, "dataset_dir": None, "log_dir": "logs", "items": [1, 2]}
    assert json.loads(settings) == expected
    assert "variant default" in out


def test_the_process_of_a_command_is_set_up_for_its_work(results):
    """In a host it is not: tests/commands/test_host.py."""
    code, out, err, _ = results["process"]
    assert code == 0, err
    assert out[-2:] == ["seeded 3 deterministic True", "tiny 0.0"]


def test_what_comes_before_is_what_is_printed_before_our_code_is_imported(results):
    """MONAI warns of configurations in general, and of a file for logging that no bundle here has."""
    _, out, err, _ = results["process"]
    assert len(out) == 3 and "Default logging file" in out[0], out
    assert len(err) == 2 and "Only proceed if this config is from a source you trust" in err[0], err


def test_an_overlay_is_executed_and_named(results):
    code, out, err, _ = results["overlay"]
    assert code == 0, err
    assert "variant no_log" in out and any('"epochs": 2' in line for line in out)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("misspelt", "unknown option --epoch: did you mean --epochs?"),
        ("synonym", "unknown option --max_epochs: did you mean --epochs?"),
        ("idle", "idle.json sets 'epoch', which train.json does not have: did you mean 'epochs'?"),
        ("impossible", "--epochs must be a whole number of at least 1, not 0"),
        ("unknown_job", "there is nothing called 'trainig' to run: did you mean training?"),
        ("hash", "--dataset_dir a#b cannot be used"),
        ("broken", "No such file or directory: 'no/such/folder'"),
    ],
)
def test_the_last_line_is_the_sentence_and_the_one_before_names_the_traceback(results, name, sentence):
    code, out, err, folder = results[name]
    assert code == 1
    assert err[-1].startswith(f"error: {sentence}")
    log = folder / err[-2].removeprefix("the full traceback is in ")
    assert log.parent == folder / "logs"
    said = log.read_text()
    assert "Traceback" in said and sentence.removeprefix("--") in said
    assert not any("Traceback" in line for line in (*out, *err))


@pytest.mark.parametrize("name", ["interrupted", "terminated"])
def test_an_interruption_is_one_word(results, name):
    code, out, err, _ = results[name]
    assert code != 0
    assert err[-1] == "interrupted"
    assert not any("Traceback" in line for line in (*out, *err))
