"""Bundles at equal cost: how long each is trained follows from what its steps cost; what is done stays."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from common.experiments import CommandError, DiskFullError, Pace, training_length
from scripts.compare import compare

from .conftest import Commands

BESIDE, STEP = 4.0, {"logsage": 0.5, "unet": 0.25}


class Costly(Commands):
    """A training that tells its cost, and an evaluation that leaves scores."""

    def __call__(self, words: list[str], *, log: Path, environment: Any = None, heard: Any = None) -> None:
        super().__call__(words, log=log, environment=environment, heard=heard)
        if "training" not in words:
            return
        options = dict(zip(words, words[1:], strict=False))
        overlay = json.loads(Path(options["--config_file"].split("'")[3]).read_text("utf-8"))
        step = next(cost for name, cost in STEP.items() if f"bundles/{name}/" in options["--config_file"])
        spent = BESIDE + step * overlay["epochs"] * overlay["steps_per_epoch"]
        folder = Path(options["--ckpt_dir"])
        folder.mkdir(parents=True, exist_ok=True)
        told = {"seconds": spent, "processor_seconds": spent}
        (folder / "training_cost.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def costly(monkeypatch: pytest.MonkeyPatch, place: Path, repository: Path) -> Costly:
    """Replace the commands, and have a second bundle."""
    shutil.copytree(repository / "bundles/unet", place / "bundles/unet")
    made = Costly()
    for module in ("run_cell", "equal_cost"):
        monkeypatch.setattr(sys.modules[f"common.experiments.{module}"], "run_command", made)
    return made


def run(images: Path, bundles: str = "logsage,unet", **options: Any) -> Path:
    return compare(bundles, **{"dataset_dir": str(images), "mlflow": False, "minutes": 10, **options})


def settings(folder: Path, bundle: str) -> dict[str, Any]:
    return json.loads((folder / bundle / f"seed0/{bundle}.json").read_text("utf-8"))


@pytest.mark.parametrize("minutes", [1, 7.5, 30, 600])
@pytest.mark.parametrize("pace", [Pace(0.1, 0.0), Pace(1.9, 11.0)])
def test_no_training_costs_more_than_its_minutes_and_none_far_less(minutes: float, pace: Pace) -> None:
    length = training_length(pace, minutes, 50)
    validations = -(-length["epochs"] // length["val_interval"])
    steps = length["epochs"] * length["steps_per_epoch"]
    assert 1 <= validations <= 4 and length["epochs"] >= 8 and length["steps_per_epoch"] <= 50
    assert steps * pace.step + 4 * pace.beside <= minutes * 60
    assert (steps + max(50, steps / 8)) * pace.step + 4 * pace.beside > minutes * 60


def test_the_cheaper_network_gets_the_more_steps(images: Path, costly: Costly) -> None:
    folder = run(images)
    steps = {
        name: settings(folder, name)["epochs"] * settings(folder, name)["steps_per_epoch"] for name in STEP
    }
    for name, cost in STEP.items():
        assert 0.85 * 600 <= steps[name] * cost + 4 * BESIDE <= 600
    assert 1.9 < steps["unet"] / steps["logsage"] < 2.1


def test_seeds_have_one_length_and_what_is_done_is_not_run_again(images: Path, costly: Costly) -> None:
    folder = run(images, "unet")
    assert len(costly.ran) == 2 + 2, "two for the pace, a training and an evaluation"
    costly.ran.clear()
    run(images, "unet", seeds=2)
    assert len(costly.ran) == 2
    one = json.loads((folder / "unet/seed1/unet.json").read_text("utf-8"))
    assert one | {"seed": 0} == settings(folder, "unet")
    costly.ran.clear()
    run(images, "unet", crop_px=64)
    assert len(costly.ran) == 4, "other crops have another pace"


def test_another_list_evaluates_the_trainings_that_are_there(images: Path, costly: Costly) -> None:
    folder = run(images, "unet")
    costly.ran.clear()
    run(images, "unet", split="validation")
    assert len(costly.ran) == 2 and "--split validation" in " ".join(costly.ran[1])
    assert not list((folder / "unet").glob("seed0_until_*")), "the training goes on where it ended"
    assert len(list((folder / "unet/seed0").glob("evaluation_until_*/metrics.json"))) == 1, "kept"
    costly.ran.clear()
    run(images, "unet", split="validation")
    assert not costly.ran


def test_its_runs_carry_what_the_leaderboard_shows(images: Path, costly: Costly) -> None:
    run(images, "unet", channels=0, batch_size=4)
    tags = json.loads(costly.environments[-1]["NUCLEI_RUN_TAGS"])
    assert tags == {"budget": "10 processor minutes, 4 crops a step", "changes": "channels 0"}
    assert not costly.environments[0], "the probes are of no board"


def test_a_failed_training_is_told_and_the_others_are_done(images: Path, costly: Costly) -> None:
    def fail(words: str) -> Exception | None:
        return CommandError("the loss became NaN") if "/logsage/seed0" in words else None

    costly.fail = fail
    with pytest.raises(RuntimeError, match=r"1 trainings failed \(logsage, seed 0: the loss became NaN\)"):
        run(images)
    assert any("/unet/seed0" in " ".join(words) for words in costly.ran)


@pytest.mark.parametrize("bundles", ["logsage,unet", "unet,logsage"])
def test_a_bundle_whose_pace_cannot_be_told_is_named_and_the_others_are_done(
    images: Path, costly: Costly, bundles: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: str) -> Exception | None:
        return CommandError("out of memory") if "/logsage/pace" in words else None

    costly.fail = fail
    with pytest.raises(RuntimeError, match=r"^2 trainings failed \(logsage, seed 0: out of memory\); "):
        run(images, bundles, seeds=2)
    ran = [" ".join(words) for words in costly.ran]
    assert all(any(f"/unet/seed{seed}" in words for words in ran) for seed in (0, 1))
    assert not any("/logsage/seed" in words for words in ran)
    assert "logsage: out of memory" in capsys.readouterr().out
    costly.fail = lambda words: None
    run(images, bundles, seeds=2)
    ran = [" ".join(words) for words in costly.ran[len(ran) :]]
    assert len(ran) == 2 + 4 and all("/logsage/" in words for words in ran)


def test_a_bundle_too_slow_for_the_minutes_is_named_and_the_others_are_done(
    images: Path, costly: Costly
) -> None:
    # Four validations are 16 s; eight steps are 4 s and 2 s.
    with pytest.raises(RuntimeError, match=r"\(logsage, seed 0: --minutes 0.32 is too short: .* take 0.3\)"):
        run(images, minutes=0.32)
    assert any("/unet/seed0" in " ".join(words) for words in costly.ran)


def test_a_full_disk_ends_it(images: Path, costly: Costly) -> None:
    def fail(words: str) -> Exception | None:
        return DiskFullError("No space left on device") if "/logsage/pace" in words else None

    costly.fail = fail
    with pytest.raises(RuntimeError, match=r"logsage, seed 0: No space left on device"):
        run(images)
    assert not any("/unet/" in " ".join(words) for words in costly.ran)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 0}, "--minutes must be a number above 0, not 0"),
        ({"folds": 2}, "--folds must be a whole number of at least 3, not 2"),
        ({"split": "training"}, "--split must be validation or test"),
        ({"overlay": "ablations/hee"}, "there is no overlay 'ablations/hee'.*ablations/he"),
        ({"bundles": "unett"}, "there is no bundle 'unett'.*unet"),
    ],
)
def test_what_cannot_be_is_refused(
    images: Path, costly: Costly, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        run(images, **{"bundles": "unet", **options})
    assert not any("seed0" in " ".join(words) for words in costly.ran)
