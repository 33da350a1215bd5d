"""Make a bundle's weights for everyone: `python -m scripts.release BUNDLE --data_root FOLDER_OF_DATA_SETS`.

Trains as configs/release.json says, tunes the decoder, scores every list that it names, and writes weights,
licence, metadata and docs. The same command again goes on where it was cut.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from common.bundle_config import as_json, bundle_folder, read_json, written
from common.commands import main
from common.engine.tracking import metric_history
from common.engine.trained import (
    COST_FILE,
    TUNED_FILE,
    cost_of_training,
    refuse_other_bundle,
    shared_settings,
    trained_settings,
)
from common.experiments import run_command
from common.export import write_picture
from common.files import hold, sha256_of, write_whole, write_whole_folder
from common.release import (
    CHECKSUM_FILE,
    RELEASED,
    ListScores,
    Recipe,
    begin_training,
    card_text,
    curve_picture,
    licence_text,
    next_version,
    picture_name,
    read_recipe,
    read_scores,
    released_metadata,
    write_half_precision,
    write_overview,
)

_CURVE = "released_curve.png"


def release(
    bundle: str,
    *,
    data_root: str,
    weights: str | None = None,
    version: str | None = None,
    device: str | None = None,
    mlflow: bool = True,
    output: str = "runs/release",
) -> Path:
    """Train a bundle by its recipe, and release the weights with it.

    Nothing of the bundle changes before all is there: weights in half precision, the decoder tuned for them,
    and their scores.

    Args:
        bundle: its name; its recipe is configs/release.json.
        data_root: folder with the recipe's data sets, each a folder of its name.
        weights: a finished training's weights instead of a training here, with the train.json beside them.
        version: of the bundle with these weights; by default the next, 0.2.0 after 0.1.3.
        device: where it runs, as in a training.
        mlflow: whether runs are recorded in MLflow, from where the learning curve comes too.
        output: trainings and evaluations go to OUTPUT/BUNDLE.

    Returns:
        The file of weights, bundles/BUNDLE/models/model.pt.

    Raises:
        FileNotFoundError: if there is no such bundle, recipe, data set or file of weights.
        ValueError: if the recipe, the version or the bundle's docs cannot be used, or the weights are too
            large, not finite, of other data or lists, or begun with others than the recipe says.
        RuntimeError: if the training or an evaluation fails; the same command goes on.
    """
    folder = bundle_folder(bundle)
    recipe = read_recipe(folder)
    folders = {name: _data_set(Path(data_root), name) for name in _names(recipe)}
    card, metadata = folder / "docs" / "README.md", folder / "configs" / "metadata.json"
    RELEASED.check(card)
    new = version or next_version(str(read_json(metadata)["version"]))
    released_metadata(read_json(metadata), new, [], [])  # a wrong version shows before hours of training
    place = Path(output) / folder.name
    with hold(place, job="a release", option="--output"):
        trained = _trained(recipe, folders, place, weights, device=device, mlflow=mlflow)
        _check_licence(trained, recipe)
        candidate = _candidate(trained, folder, place / "candidate")
        if version is None:
            new = _released_version(candidate, folder) or new
        tuned = _tuned(candidate, [folders[name] for name in recipe.data], place, device)
        scores = _scores(recipe, folders, candidate, place, device=device, mlflow=mlflow)
        content = released_metadata(read_json(metadata), new, recipe.data, scores)
        licence = licence_text(recipe.licence, [folders[name] for name in recipe.data])
        file = _place(candidate, folder / "models", licence, new)
        curve = _curve(trained, folder / "docs" / _CURVE)
        text = card_text(
            recipe, scores, cost_of_training(trained), version=new, tuned=tuned, curve=curve,
            megabytes=candidate.stat().st_size / 1e6,
        )  # fmt: skip
        for name, split in recipe.scored:
            with Image.open(_report(place, name, split).with_name("best_and_worst.png")) as drawn:
                picture = np.asarray(drawn.convert("RGB"))
            # Few colours: grey images and three of outlines, in a third of the bytes.
            write_picture(folder / "docs" / picture_name(name, split), picture, colours=64)
        write_whole(metadata, lambda part: part.write_text(written(content), encoding="utf-8"))
        RELEASED.write(card, text)
        write_overview(folder.parents[1])
    for each in scores:
        print(f"{each.title}: " + ", ".join(f"{name} {value:.3f}" for name, value in each.scores.items()))
    print(f"released: {file.as_posix()}, version {new}")
    return file


def _names(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys([*recipe.data, *(name for name, _ in recipe.scored)]))


def _data_set(root: Path, name: str) -> Path:
    folder = root / name
    if not (folder / "dataset.json").is_file():
        raise FileNotFoundError(
            f"the recipe's data set {name} is not in {root}: --data_root is the folder that has"
            f" {name}/dataset.json"
        )
    return folder


def _trained(
    recipe: Recipe,
    folders: Mapping[str, Path],
    place: Path,
    weights: str | None,
    *,
    device: str | None,
    mlflow: bool,
) -> Path:
    """Return weights that the recipe's training left, trained here unless they are given."""
    if weights is not None:
        file = Path(weights)
        if not file.is_file():
            raise FileNotFoundError(f"there is no file of weights {file}: give --weights an existing file")
        refuse_other_bundle(file, recipe.bundle)
        _check_data(file, recipe)
        return file
    file = place / "checkpoints" / "model.pt"
    if moved := begin_training(recipe, folders, file.parent):
        print(f"recipe or lists have changed: the earlier training is in {moved.as_posix()} now")
    data = [folders[name].as_posix() for name in recipe.data]
    configs = [(recipe.bundle / "configs" / "train.json"), recipe.overlay]
    words = [
        *("monai.bundle", "run", "training", "--config_file", str([_shown(each) for each in configs])),
        *("--dataset_dir", data[0] if len(data) == 1 else str(data), "--ckpt_dir", file.parent.as_posix()),
        *("--resume", "True", "--mlflow", str(bool(mlflow)), *(["--device", device] if device else [])),
    ]
    _run(words, place / "training.txt", f"training {recipe.bundle.name}")
    return file


def _check_data(weights: Path, recipe: Recipe) -> None:
    """Refuse weights of other data: licence and docs would tell an untruth."""
    settings = trained_settings(weights)
    if not settings:
        raise ValueError(f"no train.json beside {weights} tells what they were trained on: name others")
    given = settings.get("dataset_dir")
    names = [Path(str(each)).name for each in (given if isinstance(given, list) else [given])]
    if sorted(names) != sorted(recipe.data):
        told = " and ".join(names)
        raise ValueError(f"{weights} was trained on {told}, the recipe says {' and '.join(recipe.data)}")
    for name in ("fold", "test_platform"):
        if (given := settings.get(name)) is not None:
            raise ValueError(
                f"{weights} was trained with --{name} {given}, so that lists to be scored were trained"
                " on: name weights of a training on the data sets' own lists"
            )


def _check_licence(weights: Path, recipe: Recipe) -> None:
    """Refuse a freer licence than that of the weights which the training began with."""
    file = weights.with_name("LICENSE")
    own = file.read_text(encoding="utf-8").partition("\n")[0].split()[-1:] if file.is_file() else []
    if any("NC" in licence and "NC" not in recipe.licence for licence in own):
        raise ValueError(
            f"{weights} has the licence {own[0]} of the weights that it began with, the recipe says"
            f" {recipe.licence}: give the recipe that licence"
        )


def _candidate(trained: Path, bundle: Path, place: Path) -> Path:
    """Write the weights as they will be released, with their training's settings: that file is scored."""
    file = write_half_precision(trained, place / "model.pt")
    settings = shared_settings(as_json(trained_settings(trained)), f"bundles/{bundle.name}")
    write_whole(place / "train.json", lambda part: part.write_text(written(settings), encoding="utf-8"))
    if cost := cost_of_training(trained):
        text = json.dumps(cost, indent=2) + "\n"
        write_whole(place / COST_FILE, lambda part: part.write_text(text, encoding="utf-8"))
    return file


def _tuned(candidate: Path, data: list[Path], place: Path, device: str | None) -> dict[str, Any]:
    """Tune the decoder for the candidate, unless that was done before."""
    file = candidate.with_name(TUNED_FILE)
    if not file.is_file() or read_json(file).get("weights_sha256") != sha256_of(candidate):
        folders = [each.as_posix() for each in data]
        given = folders[0] if len(folders) == 1 else str(folders)
        words = ["scripts.tune", "--weights", candidate.as_posix(), "--dataset_dir", given]
        words += ["--device", device] if device else []
        _run(words, place / "tuning.txt", "tuning the decoder")
    return read_json(file)


def _scores(
    recipe: Recipe,
    folders: Mapping[str, Path],
    candidate: Path,
    place: Path,
    *,
    device: str | None,
    mlflow: bool,
) -> list[ListScores]:
    found = []
    for name, split in recipe.scored:
        report = _report(place, name, split)
        words = [
            *("monai.bundle", "run", "evaluating"),
            *("--config_file", _shown(recipe.bundle / "configs" / "train.json")),
            *("--dataset_dir", folders[name].as_posix(), "--split", split),
            *("--weights", candidate.as_posix(), "--output_dir", report.parent.as_posix()),
            *("--mlflow", str(bool(mlflow)), *(["--device", device] if device else [])),
        ]
        _run(words, place / "evaluations.txt", f"scoring {name} {split}")
        found.append(read_scores(name, split, report))
    return found


def _report(place: Path, name: str, split: str) -> Path:
    return place / "evaluations" / f"{name}_{split}" / "metrics.json"


def _curve(trained: Path, picture: Path) -> str | None:
    """Draw how the training went; None where MLflow does not know."""
    last = trained.with_name("last.pt")
    run = (
        torch.load(last, map_location="cpu", weights_only=True).get("mlflow_run_id")
        if last.is_file()
        else None
    )
    points = metric_history(run, "pq_pooled") if run else []
    if not points:
        return None
    return curve_picture(points, picture).name


def _released_version(candidate: Path, bundle: Path) -> str | None:
    """Return the version that these weights have already: only what is told of them changes then."""
    file = bundle / "models" / CHECKSUM_FILE
    told = read_json(file) if file.is_file() else {}
    return told.get("version") if told.get("sha256") == sha256_of(candidate) else None


def _place(candidate: Path, models: Path, licence: str, version: str) -> Path:
    def write(part: Path) -> None:
        for name in (candidate.name, "train.json", TUNED_FILE, COST_FILE):
            if candidate.with_name(name).is_file():
                shutil.copyfile(candidate.with_name(name), part / name)
        (part / "LICENSE").write_text(licence, encoding="utf-8")
        told = {"sha256": sha256_of(part / candidate.name), "version": version}
        (part / CHECKSUM_FILE).write_text(json.dumps(told, indent=4) + "\n", encoding="utf-8")

    return write_whole_folder(models, write) / candidate.name


def _shown(file: Path) -> str:
    return Path(os.path.relpath(file)).as_posix()


def _run(words: list[str], log: Path, what: str) -> None:
    with tqdm(total=0, desc=what, bar_format="{desc}: {postfix} ({elapsed})", disable=None) as bar:
        run_command(words, log=log, heard=lambda line: bar.set_postfix_str(line[:80]))
    print(f"{what}: done ({log.as_posix()})")


if __name__ == "__main__":
    main(release)
