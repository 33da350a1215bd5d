"""Runs one step of a peer inside the peer's own environment: `python -I peers/run_adapter.py JOB.json`.

Nothing of this project is imported here, and of other packages only numpy and the adapter's own. Images and
label maps come and go as .npy files, everything else as JSON. An adapter is a file with

* `train(pairs, validation, job, clock)`: trains on pairs of (image, label map), tunes on those of the
  validation as the package does, writes weights into `job["folder"]`, and returns a dictionary, with
  "parameters" (how many numbers are learnt) and, where there is one, "history" (a dictionary for each epoch).
* `load(job)`: returns a function from an image and its pixel size in micrometres (None where it is not
  known) to a label map, with these weights; as `parameters` it may have how many numbers were learnt.

An image is (H, W) where it has one channel, else (H, W, C), in the type of its file; a label map is (H, W),
0 = background.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import random
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Clock", "main"]


class Clock:
    """Tells when a training's budget is used up.

    Args:
        minutes: of processor time, that of all threads together; None: no limit.
        steps: of the optimizer; None: no limit.
    """

    def __init__(self, minutes: float | None, steps: int | None) -> None:
        self.minutes, self.steps = minutes, steps
        self._begun, self._processor = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    @property
    def processor_seconds(self) -> float:
        """Seconds that processors worked for this program since the beginning."""
        return time.process_time() - self._processor

    def over(self, steps: int) -> bool:
        """Tell whether the training shall stop after so many steps."""
        if self.steps is not None and steps >= self.steps:
            return True
        return self.minutes is not None and self.processor_seconds >= 60 * self.minutes


def _adapter(file: str) -> types.ModuleType:
    # By its path, under a name of its own: its folder is called like the package that it imports.
    spec = importlib.util.spec_from_file_location("peer_adapter", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(file: str) -> np.ndarray:
    array: np.ndarray = np.load(file, allow_pickle=False)
    return array


def _write(file: Path, write: Any) -> None:
    # Whole or not at all: a step that was killed is told from one that is done by its files.
    part = file.with_name(f".{file.name}.part")
    with part.open("wb") as out:
        write(out)
    os.replace(part, file)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2)
    _write(file, lambda out: out.write(text.encode("utf-8")))


def _versions(packages: list[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def train(adapter: types.ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    """Train, and return what is known of the training."""
    splits = ("training", "validation")
    pairs, validation = (
        [(_read(one["image"]), _read(one["label"])) for one in job[split]] for split in splits
    )
    random.seed(job["seed"])
    np.random.seed(job["seed"])
    clock = Clock(job["minutes"], job["steps"])
    told = adapter.train(pairs, validation, job, clock)
    return {
        "seconds": round(clock.seconds, 2),
        "processor_seconds": round(clock.processor_seconds, 2),
        **told,
    }


def predict(adapter: types.ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    """Segment the images that have no label map yet, and return how long each took, from array to array."""
    segment = adapter.load(job)
    seconds: list[float] = []
    warm = False
    for number, one in enumerate(job["images"], 1):
        file = Path(one["output"])
        if file.is_file():
            continue
        image, pixel_size_um = _read(one["image"]), one.get("pixel_size_um")
        if not warm:
            # The first call compiles and reserves; that is no image's own time.
            segment(image, pixel_size_um)
            warm = True
        begun = time.monotonic()
        label_map = np.asarray(segment(image, pixel_size_um))
        seconds.append(time.monotonic() - begun)
        if label_map.shape != image.shape[:2]:
            raise ValueError(
                f"the label map of {one['image']} is {label_map.shape}, the image {image.shape[:2]}"
            )
        _write(file, lambda out, found=label_map: np.save(out, found.astype(np.uint32)))
        print(f"segmented {number}/{len(job['images'])}: {int(label_map.max(initial=0))} nuclei", flush=True)
    parameters = getattr(segment, "parameters", None)
    return {"seconds": seconds, **({} if parameters is None else {"parameters": int(parameters)})}


def main(job_file: str) -> None:
    """Do what a job says, and write its result."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    adapter = _adapter(job["adapter"])
    steps = {"check": lambda *_: {}, "train": train, "predict": predict}
    result = steps[job["step"]](adapter, job)
    versions = _versions(getattr(adapter, "PACKAGES", []))
    _write_json(Path(job["result"]), {**result, "versions": versions})


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:
        import traceback

        traceback.print_exc()
        told = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"error: {told[:800]}", flush=True)
        sys.exit(1)
