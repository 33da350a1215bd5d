"""The folder that a MONAI Label server runs, and what is refused before one starts."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common.bundle_config import bundle_parser
from common.label_server import FineTuning, ServedBundle, find_bundles, fine_tune, last_result
from scripts.serve import serve

from .conftest import edit

WHERE = {"app": "app", "start": False}


@pytest.fixture
def studies(small: Path) -> str:
    Path("studies").mkdir()
    return "studies"


@pytest.fixture
def trained(small: Path) -> Path:
    """Weights as a training leaves them."""
    place = Path("runs/small")
    place.mkdir(parents=True)
    network = bundle_parser(small.resolve()).get_parsed_content("network_def")
    torch.save(network.state_dict(), place / "model.pt")
    (place / "train.json").write_text(json.dumps(bundle_parser(small.resolve(), "train.json").get()))
    return place


def test_the_app_stands_alone(trained: Path, studies: str) -> None:
    app = serve(studies, bundles="small", **WHERE)
    assert (app / "main.py").is_file() and not list(app.glob("model/*.zip"))
    assert (app / "nuclei_label" / "label_server" / "monai_label" / "web.py").is_file()
    told = "import sys; sys.path.insert(0, '.'); import nuclei_label.label_server as it; print(it.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", told], cwd=app, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0 and str(app) in done.stdout, done.stderr


def test_what_was_learnt_there_stays_when_the_app_is_made_anew(trained: Path, studies: str) -> None:
    app = serve(studies, bundles="small", **WHERE)
    learnt = app / "trained" / "small" / "2026-01-02_03-04-05" / "model.pt"
    learnt.parent.mkdir(parents=True)
    learnt.write_bytes((trained / "model.pt").read_bytes())
    cut = app / "trained" / "small" / ".2026-02-02_03-04-05" / "model.pt"
    cut.parent.mkdir()
    cut.write_bytes(b"a training that was killed")
    assert serve(studies, bundles="small", **WHERE) == app
    (bundle,), faults = find_bundles(app)
    assert not faults and list(bundle.weights()) == ["2026-01-02_03-04-05", "packed"]
    assert bundle.choose_weights() == learnt and bundle.choose_weights("packed").parent.name == "models"
    with pytest.raises(FileNotFoundError, match="has no weights 'packt': did you mean packed"):
        bundle.choose_weights("packt")


def test_a_bundle_without_weights_waits_to_be_trained(studies: str) -> None:
    (bundle,), _ = find_bundles(serve(studies, bundles="small", **WHERE))
    assert not bundle.weights() and not last_result(bundle)
    with pytest.raises(FileNotFoundError, match="has no weights yet: train it from corrected labels"):
        bundle.segmenter()


def test_one_that_cannot_be_packed_is_told_and_the_others_are_served(
    small: Path, studies: str, caplog: pytest.LogCaptureFixture
) -> None:
    edit(Path("bundles/logsage"), "metadata", "version", 3)
    (bundle,), _ = find_bundles(serve(studies, bundles="logsage,small", **WHERE))
    assert bundle.name == "small" and "logsage is not served" in caplog.text
    with pytest.raises(RuntimeError, match="no bundle can be served"):
        serve(studies, bundles="logsage", **WHERE)


def test_only_what_is_named_now_is_served(trained: Path, studies: str) -> None:
    serve(studies, bundles="logsage,small", **WHERE)
    app = serve(studies, bundles="small", **WHERE)
    assert [bundle.name for bundle in find_bundles(app)[0]] == ["small"]
    assert not (app / "model" / "logsage").exists()
    (trained / "model.pt").write_bytes(b"damaged")
    serve(studies, bundles="logsage,small", **WHERE)
    served, faults = find_bundles(app)
    assert [bundle.name for bundle in served] == ["logsage"], "not the earlier weights either"
    assert "model.pt" in str(faults["small"])
    (app / "model" / "logsage" / "mine.txt").write_text("mine")
    (trained / "model.pt").unlink()
    with pytest.raises(FileExistsError, match=r"mine\.txt came after packing"):
        serve(studies, bundles="small", **WHERE)


def test_a_folder_that_is_no_bundle_is_told(small: Path, studies: str) -> None:
    app = serve(studies, bundles="small", **WHERE)
    (app / "model" / "mine").mkdir()
    served, faults = find_bundles(app)
    assert [bundle.name for bundle in served] == ["small"]
    assert "is no packed bundle" in str(faults["mine"])


def test_options_reach_the_bundles_that_have_them(small: Path, studies: str, tmp_path: Path) -> None:
    app = serve(studies, bundles="small", sam_weights="FOLDER", **WHERE)
    assert find_bundles(app)[0][0].options == {}, "this one has no SAM"
    Path("sam").mkdir()
    serve(studies, bundles="small", sam_weights="sam", **WHERE)
    told = json.loads((app / "served.json").read_text())["options"]
    assert told == {"sam_weights": str(Path("sam").resolve())}, "trainings run elsewhere"
    edit(app / "model" / "small", "inference", "sam_weights", None)
    assert ServedBundle(app / "model" / "small", tmp_path, {"sam_weights": "A", "x": 1}).options == {
        "sam_weights": "A"
    }


def test_what_is_not_the_servers_is_left_alone(small: Path, studies: str) -> None:
    Path("app").mkdir()
    Path("app/letters.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="name another --app"):
        serve(studies, bundles="small", **WHERE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"studies": "nowhere"}, "--studies nowhere is no folder"),
        ({"bundles": "smal"}, "small"),
        ({"bundles": " , "}, "--bundles names none"),
        ({"port": 70000}, "--port 70000 is none"),
    ],
)
def test_what_cannot_be_served_is_said_first(studies: str, options: dict[str, object], said: str) -> None:
    with pytest.raises((FileNotFoundError, ValueError), match=said):
        serve(**{"studies": studies, "bundles": "small", **WHERE, **options})
    assert not Path("app").exists()


def test_without_monai_label_it_says_how_to_get_it(small: Path, studies: str) -> None:
    if importlib.util.find_spec("monailabel"):
        pytest.skip("it is installed here")
    with pytest.raises(ImportError, match="make label"):
        serve(studies, bundles="small", app="app")


def test_a_training_that_fails_says_why_and_leaves_no_weights(trained: Path, studies: str) -> None:
    app = serve(studies, bundles="small", **WHERE)
    (bundle,), _ = find_bundles(app)
    broken = [{"image": str(Path("a.png").resolve()), "label": str(Path("b.png").resolve())}]
    with pytest.raises(RuntimeError, match=r"the training failed: .*a\.png"):
        fine_tune(bundle, broken, FineTuning(epochs=1, steps=1))
    assert list(bundle.weights()) == ["packed"] and not list(bundle.trained.iterdir())
    with pytest.raises(ValueError, match="no image has a corrected label yet"):
        fine_tune(bundle, [])
