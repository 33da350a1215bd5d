"""A training from corrected labels: the packed bundle's own, in its own process, kept when it is done."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..bundle_config import finds_cells, read_json
from .corrections import write_training_set
from .served_bundle import ServedBundle

__all__ = ["FineTuning", "fine_tune", "last_result", "refuse_whole_cells"]

_log = logging.getLogger(__name__)
RESULT = "result.json"


class FineTuning(NamedTuple):
    """How long is trained, and from where.

    Attributes:
        epochs: of `steps` steps each.
        steps: of one epoch.
        batch_size: crops a step.
        learning_rate: a fraction of a whole training's, so that what is known is not forgotten.
        validation: which share of the images chooses the best epoch.
        from_weights: name of the weights to begin with, see `ServedBundle.weights`; None: the newest.
        from_scratch: begin at random.
        device: such as "cuda"; None: the bundle's choice.
    """

    epochs: int = 10
    steps: int = 20
    batch_size: int = 8
    learning_rate: float = 5e-4
    validation: float = 0.2
    from_weights: str | None = None
    from_scratch: bool = False
    device: str | None = None


def fine_tune(
    bundle: ServedBundle,
    labelled: Sequence[Mapping[str, str]],
    how: FineTuning | None = None,
) -> dict[str, Any]:
    """Train a bundle on corrected images; its newest weights are then these.

    What comes out lies in a folder of its own, named by the time, and appears there when the training is
    done; weights that were there before stay.

    Args:
        bundle: the bundle.
        labelled: "image" and "label", absolute paths.
        how: how long, and from where.

    Returns:
        `weights`, the name of the new ones, `images`, `epochs`, `seconds`, and `best_metric`, the score that
        chose the best epoch, pooled panoptic quality by default.

    Raises:
        ValueError: there is no labelled image, or the bundle learns whole cells too.
        RuntimeError: the training failed; the sentence is its last one.
    """
    refuse_whole_cells(bundle)
    how = how or FineTuning()
    begin = time.monotonic()
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    making, done = bundle.trained / f".{name}", bundle.trained / name
    set_name = f"corrected_for_{bundle.name}"
    data = write_training_set(making, labelled, validation=how.validation, name=set_name)
    start = None if how.from_scratch or not bundle.weights() else bundle.choose_weights(how.from_weights)
    options = {
        "dataset_dir": str(data.parent), "ckpt_dir": str(making), "epochs": str(how.epochs),
        "steps_per_epoch": str(how.steps), "batch_size": str(how.batch_size),
        "learning_rate": str(how.learning_rate), "warmup_epochs": "0", **bundle.options,
        **({"pretrained": str(start)} if start else {}), **({"device": how.device} if how.device else {}),
    }  # fmt: skip
    try:
        _run(bundle.folder / "configs" / "train.json", making, options)
    except RuntimeError:
        shutil.rmtree(making)  # nothing goes on from there
        raise
    last = making / "last.pt"
    best = torch.load(last, map_location="cpu", weights_only=True)["best"]["metric"]
    last.unlink()  # three times the size, and nothing goes on from there
    result = {
        "weights": name,
        "images": len(labelled),
        "epochs": how.epochs,
        "seconds": round(time.monotonic() - begin, 1),
        "best_metric": round(float(best), 4),
    }
    (making / RESULT).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    making.rename(done)
    return result


def refuse_whole_cells(bundle: ServedBundle) -> None:
    """Refuse to train what learns whole cells too: corrected labels are of nuclei.

    Args:
        bundle: the bundle.

    Raises:
        ValueError: with what works instead.
    """
    if finds_cells(read_json(bundle.folder / "configs" / "train.json")):
        raise ValueError(
            f"{bundle.name} is served with weights that find whole cells too, and corrected labels are of"
            ' nuclei alone: train it by its own command on images with "cell_label", or serve weights of'
            " nuclei alone"
        )


def last_result(bundle: ServedBundle) -> dict[str, Any]:
    """Return what came out of the newest training, see `fine_tune`; empty where there is none."""
    files = sorted(bundle.trained.glob(f"[!.]*/{RESULT}"))
    return dict(json.loads(files[-1].read_text(encoding="utf-8"))) if files else {}


def _run(config: Path, place: Path, options: Mapping[str, Any]) -> None:
    """Run a packed bundle's training in a folder of its own."""
    command = [sys.executable, "-m", "monai.bundle", "run", "training"]
    command += ["--config_file", str(config)]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    _log.info("training: %s", " ".join(command))
    last = "it said nothing"
    with subprocess.Popen(
        command, cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if text := line.strip():
                last = text
                _log.info("%s", text)
    if process.returncode:
        raise RuntimeError(f"the training failed: {last}")
