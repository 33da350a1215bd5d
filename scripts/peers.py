"""Train another package and score it as a bundle: `python -m scripts.peers stardist --dataset_dir FOLDER`.

Each package has an environment of its own, `runs/peers/<package>/env`, which this command makes; the same
command again goes on where it was cut.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.bundle_config import bundle_folder, project_root
from common.commands import main
from common.datalists import RunData
from common.engine.evaluation import images_per_second
from common.engine.tracking import MLflowRun, lists_in_words
from common.files import hold
from common.peers import (
    Conditions,
    Peer,
    Prediction,
    heard_on_terminal,
    make_environment,
    needs_training,
    read_peer,
    score_label_maps,
    segment_with_peer,
    train_peer,
    training_run,
)
from common.readers.dataset_json import Item
from common.release import Recipe, read_recipe, read_scores, write_overview, write_peer_scores

DEFAULT_MINUTES = 30


def peers(
    peer: str,
    *,
    dataset_dir: str,
    pretrained: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    channels: Any = None,
    split: str = "test",
    split_seed: int = 0,
    fold: int | None = None,
    folds: int = 5,
    test_platform: str | int | None = None,
    scored_dir: str | None = None,
    beside: str | None = None,
    mlflow: bool = True,
    output: str = "runs/peers",
) -> Path:
    """Train a package of others on the training list, segment a list with it, and score that.

    Args:
        peer: the package, a folder of `peers`: cellpose, instanseg, sam or stardist.
        dataset_dir: the images, as for a bundle.
        pretrained: weights to begin with, a file or folder; without it random ones, where the package can.
        minutes: minutes of processor time to train, of all threads together; 30 by default; 0 does not train.
        steps: steps of its optimizer, instead of minutes.
        seed: of the training.
        threads: how many threads work at once; by default one for each processor.
        channels: which channels, by name or number; by default all.
        split: the list that is segmented and scored.
        split_seed: of the split of plain folders, as for a bundle.
        fold: which fold is tested, as for a bundle.
        folds: number of folds.
        test_platform: the platform that is tested, as for a bundle.
        scored_dir: other images, of which the list `split` is scored instead.
        beside: a bundle whose recipe of released weights names these data sets: each list that the recipe
            names is scored instead of `split`, and the README tells it beside the bundle's weights.
        mlflow: whether runs are recorded in MLflow, beside those of the bundles.
        output: environments and results go to OUTPUT/PEER.

    Returns:
        The folder with metrics.json and best_and_worst.png, of several lists that of the last.

    Raises:
        FileNotFoundError: if the images are not there, or weights that the package cannot do without.
        ValueError: if there is no such package, or an option or the data cannot be used.
        RuntimeError: if its environment cannot be made or is broken, or the package fails.
    """
    package = read_peer(str(peer))
    package.check_weights(pretrained)
    conditions = Conditions(
        seed=seed, steps=steps, pretrained=pretrained, channels=channels, split=split,
        minutes=_minutes(package, minutes, steps), threads=_processors() if threads is None else threads,
    )  # fmt: skip
    if package.trains and pretrained is None and conditions.budget == Conditions().budget:
        raise ValueError("--minutes 0 trains nothing: name weights with --pretrained, or give more minutes")
    dealt = {"fold": fold, "folds": folds, "test_platform": test_platform}
    data = RunData(dataset_dir, seed=split_seed, channels=channels, **dealt)  # type: ignore[arg-type]
    if beside is not None and (not package.trains or pretrained is not None):
        raise ValueError(
            f"--beside {beside} tells what a training on its data gives: choose a package that is trained"
            " here, and leave out --pretrained"
        )
    if beside is not None and scored_dir is not None:
        raise ValueError(f"--beside {beside} scores the lists of its recipe: leave out --scored_dir")
    recipe = None if beside is None else _recipe(beside, data, dealt)
    lists = {name: data.items(name) for name in ("training", "validation")} if package.trains else {}
    scored = {split: (data, split)}
    if scored_dir is not None:
        other = RunData(scored_dir, seed=split_seed, channels=channels)
        scored = {f"{other.name}_{split}": (other, split)}
    if recipe is not None:
        folders = {folder.name: folder for folder in data.folders.values()}
        # What is scored alone is looked for beside what is trained on.
        root = next(iter(folders.values())).parent
        alone = {
            name: RunData(folders.get(name, root / name), seed=split_seed, channels=channels)
            for name, _ in recipe.scored
        }
        scored = {f"{name}_{which}": (alone[name], which) for name, which in recipe.scored}
    # What is wrong with images shows before the training.
    items = {name: of.items(which) for name, (of, which) in scored.items()}
    words = lists_in_words(dealt)
    key = conditions.key(package, f"{data.fingerprint()} {words} {split_seed}")
    folder = Path(output) / package.name / f"{data.name}_seed{seed}_{key}"
    python = make_environment(package, root=output)
    with hold(folder, job="a peer", option="--output"):
        heard = heard_on_terminal()
        noted = bool(mlflow) and needs_training(package, conditions, folder)
        with training_run(
            package, conditions, experiment=data.name, fingerprint=data.fingerprint(), tags={"lists": words},
            enabled=noted,
        ) as note:  # fmt: skip
            training = train_peer(package, python, lists, conditions, folder, heard=heard)
            note(training or {})
        settings = {
            "dataset_dir": dataset_dir, "split_seed": split_seed, **dealt, "seed": seed,
            "minutes": conditions.minutes, "steps": steps, "threads": conditions.threads,
            "pretrained": pretrained, "channels": channels,
        }  # fmt: skip
        tags = {"lists": words, "budget": conditions.budget, "variant": "peer", "seed": str(seed)}
        trained = _Trained(
            package, python, conditions, folder, training, settings, tags, _folder_names(data), bool(mlflow)
        )
        reports = {name: trained.score(name, *each, items[name]) for name, each in scored.items()}
        if recipe is not None:
            found = [
                read_scores(name, which, reports[f"{name}_{which}"] / "metrics.json")
                for name, which in recipe.scored
            ]
            write_peer_scores(package.folder, recipe, found, says=package.says, budget=conditions.budget)
            write_overview(project_root())
    return list(reports.values())[-1]


@dataclass(frozen=True)
class _Trained:
    """A peer that was trained, or needs no training, and how its runs are told."""

    package: Peer
    python: Path
    conditions: Conditions
    folder: Path
    training: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    tags: Mapping[str, str]
    data: Sequence[str]
    """Names of the folders that it was trained on."""
    mlflow: bool

    def score(self, name: str, data: RunData, split: str, items: Sequence[Item]) -> Path:
        """Segment a list, score it, and return the folder of the report."""
        package, conditions = self.package, self.conditions
        result = segment_with_peer(
            package, self.python, items, conditions, self.folder, name=name, heard=heard_on_terminal()
        )
        report = self.folder / ("evaluation" if name == split else f"evaluation_{name}")
        versions = {f"version_{one}": version for one, version in result.versions.items()}
        other_data = [] if list(self.data) == _folder_names(data) else self.data
        told = {
            "changes": _changes(conditions, other_data),
            "method_key": conditions.method_key(package, other_data),
        }
        handler = MLflowRun(
            package.name, data.name, fingerprint=data.fingerprint(), lists=data, split=split,
            tags={"split": split, **self.tags, **told}, note=package.says,
            artifacts=[report / "metrics.json", report / "best_and_worst.png"], enabled=self.mlflow,
            config={**self.settings, "split": split, **versions},
        )  # fmt: skip
        scores = score_label_maps(
            items, result.label_maps, report, channels=conditions.channels, split=split,
            weights=str(self.folder / "weights"), cost=cost_of(result, self.training, conditions.threads),
            handlers=[handler],
        )  # fmt: skip
        print(
            f"{package.says}: {data.name} {split} pq_pooled {scores['pq_pooled']:.3f}, {conditions.budget};"
            f" {report.as_posix()}"
        )
        return report


def _recipe(bundle: str, data: RunData, dealt: Mapping[str, Any]) -> Recipe:
    """Return a bundle's recipe, and refuse other data: the README would tell an untruth."""
    recipe = read_recipe(bundle_folder(bundle))
    if (names := _folder_names(data)) != sorted(recipe.data):
        raise ValueError(
            f"the weights of {bundle} (--beside) are trained on {' and '.join(recipe.data)}: name these with"
            f" --dataset_dir, not {' and '.join(names)}"
        )
    if dealt["fold"] is not None or dealt["test_platform"] is not None:
        raise ValueError(
            f"the weights of {bundle} (--beside) are scored on lists as they are: leave out --fold and"
            " --test_platform"
        )
    return recipe


def _folder_names(data: RunData) -> list[str]:
    # A recipe names folders; the name in dataset.json may be another.
    return sorted(folder.name for folder in data.folders.values())


def _changes(conditions: Conditions, other_data: Sequence[str]) -> str:
    """Return what the leaderboard says of a peer beside its name."""
    told = [f"pretrained {Path(conditions.pretrained).stem}"] if conditions.pretrained else []
    told += [] if conditions.channels is None else [f"channels {conditions.channels}"]
    return ", ".join(told + ([f"trained on {' and '.join(other_data)}"] if other_data else []))


def cost_of(result: Prediction, training: Mapping[str, Any] | None, threads: int) -> dict[str, float]:
    """Return what a peer costs, by the names that a bundle's evaluation has.

    Args:
        result: what it found.
        training: what its training told; None of an untrained one.
        threads: how many threads worked.
    """
    cost: dict[str, float] = {}
    parameters = (training or {}).get("parameters", result.parameters)
    if parameters is not None:
        cost["parameters"] = parameters
    if (speed := images_per_second(list(result.seconds))) is not None:
        cost |= {"images_per_second": speed, "threads": threads}
    if training is not None:
        cost |= {f"training_{name}": training[name] for name in ("seconds", "processor_seconds")}
    return cost


def _minutes(peer: Peer, minutes: float | None, steps: int | None) -> float | None:
    if not peer.trains or minutes == 0:
        return None
    return DEFAULT_MINUTES if minutes is None and steps is None else minutes


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main(peers)
