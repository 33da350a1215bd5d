"""Segment with released weights, then train on the sample: `python -m scripts.quickstart [--images FOLDER]`.

Every step is a plain command, shown before it runs, that you can type yourself with your own images.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import label as connected_components

from common.bundle_config import read_json
from common.commands import main
from common.datalists import dataset_folder, load_datalist
from common.export import contact_sheet, overlay, write_picture
from common.files import stem_of, write_whole_folder
from common.metrics import score_image, summarize
from common.readers import read_image, read_labels

SHOWN = ("f1_50_pooled", "ap_50_pooled", "pq_pooled", "aji_mean", "dice_mean")
# Small crops and batches: in so short a training steps count more than pixels, and the images are small too.
SHORT = ["--steps_per_epoch", "40", "--batch_size", "8", "--crop_px", "128", "--warmup_epochs", "1"]


def quickstart(
    output: str = "runs/quickstart",
    *,
    images: str | None = None,
    bundle: str = "logsage",
    epochs: int = 12,
    seed: int = 0,
) -> dict[str, float]:
    """Segment with a bundle's released weights, then train it briefly on the embedded sample.

    The sample's test images, and yours, are segmented at once where the bundle has weights. After the
    training the test images are evaluated, segmented and drawn.

    Args:
        output: folder of everything that is made: checkpoints, metrics.json, label maps, overlay.png.
        images: folder of your own images, which the released weights segment.
        bundle: which bundle, a folder of `bundles`.
        epochs: epochs of 40 steps; more are better and take longer.
        seed: of the training.

    Returns:
        The scores on the sample's test images.

    Raises:
        FileNotFoundError: if this is not the repository's root, there is no such bundle or folder of images,
            or no released weights for these.
        FileExistsError: if the folder has images of somebody's own where the sample's go.
        RuntimeError: if one of the commands fails.
    """
    configs = Path("bundles") / bundle / "configs"
    if not (configs / "train.json").is_file():
        raise FileNotFoundError(
            f"{configs / 'train.json'} does not exist: run this from the repository's root, with a bundle "
            f"that is there"
        )
    begin = time.monotonic()
    out = Path(output)
    weights, train = out / "checkpoints" / "model.pt", (configs / "train.json").as_posix()
    inference = (configs / "inference.json").as_posix()
    sample = sample_of(configs / "train.json")
    where = ["--dataset_dir", sample]
    items = load_datalist(dataset_folder(sample), "test")
    test_images = _copy_images(items, out / "test_images")
    released = configs.parent / "models" / "model.pt"
    if images is not None and not Path(images).is_dir():
        raise FileNotFoundError(f"--images {images} is no folder: name one with images")
    if released.is_file():
        _segment_released(inference, released, test_images, items, out, images)
    elif images is not None:
        raise FileNotFoundError(
            f"{bundle} has no released weights for --images {images}: train it, or take another --bundle"
        )

    _say("1 of 3: train")
    length = ["--epochs", str(epochs), *SHORT, "--seed", str(seed)]
    target = ["--ckpt_dir", weights.parent.as_posix()]
    _run(["monai.bundle", "run", "training", "--config_file", train, *where, *length, *target])

    _say("2 of 3: evaluate on the test images")
    given = ["--split", "test", "--weights", weights.as_posix()]
    target = ["--output_dir", (out / "evaluation").as_posix()]
    _run(["monai.bundle", "run", "evaluating", "--config_file", train, *where, *given, *target])

    _say("3 of 3: segment the test images, without their labels")
    given = ["--dataset_dir", test_images.as_posix(), "--weights", weights.as_posix()]
    target = ["--output_dir", (out / "segmented").as_posix()]
    _run(["monai.bundle", "run", "--config_file", inference, *given, *target])

    scores = json.loads((out / "evaluation" / "metrics.json").read_text("utf-8"))
    merged = score_merged(items)
    picture = write_picture(out / "overlay.png", draw(items, out / "segmented"))
    _tell(out, train, scores, merged, picture, minutes=(time.monotonic() - begin) / 60)
    return {name: scores[name] for name in SHOWN}


def _segment_released(
    inference: str,
    weights: Path,
    test_images: Path,
    items: Sequence[dict[str, Any]],
    out: Path,
    images: str | None,
) -> None:
    """Segment the sample's test images and the user's own, before anything is trained."""
    _say("Released weights: segment")
    for folder, target in ((test_images, out / "released"), (images, out / "yours")):
        if folder is not None:
            given = ["--dataset_dir", Path(folder).as_posix(), "--weights", weights.as_posix()]
            told = ["--output_dir", target.as_posix()]
            _run(["monai.bundle", "run", "--config_file", inference, *given, *told])
    picture = write_picture(out / "released.png", draw(items, out / "released"))
    print(f"\npicture        {picture.as_posix()}  (the sample; orange: predicted, blue: true, white: both)")
    if images is not None:
        print(f"your images    {(out / 'yours').as_posix()}: label maps and, to look at, overlays/*.png")


def sample_of(train: Path) -> str:
    """Return the data set that a bundle trains on where none is named: the sample of its kind of images.

    Args:
        train: the bundle's train.json.
    """
    return str(read_json(train)["dataset_dir"])


def score_merged(items: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Score what no splitting could do better: the connected components of the true foreground.

    Args:
        items: a datalist with labels.

    Returns:
        Every score, by its id.
    """
    scores = []
    for item in items:
        truth = read_labels(item["label"])
        scores.append(score_image(truth, connected_components(truth > 0, connectivity=1)))
    return summarize(scores)


def draw(items: Sequence[dict[str, Any]], label_maps: Path, *, columns: int = 4) -> np.ndarray:
    """Draw predicted and true outlines of several images on one sheet.

    Args:
        items: a datalist with labels.
        label_maps: folder of the predictions, `<stem>.tif`.
        columns: images in a row.

    Shapes:
        returns: (rows, columns, 3), uint8.
    """
    pictures = []
    for item in items:
        prediction = read_labels(label_maps / f"{stem_of(item['image'])}.tif")
        pictures.append(
            overlay(read_image(item["image"]).pixels, prediction, read_labels(item["label"]), zoom=2)
        )
    return contact_sheet(pictures, columns, captions=[stem_of(item["image"]) for item in items])


def _copy_images(items: Sequence[dict[str, Any]], folder: Path) -> Path:
    """Put a sample's images into a folder, in the place of those of a bundle for other images."""
    images = {Path(item["image"]).name: item["image"] for item in items}
    for path in folder.iterdir() if folder.is_dir() else ():
        # Of any sample, of this data set, or the system's own.
        if path.name not in images and not re.fullmatch(r"test_\d+\..+|\..+", path.name):
            raise FileExistsError(f"{folder} holds {path.name}, no image of a sample: name another --output")

    def copy(part: Path) -> None:
        for name, image in images.items():
            shutil.copyfile(image, part / name)

    return write_whole_folder(folder, copy)


def _say(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


def _run(words: Sequence[str]) -> None:
    print(f"$ python -m {' '.join(words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", *words], check=False).returncode
    if code:
        raise RuntimeError(f"the command above failed (exit code {code}): its last line says why")


def _tell(
    out: Path, train: str, scores: dict[str, Any], merged: dict[str, float], picture: Path, *, minutes: float
) -> None:
    print(f"\nOn the sample's test images, after {minutes:.1f} minutes in all:\n")
    print(f"{'':14}{'this training':>16}{'true foreground, touching nuclei not split':>46}")
    for name in SHOWN:
        print(f"{name:14}{scores[name]:16.3f}{merged[name]:46.3f}")
    python = _shown_python()
    store = os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlruns.db")
    look = store if store.startswith("http") else f"{python} -m mlflow ui --backend-store-uri {store}"
    print(
        f"\nweights        {(out / 'checkpoints' / 'model.pt').as_posix()}\n"
        f"scores         {(out / 'evaluation' / 'metrics.json').as_posix()}\n"
        f"label maps     {(out / 'segmented').as_posix()}{os.sep}*.tif\n"
        f"picture        {picture.as_posix()}  (orange: predicted, blue: true, white: both)\n"
        f"MLflow         {look}\n"
        + (
            ""
            if store.startswith("http")
            else "               then open http://127.0.0.1:5000 in a browser\n"
        )
        + f"\nYour own images: {python} -m monai.bundle run training --config_file "
        f"{train} --dataset_dir FOLDER (see README.md)"
    )


def _shown_python() -> str:
    executable = Path(sys.executable)
    inside = executable.is_relative_to(Path.cwd())
    return str(executable.relative_to(Path.cwd())) if inside else "python"


if __name__ == "__main__":
    main(quickstart)
