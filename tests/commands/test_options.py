"""Tests of the checks of what was typed."""

from __future__ import annotations

import json

import pytest

from common.bundle_config import read_json
from common.commands import check_options, check_overlays, options
from common.commands.options import check_folders, check_paths, check_run_id


def _write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def test_an_overlay_may_only_change_what_there_is(tmp_path):
    base = _write(tmp_path / "train.json", {"epochs": 1, "network_def": {"depth": 2}})
    good = _write(tmp_path / "good.json", {"epochs": 2, "network_def::depth": 3})
    bad = _write(tmp_path / "bad.json", {"epoch": 2})
    check_overlays([base])
    check_overlays([base, good])
    with pytest.raises(
        ValueError, match=r"bad\.json sets 'epoch', which .*train\.json.*did you mean 'epochs'"
    ):
        check_overlays([base, good, bad])


def test_an_overlay_may_be_written_in_yaml(tmp_path):
    base = _write(tmp_path / "train.json", {"epochs": 1})
    (tmp_path / "mine.yaml").write_text("epochs: 3\n")
    check_overlays([base, str(tmp_path / "mine.yaml")])
    (tmp_path / "mine.yaml").write_text("epoch: 3\n")
    with pytest.raises(ValueError, match="did you mean 'epochs'"):
        check_overlays([base, str(tmp_path / "mine.yaml")])


def test_a_broken_overlay_is_named_with_the_place(tmp_path):
    base = _write(tmp_path / "train.json", {"epochs": 1})
    (tmp_path / "mine.json").write_text('{"epochs": 3,}')
    with pytest.raises(ValueError, match=r"mine\.json, line 1, column 1[34]: no JSON"):
        check_overlays([base, str(tmp_path / "mine.json")])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset_dir": True}, "--dataset_dir has no value: write the folder or file after it"),
        ({"output_dir": 2018}, "--output_dir 2018 would be read as a number: write it as ./2018"),
        ({"weights": "a#b.pt"}, "--weights a#b.pt cannot be used"),
        ({"ckpt_dir": "a::b"}, "--ckpt_dir a::b cannot be used"),
        ({"dataset_dir": ["a", "b#c"]}, "--dataset_dir b#c cannot be used"),
    ],
)
def test_paths_that_would_arrive_as_something_else_are_refused(options, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        check_paths(options)


@pytest.mark.parametrize(
    "options",
    [
        {"dataset_dir": "Zellkerne für Müller", "weights": None, "channels": "a#b", "amp": True},
        {"output_dir": "./2018"},
    ],
)
def test_other_paths_and_options_pass(options):
    check_paths(options)
    with pytest.raises(ValueError, match="^--ckpt_dir a#b cannot be used"):
        check_paths({**options, "ckpt_dir": "a#b"})  # it is not that everything passes


@pytest.mark.parametrize("name", ["ckpt_dir", "output_dir"])
def test_a_file_is_no_folder_for_results_nor_is_anything_in_it(tmp_path, name):
    (tmp_path / "file").touch()
    check_folders({name: str(tmp_path / "new" / "folder")}, "training")
    for folder in (tmp_path / "file", tmp_path / "file" / "deep" / "er"):
        with pytest.raises(ValueError, match=f"^--{name} .* because .*file is a file"):
            check_folders({name: str(folder)}, "training")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("job", ["run", "training", "training_stage1"])
def test_only_the_folder_that_is_written_must_be_writable(job, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    config = {"training": ["$1"], "ckpt_dir": str(tmp_path)}
    check_folders(config, "evaluating")
    with pytest.raises(ValueError, match="^--ckpt_dir .* cannot be written"):
        check_folders(config, job)


@pytest.mark.parametrize("sign", ["$", "@", "%"])
def test_expressions_are_left_alone(sign, monkeypatch):
    """What MONAI makes of them is not known before anything is built."""
    monkeypatch.setattr("os.access", lambda *_: False)
    for check, name in (
        (options.check_scalars, "epochs"),
        (options.check_scalars, "amp"),
        (lambda config: check_folders(config, "run"), "output_dir"),
    ):
        check({name: f"{sign}other"})
        with pytest.raises(ValueError, match=f"^--{name} "):
            check({name: "other"})


def test_what_can_be_run_is_offered():
    config = {"training": ["$1"], "evaluating": ["$2"], "epochs": 3, "initialize": ["$3"]}
    check_run_id(config, "training")
    with pytest.raises(ValueError, match="did you mean training"):
        check_run_id(config, "trainin")
    with pytest.raises(ValueError, match="choose one of training, evaluating$"):
        check_run_id(config, "segment")


@pytest.mark.parametrize(
    ("run_id", "config", "refused"),
    [
        ("training", {}, True),
        ("run", {}, True),
        ("evaluating", {}, False),
        ("training", {"resume": True}, False),
        ("training", {"pretrained": "imagenet"}, False),
        ("training", {"pretrained": None}, False),
    ],
    ids=str,
)
def test_a_training_must_find_what_it_begins_with(run_id, config, refused, monkeypatch):
    jobs = {"training": ["$1"], "evaluating": ["$2"], "run": ["$1"]}
    command = {"options": {}, "config_files": [], "run_id": run_id}
    monkeypatch.setattr(options, "running_command", lambda: command)
    monkeypatch.setattr(options, "running_config", lambda: {**jobs, "pretrained": "imagnet", **config})
    monkeypatch.setattr(options, "is_bundle_command", lambda: True)
    if refused:
        with pytest.raises(FileNotFoundError, match="--pretrained imagnet: did you mean imagenet"):
            check_options()
    else:
        check_options()


def test_outside_a_bundle_there_is_nothing_to_check(monkeypatch):
    seen = []
    monkeypatch.setattr(options, "check_scalars", seen.append)
    check_options()
    assert seen == [{}]


@pytest.fixture
def typed(monkeypatch, repository):
    """Return what types options after a command of logsage and looks at them."""
    monkeypatch.chdir(repository)

    def look(job, **given):
        file = "bundles/logsage/configs/train.json"
        command = {"options": given, "config_files": [file], "run_id": job}
        monkeypatch.setattr(options, "running_command", lambda: command)
        monkeypatch.setattr(options, "running_config", lambda: {**read_json(file), **given})
        monkeypatch.setattr(options, "is_bundle_command", lambda: True)
        monkeypatch.setattr("sys.argv", ["run", job, *(f"--{name}={value}" for name, value in given.items())])
        check_options()

    return look


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"split": "test"}, "^--split test does nothing in a training: .*leave it out"),
        ({"split": "train"}, "^--split train does nothing in a training"),
        ({"weights": "a.pt"}, "^--weights a.pt does nothing in a training: .*--pretrained FILE"),
        ({"output_dir": "out"}, "^--output_dir out does nothing in a training: .*--ckpt_dir"),
        ({"diameter_px": "auto"}, "^--diameter_px auto does nothing in a training.*: give a number"),
    ],
)
def test_what_a_training_does_not_read_is_refused_there_alone(typed, given, said):
    for job in ("training", "run"):
        with pytest.raises(ValueError, match=said):
            typed(job, **given)
    if given != {"split": "train"}:
        typed("evaluating", **given)


def test_what_a_stage_is_given_by_a_program_was_not_typed():
    idle = {"split": "test", "output_dir": "out"}
    with pytest.raises(ValueError, match="does nothing in a training"):
        options._refuse_idle(idle, ["run", "training", "--split", "test"])
    options._refuse_idle(idle, ["run", "training", "--seed", "3"])


def test_a_wrong_word_is_refused_in_every_job(typed):
    for job in ("training", "evaluating"):
        with pytest.raises(ValueError, match="^--mlflow must be True or False, not 'maybe'"):
            typed(job, mlflow="maybe")
    with pytest.raises(ValueError, match="did you mean training"):
        typed("evaluating", split="train")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"data": "images"},
            "data is a block of settings, not an option: did you mean --dataset_dir",
        ),
        ({"optimizer": "SGD"}, "not an option: write it into an overlay"),
        ({"augmentation": False}, "not an option: write it into an overlay"),
        ({"lr": 0.1}, "^unknown option --lr: did you mean --learning_rate\\?$"),
        ({"out": "a"}, "^unknown option --out: did you mean --ckpt_dir\\?$"),
        ({"zzz": 1}, "; all \\d+ are in bundles/logsage/configs/train.json$"),
    ],
)
def test_what_is_no_option_is_refused_with_what_was_meant(typed, given, said):
    with pytest.raises(ValueError, match=said):
        typed("training", **given)


def test_a_part_of_the_configuration_can_be_put_by_an_expression_or_whole(typed):
    typed("training", data="@other", loss={"_target_": "torch.nn.MSELoss"}, device="cpu")
    with pytest.raises(ValueError, match="^--loss dice: loss is a block"):
        typed("training", loss="dice")


@pytest.mark.parametrize("ours", [True, False])
def test_in_a_host_names_are_not_checked_but_values_are(ours, monkeypatch, tmp_path):
    """From Python, and in MONAI Label, adding an item to a configuration is legitimate."""
    file = _write(tmp_path / "train.json", {"epochs": 1, "training": ["$1"]})
    command = {"options": {"added": 1}, "config_files": [file], "run_id": "training"}
    monkeypatch.setattr(options, "running_command", lambda: command)
    monkeypatch.setattr(options, "running_config", lambda: {"epochs": 0, "training": ["$1"], "added": 1})
    monkeypatch.setattr(options, "is_bundle_command", lambda: ours)
    with pytest.raises(ValueError, match="^unknown option --added" if ours else "^--epochs must be"):
        check_options()


@pytest.mark.parametrize("overlay", [{"offsets": [2, 7]}, {"foreground": 4}])
def test_a_decoder_that_no_map_is_for_is_refused_before_the_training(typed, overlay):
    decoder = {"_target_": "common.decoders.CentreVotesDecoder", "offsets": [2, 3]}
    typed("training", decoder=decoder)
    typed("evaluating", decoder={**decoder, **overlay})  # there the training's own decoder decides
    with pytest.raises(ValueError, match="^the decoder looks for a map .*: network_def puts out 4 maps"):
        typed("training", decoder={**decoder, **overlay})
