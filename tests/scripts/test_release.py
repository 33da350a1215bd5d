"""Weights for everyone: trained by the recipe, tuned, scored as they will lie there, and told of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from common.bundle_config import written
from common.engine.trained import trained_bundle
from common.files import sha256_of
from common.release import (
    OVERVIEW,
    RELEASED,
    begin_training,
    card_text,
    check_released,
    read_recipe,
    read_scores,
    released_metadata,
    write_half_precision,
)
from common.sample import write_sample
from scripts.release import release

from .conftest import read

RECIPE = {
    "release": {
        "data": ["cells", "tissue"],
        "scored": [["cells", "test"], ["tissue", "validation"]],
        "licence": "CC-BY-NC-SA-4.0",
    },
    **{"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "warmup_epochs": 0},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two data sets of four images each, one of which states a licence."""
    root = tmp_path / "data"
    for seed, name in enumerate(("cells", "tissue")):
        write_sample(root / name, modality="fluorescence", shape=(96, 80), counts=(2, 1, 1), seed=seed)
        file = root / name / "dataset.json"
        told = {
            "name": name,
            "description": f"drawn {name}",
            "licence": "CC0-1.0" if name == "cells" else None,
        }
        file.write_text(json.dumps(json.loads(file.read_text()) | told))
    return root


@pytest.fixture
def recipe(small: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small bundle with a recipe, in a folder where commands find the code."""
    (small / "configs" / "release.json").write_text(written(RECIPE))
    card = small / "docs" / "README.md"
    card.write_text(f"{card.read_text()}\n{RELEASED.begin}\nnone yet\n{RELEASED.end}\nlast line\n")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    store = small.resolve().parents[1] / "mlruns.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.as_posix()}")
    return small


def test_a_release_is_whole_and_scores_what_it_releases(recipe: Path, data: Path) -> None:
    own = (recipe / "configs" / "metadata.json").read_bytes()
    readme = recipe.resolve().parents[1] / "README.md"
    readme.write_text(f"{OVERVIEW.begin}\nnone yet\n{OVERVIEW.end}\nlast line\n")
    file = release("small", data_root=str(data), device="cpu")
    assert file.resolve() == (recipe / "models" / "model.pt").resolve()
    state = torch.load(file, weights_only=True)
    assert {value.dtype for value in state.values()} <= {torch.float16, torch.int64}
    assert check_released(recipe)

    settings = json.loads(file.with_name("train.json").read_text())
    assert settings["dataset_dir"] == ["cells", "tissue"] and settings["ckpt_dir"] is None
    assert str(data) not in file.with_name("train.json").read_text()
    tuned = json.loads(file.with_name("tuned.json").read_text())
    assert tuned["validation_images"] == 2 and "cells" in tuned["data"] and "tissue" in tuned["data"]
    licence = file.with_name("LICENSE").read_text()
    assert "CC-BY-NC-SA-4.0" in licence and "commercially" in licence
    assert "drawn cells; licence of the data: CC0-1.0" in licence
    assert "drawn tissue; licence of the data: not stated" in licence

    metadata = read(recipe, "metadata")
    assert metadata["version"] == "0.2.0" and "cells" in metadata["changelog"]["0.2.0"]
    scores = metadata["eval_metrics"]
    assert (
        scores.keys() == {"cells test", "tissue validation"}
        and {"pq", "f1_mu"} <= scores["cells test"].keys()
    )
    report = json.loads(Path("runs/release/small/evaluations/cells_test/metrics.json").read_text())
    assert scores["cells test"]["pq"] == pytest.approx(report["pq_pooled"], abs=1e-6)

    card = (recipe / "docs" / "README.md").read_text()
    assert "none yet" not in card and card.endswith("last line\n")
    assert f"| cells test | 1 | {report['ap_50_pooled']:.3f} |" in card
    assert "none yet" not in readme.read_text() and readme.read_text().endswith("last line\n")
    assert f"README.md#released-weights) 0.2.0 | {report['ap_50_pooled']:.3f} |" in readme.read_text()
    for picture in ("released_cells_test.png", "released_tissue_validation.png", "released_curve.png"):
        assert (recipe / "docs" / picture).is_file() and picture in card, picture

    # They are what a stranger's segmentation takes, decoder included.
    found = trained_bundle("small", weights=file)
    assert found.parser["decoder"] == tuned["decoder"]

    # Killed before the metadata were written, it goes on with the version that the weights have already.
    before = file.read_bytes()
    (recipe / "configs" / "metadata.json").write_bytes(own)
    release("small", data_root=str(data), device="cpu", mlflow=False)
    assert file.read_bytes() == before and read(recipe, "metadata")["version"] == "0.2.0"
    _what_does_not_fit_any_more_is_seen(recipe, file)


def _what_does_not_fit_any_more_is_seen(recipe: Path, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    with pytest.raises(ValueError, match=r"is not the file that checksum\.json"):
        check_released(recipe)
    file.write_bytes(content)
    settings = file.with_name("train.json")
    changed = json.loads(settings.read_text())
    changed["network_def"]["channels"] = [4, 8, 16]
    settings.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="does not fit the network"):
        check_released(recipe)
    settings.unlink()
    with pytest.raises(FileNotFoundError, match=r"train\.json is missing"):
        check_released(recipe)


def test_weights_of_a_finished_training_are_taken(recipe: Path, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    network = trained_network(recipe)
    torch.save(network.state_dict(), other / "model.pt")
    config = {**read(recipe, "train"), "bundle_name": "small", "dataset_dir": ["/a/cells"]}
    (other / "train.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="was trained on cells, the recipe says cells and tissue"):
        release("small", data_root=str(data), weights=str(other / "model.pt"), device="cpu")
    (other / "train.json").unlink()
    with pytest.raises(ValueError, match=r"no train\.json beside"):
        release("small", data_root=str(data), weights=str(other / "model.pt"), device="cpu")
    with pytest.raises(FileNotFoundError, match="give --weights an existing file"):
        release("small", data_root=str(data), weights="gone.pt")
    assert not (recipe / "models").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [({"fold": 0}, "--fold 0"), ({"test_platform": "confocal"}, "--test_platform confocal")],
)
def test_weights_that_saw_the_lists_that_are_scored_are_refused(
    recipe: Path, data: Path, tmp_path: Path, option: dict, said: str
) -> None:
    torch.save(trained_network(recipe).state_dict(), tmp_path / "model.pt")
    config = {**read(recipe, "train"), "bundle_name": "small", "dataset_dir": ["/a/cells", "/b/tissue"]}
    (tmp_path / "train.json").write_text(json.dumps(config | option))
    with pytest.raises(ValueError, match=f"was trained with {said}"):
        release("small", data_root=str(data), weights=str(tmp_path / "model.pt"), device="cpu")
    assert not (recipe / "models").exists()


def test_weights_made_of_others_have_their_licence(recipe: Path, data: Path, tmp_path: Path) -> None:
    _recipe_with(recipe, {"release": RECIPE["release"] | {"licence": "Apache-2.0"}})
    torch.save(trained_network(recipe).state_dict(), tmp_path / "model.pt")
    config = {**read(recipe, "train"), "bundle_name": "small", "dataset_dir": ["/a/cells", "/b/tissue"]}
    (tmp_path / "train.json").write_text(json.dumps(config))
    (tmp_path / "LICENSE").write_text("SPDX-License-Identifier: CC-BY-NC-SA-4.0\n\nNot for sale.\n")
    with pytest.raises(ValueError, match=r"CC-BY-NC-SA-4\.0 of the weights that it began with"):
        release("small", data_root=str(data), weights=str(tmp_path / "model.pt"), device="cpu")


def _recipe_with(bundle: Path, change: dict) -> None:
    (bundle / "configs" / "release.json").write_text(written(RECIPE | change))


def test_a_training_of_another_recipe_is_moved_aside(recipe: Path, data: Path, tmp_path: Path) -> None:
    folders = {name: data / name for name in ("cells", "tissue")}
    place = tmp_path / "place" / "checkpoints"
    assert begin_training(read_recipe(recipe), folders, place) is None
    place.mkdir()
    (place / "last.pt").write_bytes(b"cut")
    assert begin_training(read_recipe(recipe), folders, place) is None and (place / "last.pt").is_file()
    _recipe_with(recipe, {"epochs": 2})
    moved = begin_training(read_recipe(recipe), folders, place)
    assert moved is not None and (moved / "last.pt").read_bytes() == b"cut" and not place.exists()
    place.mkdir()
    lists = data / "tissue" / "dataset.json"
    lists.write_text(lists.read_text() + " ")
    assert begin_training(read_recipe(recipe), folders, place) is not None


def test_it_begins_with_the_weights_that_the_recipe_names(recipe: Path, data: Path, tmp_path: Path) -> None:
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"version 0.2.0")
    begun = {"bundle": "small", "version": "0.2.0", "sha256": sha256_of(weights), "processor_seconds": 600}
    _recipe_with(
        recipe, {"release": RECIPE["release"] | {"begun_from": begun}, "pretrained": weights.as_posix()}
    )
    folders = {name: data / name for name in ("cells", "tissue")}
    begin_training(read_recipe(recipe), folders, tmp_path / "place" / "checkpoints")
    weights.write_bytes(b"version 0.3.0")
    with pytest.raises(
        ValueError, match=r"begun_from is version 0\.2\.0 of small, and .*model\.pt is another"
    ):
        begin_training(read_recipe(recipe), folders, tmp_path / "place" / "checkpoints")
    text = card_text(
        read_recipe(recipe), [], {"seconds": 120, "processor_seconds": 60}, version="0.3.0", megabytes=1.0,
        tuned={"validation_images": 1}, curve=None,
    )  # fmt: skip
    assert "version 0.2.0 of the weights of `small`, which had taken 10 minutes" in text
    assert "to make them again, with the file of version 0.2.0 in their place" in text


def trained_network(bundle: Path) -> torch.nn.Module:
    from common.bundle_config import bundle_parser

    network: torch.nn.Module = bundle_parser(bundle.resolve()).get_parsed_content("network_def")
    return network


def test_the_same_weights_give_the_same_bytes_and_limits_hold(recipe: Path, tmp_path: Path) -> None:
    network = trained_network(recipe)
    torch.save({"network": network.state_dict(), "optimizer": {}}, tmp_path / "last.pt")
    one = write_half_precision(tmp_path / "last.pt", tmp_path / "one.pt").read_bytes()
    assert write_half_precision(tmp_path / "last.pt", tmp_path / "two.pt").read_bytes() == one
    assert torch.load(tmp_path / "one.pt", weights_only=True).keys() == network.state_dict().keys()
    with pytest.raises(ValueError, match="MiB in half precision, and at most 0.001 MiB are released"):
        write_half_precision(tmp_path / "last.pt", tmp_path / "large.pt", max_bytes=1049)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    first = next(iter(state))
    state[first].view(-1)[0] = 1e6
    torch.save(state, tmp_path / "wild.pt")
    wild = torch.load(write_half_precision(tmp_path / "wild.pt", tmp_path / "wild16.pt"), weights_only=True)
    assert torch.equal(wild[first], state[first]), "half precision ends before 1e6"
    assert {value.dtype for name, value in wild.items() if name != first} <= {torch.float16, torch.int64}
    state[first].view(-1)[0] = torch.nan
    torch.save(state, tmp_path / "wild.pt")
    with pytest.raises(ValueError, match=f"{first} holds numbers that are not finite"):
        write_half_precision(tmp_path / "wild.pt", tmp_path / "large.pt")
    assert not (tmp_path / "large.pt").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"release": None}, "release is missing"),
        ({"release": {"dat": []}}, "release::dat is none of its items.*data"),
        ({"release": {"data": ["cells"], "licence": "MIT"}}, "release::scored is missing"),
        ({"release": RECIPE["release"] | {"data": ["a", "a"]}}, "must name data sets, once each"),
        ({"release": RECIPE["release"] | {"scored": [["cells", "all"]]}}, "scored must be pairs"),
        (
            {"release": RECIPE["release"] | {"begun_from": {"version": "1"}}},
            "begun_from must have bundle, version",
        ),
        ({"release": RECIPE["release"] | {"licence": "Apache-2"}}, "'Apache-2' is not known.*Apache-2.0"),
    ],
)
def test_a_faulty_recipe_is_refused(recipe: Path, change: dict, sentence: str) -> None:
    (recipe / "configs" / "release.json").write_text(json.dumps(RECIPE | change))
    with pytest.raises(ValueError, match=sentence):
        read_recipe(recipe)


def test_what_is_missing_is_said_before_a_training(recipe: Path, data: Path) -> None:
    with pytest.raises(FileNotFoundError, match="data set cells is not in nowhere"):
        release("small", data_root="nowhere")
    with pytest.raises(ValueError, match="version '1' must be three numbers"):
        release("small", data_root=str(data), version="1")
    with pytest.raises(ValueError, match=r"version 0\.0\.1 is lower than 0\.1\.0"):
        release("small", data_root=str(data), version="0.0.1")
    (recipe / "docs" / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="has no place for the scores of released weights"):
        release("small", data_root=str(data))
    (recipe / "configs" / "release.json").unlink()
    with pytest.raises(FileNotFoundError, match="small has no recipe for a release"):
        release("small", data_root=str(data))
    assert not Path("runs/release").exists()


def test_scores_of_whole_cells_are_told_beside_those_of_nuclei(recipe: Path, tmp_path: Path) -> None:
    # .579492 is .579; by way of .5795 it would be .580.
    figures = {"pq_pooled": 0.579492, "aji_mean": 0.25, "cell_pq_pooled": 0.75, "cell_aji_mean": 0.125}
    report = tmp_path / "metrics.json"
    report.write_text(json.dumps({"images": [{}, {}], **figures}))
    scores = read_scores("cells", "test", report)
    assert scores.scores == {"pq": 0.579492, "aji": 0.25, "cell_pq": 0.75, "cell_aji": 0.125}
    metadata = released_metadata(read(recipe, "metadata"), "0.2.0", ["cells"], [scores])
    assert metadata["eval_metrics"] == {"cells test": scores.scores}
    tuned = {"validation_images": 1}
    text = card_text(
        read_recipe(recipe), [scores], {}, version="0.2.0", megabytes=1.0, tuned=tuned, curve=None
    )
    assert "| sq | aji | dice | cell_pq | cell_aji |" in text
    assert "| cells test | 2 |  |  |  | 0.579 |  | 0.250 |  | 0.750 | 0.125 |" in text
