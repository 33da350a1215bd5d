"""Trains a peer and lets it segment a list, in its own environment; what is done is not done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..experiments import CommandError, run_command
from ..export import write_label_map
from ..files import stem_of, write_whole
from ..readers.dataset_json import Item
from .conditions import Conditions
from .exchange import write_arrays
from .peer import Peer

__all__ = ["Prediction", "needs_training", "segment_with_peer", "train_peer"]

Say = Callable[[str], None]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Prediction:
    """What a peer found, and what it cost."""

    label_maps: Sequence[Path]
    """One TIFF for each image, in the list's order."""
    parameters: int | None
    seconds: Sequence[float]
    """How long each image took, from array to array."""
    versions: Mapping[str, str]


def needs_training(peer: Peer, conditions: Conditions, folder: Path) -> bool:
    """Tell whether a peer is to be trained, and has not been yet.

    Args:
        peer: the peer.
        conditions: how it is run.
        folder: what belongs to this training.
    """
    wanted = peer.trains and (conditions.minutes is not None or conditions.steps is not None)
    return wanted and not (folder / "train.json").is_file()


def train_peer(
    peer: Peer,
    python: Path,
    lists: Mapping[str, Sequence[Item]],
    conditions: Conditions,
    folder: Path,
    *,
    say: Say = print,
    heard: Callable[[str], None] | None = None,
) -> dict[str, Any] | None:
    """Train a peer, unless it has been; first its environment is looked at.

    A training that was cut is begun again. `folder` must be another for other conditions.

    Args:
        peer: the peer.
        python: the interpreter of its environment.
        lists: "training" and "validation".
        conditions: how it is run.
        folder: what belongs to this training.
        say: takes sentences for the user.
        heard: takes the last line that the peer printed, twice a second.

    Returns:
        What the training told (seconds, processor_seconds, parameters, steps, history, versions); None of a
        peer that is not trained.

    Raises:
        RuntimeError: if its environment is broken, or it fails, with the peer's own last sentence.
    """
    job = _Job(peer, python, conditions, folder, say, heard)
    job.run("check", {})
    if needs_training(peer, conditions, folder):
        arrays = {
            split: write_arrays(lists[split], folder / "arrays" / split, channels=conditions.channels)
            for split in ("training", "validation")
        }
        _refuse_several_kinds([*arrays["training"], *arrays["validation"]], lists, conditions)
        say(f"training {peer.name} for {conditions.budget} ({job.log('train').as_posix()})")
        job.run("train", {**arrays, "channels": arrays["training"][0]["channels"]})
    shutil.rmtree(folder / "arrays", ignore_errors=True)
    told = job.result("train")
    return _read(told) if told.is_file() else None


def segment_with_peer(
    peer: Peer,
    python: Path,
    items: Sequence[Item],
    conditions: Conditions,
    folder: Path,
    *,
    name: str | None = None,
    say: Say = print,
    heard: Callable[[str], None] | None = None,
) -> Prediction:
    """Segment a list with a peer, as it was trained or with the weights that the user named.

    Images that are segmented already stay.

    Args:
        peer: the peer.
        python: the interpreter of its environment.
        items: the images.
        conditions: how it is run.
        folder: what belongs to this training.
        name: of the list, by which its label maps are kept; None: `conditions.split`.
        say: takes sentences for the user.
        heard: takes the last line that the peer printed, twice a second.

    Raises:
        RuntimeError: if it fails, with the peer's own last sentence.
    """
    job = _Job(peer, python, conditions, folder, say, heard)
    name = name or conditions.split
    found = folder / "predictions" / name
    targets = [found / f"{number:05d}_{stem_of(item['image'])}.tif" for number, item in enumerate(items)]
    step = f"predict_{name}"
    if not (job.result(step).is_file() and all(file.is_file() for file in targets)):
        _segment(job, step, items, targets)
    told = _read(job.result(step))
    return Prediction(targets, told.get("parameters"), told["seconds"], told["versions"])


def _segment(job: _Job, step: str, items: Sequence[Item], targets: Sequence[Path]) -> None:
    folder = job.folder / f"{step}_arrays"  # of this list alone: after a cut another may come first
    arrays = write_arrays(items, folder, channels=job.conditions.channels, labels=False)
    for number, one in enumerate(arrays):
        one["output"] = str((folder / f"{number:05d}_found.npy").absolute())
    # Killed between its end and the copies below, it is done all the same.
    if not (job.result(step).is_file() and all(Path(one["output"]).is_file() for one in arrays)):
        job.say(f"{job.peer.name} segments {len(items)} images ({job.log(step).as_posix()})")
        job.run(step, {"images": arrays, "channels": arrays[0]["channels"]})
    for one, target in zip(arrays, targets, strict=True):
        write_label_map(target, np.load(one["output"], allow_pickle=False))
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Job:
    """The steps of a peer's run, each a process in the peer's environment."""

    peer: Peer
    python: Path
    conditions: Conditions
    folder: Path
    say: Say
    heard: Callable[[str], None] | None

    def result(self, step: str) -> Path:
        return self.folder / f"{step}.json"

    def log(self, step: str) -> Path:
        return self.folder / f"{step}_log.txt"

    def run(self, step: str, content: Mapping[str, Any]) -> None:
        """Run a step; its result appears last of all, and says that it is done."""
        conditions, weights = self.conditions, self.folder / "weights"
        weights.mkdir(parents=True, exist_ok=True)
        pretrained = conditions.pretrained and str(Path(conditions.pretrained).absolute())
        job = {
            "step": step.split("_")[0], "adapter": str(self.peer.adapter.absolute()),
            "result": str(self.result(step).absolute()), "folder": str(weights.absolute()),
            "seed": conditions.seed, "minutes": conditions.minutes, "steps": conditions.steps,
            "threads": conditions.threads, "pretrained": pretrained, **content,
        }  # fmt: skip
        file = self.folder / f"{step}_job.json"
        text = json.dumps(job, indent=1)
        write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))
        log = self.log(step)
        log.unlink(missing_ok=True)
        threads = dict.fromkeys(_THREADS, str(conditions.threads))
        # -I: neither this project nor what the user has installed for himself is seen in there.
        program = [str(self.python), "-I", str(self.peer.runner.absolute())]
        try:
            run_command(
                [str(file.absolute())], log=log, environment=threads, heard=self.heard, program=program
            )
        except CommandError as error:
            raise self._broken(step, error) from error

    def _broken(self, step: str, error: CommandError) -> RuntimeError:
        place = self.python.parents[1].as_posix()
        if step == "check":
            return RuntimeError(
                f"the environment of {self.peer.name} in {place} is broken ({error}): remove that folder, and"
                " the same command makes it anew"
            )
        done = "what is done stays, and the same command goes on from there"
        return type(error)(f"{self.peer.name} failed: {error}; {done}")


def _refuse_several_kinds(
    arrays: Sequence[Mapping[str, Any]], lists: Mapping[str, Sequence[Item]], conditions: Conditions
) -> None:
    counts = [one["channels"] for one in arrays]
    items = [*lists["training"], *lists["validation"]]
    other = next((number for number, count in enumerate(counts) if count != counts[0]), None)
    if other is not None:
        raise ValueError(
            f"{items[other]['image']} has {counts[other]} channels and {items[0]['image']} {counts[0]}:"
            f" choose channels that all images have with --channels, not {conditions.channels!r}"
        )


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
