"""Draw the picture at the README's top: nuclei found in images that no training has seen.

python -m scripts.first_look --data_dir FOLDER

Everything runs by the commands that a user types. What the picture was made from is written beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from common.commands import main
from common.datalists import dataset_folder, load_datalist
from common.engine.trained import trained_settings, training_config
from common.export import write_label_map, write_picture
from common.figures import Look, crowded_windows, first_look_fingerprint, first_look_picture
from common.files import sha256_of, stem_of, write_whole
from common.readers import read_image, read_labels

PICTURES = Path("docs/pictures")
PICTURE, RECORD = "first_look.png", "first_look.json"
COMMAND = "python -m scripts.first_look --data_dir FOLDER"
# Of the whole picture, 830 px wide on a page, a third.
PANEL_PX = (339, 510)
# Fewer nuclei than this do not show how they are told apart.
FEWEST_NUCLEI = 15
# What turns an image into a label map; how the weights came about is told by their hash.
METHOD = ("network_def", "intensity", "inferer", "decoder")

# Of a training's settings, what is told beside the hash of its weights.
TRAINED = ("epochs", "steps_per_epoch", "batch_size", "crop_px", "learning_rate", "seed")


class Row(NamedTuple):
    """A row of the picture: an image, who segments it, and what must be said of it.

    `source` is a data set, of whose test list an image is chosen, or one image; `training` the folder of the
    weights in `runs`, and `options` how they were trained, on the data set `trained_on`.
    """

    name: str
    title: str
    source: str
    origin: str
    bundle: str
    training: str
    trained_on: str
    options: str
    channel: int | None = None
    colours: tuple[tuple[int, int, int], ...] | None = None
    zoom: int = 3


BBBC038 = "BBBC038v1 (Caicedo et al., Nature Methods 2019), Broad Bioimage Benchmark Collection, CC0 1.0"
FLUO = ("resnet18_unet", "look_fluo", "dsb2018_fluo", "--epochs 22 --batch_size 8 --val_interval 4")
HE = (
    "vgg16_unet",
    "look_he",
    "dsb2018_histology",
    "--epochs 14 --batch_size 4 --crop_px 128 --val_interval 2",
)
ROWS = (
    Row("fluorescence", "fluorescence", "dsb2018_fluo", BBBC038, *FLUO),
    Row(
        *("multiplex", "multiplex: membranes, nuclei", "io_samples/Fluorescence_example.tif"),
        "Fluorescence_example.tif of the repository instanseg/instanseg, Apache-2.0, which does not say who "
        "took it; cropped, colours chosen here",
        *FLUO,
        channel=1,
        colours=((255, 90, 60), (70, 150, 255)),
    ),
    Row("tissue", "stained tissue", "dsb2018_histology", BBBC038, *HE),
)
"""The picture, from top to bottom."""


def first_look(
    data_dir: str | None = None,
    *,
    redraw: bool = False,
    output_dir: str = PICTURES.as_posix(),
    work_dir: str = "runs/first_look",
) -> Path:
    """Segment one image of each kind and draw image, label map and outlines.

    No image is picked for its score: of the test images with 15 nuclei or more it is the one in the middle by
    panoptic quality, and of that the piece in which most nuclei are close to each other.

    Args:
        data_dir: the folder of the data sets; the default is the variable NUCLEI_DATA.
        redraw: draw the recorded images with the label maps that are kept beside the picture, without any
            weights; for when only the drawing has changed.
        output_dir: folder of the picture, its record and the label maps.
        work_dir: folder for what the commands write.

    Returns:
        The picture.

    Raises:
        FileNotFoundError: if there is no folder of data sets, or no weights; the sentence says how to train.
        RuntimeError: if one of the commands fails.
    """
    data, folder = _data_folder(data_dir), Path(output_dir)
    if redraw:
        rows = json.loads((folder / RECORD).read_text("utf-8"))["rows"]
    else:
        rows = [_segment(row, data, Path(work_dir), folder) for row in ROWS]
    looks = [_look(row, told, data, folder) for row, told in zip(ROWS, rows, strict=True)]
    picture = write_picture(folder / PICTURE, first_look_picture(looks))
    record = {
        "picture": sha256_of(picture),
        "drawing": first_look_fingerprint(),
        "command": COMMAND,
        "rows": rows,
    }
    text = json.dumps(record, indent=2) + "\n"
    write_whole(folder / RECORD, lambda part: part.write_text(text, encoding="utf-8"))
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")
    return picture


def out_of_date(folder: Path = PICTURES) -> list[str]:
    """Return why the picture is not what would be drawn today, a sentence each; none if it is.

    Looked at is what the picture depends on, by what it does: the rows, how panels are drawn, the settings
    that lead from an image to a label map, and what the decoder makes of fixed maps. Trainings are not
    repeated: their settings and losses may change without making a picture of earlier weights untrue.

    Args:
        folder: where the picture and its record lie.
    """
    record = json.loads((folder / RECORD).read_text("utf-8"))
    told, made = f"{(folder / PICTURE).as_posix()} is out of date", f"make it anew with `{COMMAND}`"
    faults = []
    if record["picture"] != sha256_of(folder / PICTURE):
        faults.append(f"{told}: it is not the file that {RECORD} describes; {made}")
    if record["drawing"] != first_look_fingerprint():
        faults.append(f"{told}: panels are drawn otherwise now; {made[:-1]} --redraw`")
    if [row["recipe"] for row in record["rows"]] != [_recipe(row) for row in ROWS]:
        faults.append(f"{told}: scripts/first_look.py lists other rows now; {made}")
    for row in record["rows"]:
        bundle, now = row["recipe"]["bundle"], method(row["recipe"]["bundle"])
        changed = [name for name in METHOD if now[name] != row["method"][name]]
        if changed:
            faults.append(f"{told}: {bundle} has another {' and '.join(changed)} now; {made}")
        elif not _close(decoded_areas(bundle), row["decoded_areas_px"]):
            faults.append(f"{told}: the decoder of {bundle} finds other nuclei in the same maps now; {made}")
        kept = folder / row["label_map"]
        if row["label_map_sha256"] != sha256_of(kept):
            faults.append(f"{told}: {kept.as_posix()} is not what was drawn; {made}")
    return faults


def method(bundle: str) -> dict[str, Any]:
    """Return the settings that lead from an image to a label map.

    Args:
        bundle: name of the bundle.
    """
    config = training_config(Path("bundles") / bundle)
    # As JSON has it: the record does not know tuples.
    return {name: json.loads(json.dumps(config[name])) for name in METHOD}


def decoded_areas(bundle: str) -> list[int]:
    """Return the areas of what a bundle's decoder finds in fixed maps, blurred as a network's are, in pixels.

    Args:
        bundle: name of the bundle.
    """
    config = training_config(Path("bundles") / bundle)
    rows, columns = np.mgrid[:96, :128]
    labels = np.zeros(rows.shape, dtype=np.int32)
    discs = [
        (24, 24, 12),
        (24, 46, 13),
        (60, 30, 14),
        (66, 54, 12),
        (48, 90, 20),
        (82, 104, 9),
        (14, 100, 3.2),
    ]
    for number, (row, column, radius) in enumerate(discs, 1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    prepared = config.get_parsed_content("targets")({"label": torch.from_numpy(labels)[None]})
    maps = torch.nn.functional.avg_pool2d(torch.as_tensor(prepared["label"]).float()[None], 5, 1, 2)[0]
    # The first map is a probability; the network puts out its logit.
    maps[0] = torch.logit(maps[0], eps=1e-3)
    found = config.get_parsed_content("decoder")(maps.numpy())
    return sorted(int(area) for area in np.bincount(np.asarray(found).ravel())[1:] if area)


def _close(areas: Sequence[int], others: Sequence[int], *, tolerance_px: int = 2) -> bool:
    # A pixel on the edge may fall to either side on another machine.
    return len(areas) == len(others) and bool(np.all(np.abs(np.subtract(areas, others)) <= tolerance_px))


def _recipe(row: Row) -> dict[str, Any]:
    recipe: dict[str, Any] = json.loads(json.dumps(row._asdict()))
    return recipe


def _data_folder(data_dir: str | None) -> Path:
    named = data_dir or os.environ.get("NUCLEI_DATA")
    if not named or not Path(named).is_dir():
        raise FileNotFoundError(
            f"{named or 'no folder'} holds no data sets: give --data_dir, with "
            f"{', '.join(row.source for row in ROWS)} in it"
        )
    return Path(named)


def _segment(row: Row, data: Path, work: Path, folder: Path) -> dict[str, Any]:
    """Choose the image of a row, segment it by the bundle's command and say from what it was made."""
    weights = Path("runs") / row.training / "model.pt"
    train = f"bundles/{row.bundle}/configs/train.json"
    if not weights.is_file():
        raise FileNotFoundError(
            f"there are no weights {weights.as_posix()}: train them with `python -m monai.bundle run training"
            f" --config_file {train} --dataset_dir {(data / row.trained_on).as_posix()}"
            f" --ckpt_dir {weights.parent.as_posix()} {row.options}`"
        )
    chosen: dict[str, Any] = {"image": data / row.source, "label": None, "chosen": "the only image"}
    if chosen["image"].is_dir():
        chosen = _middle_image(data / row.source, train, weights, work / row.name / "evaluation")
    image = Path(chosen["image"])
    alone = work / row.name / "image"
    shutil.rmtree(alone, ignore_errors=True)
    alone.mkdir(parents=True)
    shutil.copyfile(image, alone / image.name)
    config = ["--config_file", train.replace("train.json", "inference.json")]
    given = ["--dataset_dir", alone.as_posix(), "--weights", weights.as_posix()]
    channels = [] if row.channel is None else ["--channels", str(row.channel)]
    output = work / row.name / "segmented"
    _run(["monai.bundle", "run", *config, *given, *channels, "--output_dir", output.as_posix()])
    label_map = read_labels(output / f"{stem_of(image)}.tif")
    kept = write_label_map(folder / "first_look" / f"{row.name}.tif", label_map)
    # Where nuclei are close is looked up in the truth, so that the piece is not chosen by what was found.
    truth = label_map if chosen["label"] is None else read_labels(chosen["label"])
    size = (PANEL_PX[0] // row.zoom, PANEL_PX[1] // row.zoom)
    [window] = crowded_windows(truth, size, count=1)
    return {
        "recipe": _recipe(row),
        "image": image.relative_to(data).as_posix(),
        "image_sha256": sha256_of(image),
        "chosen": chosen["chosen"],
        "window": {
            name: [part.start, part.stop] for name, part in zip(("rows", "columns"), window, strict=True)
        },
        "label_map": kept.relative_to(folder).as_posix(),
        "label_map_sha256": sha256_of(kept),
        "weights_sha256": sha256_of(weights),
        "trained_with": {name: trained_settings(weights).get(name) for name in TRAINED},
        "method": method(row.bundle),
        "decoded_areas_px": decoded_areas(row.bundle),
    }


def _middle_image(dataset: Path, train: str, weights: Path, output: Path) -> dict[str, Any]:
    """Return the test image whose score is in the middle, of those with enough nuclei."""
    where = ["--config_file", train, "--dataset_dir", dataset.as_posix(), "--split", "test"]
    given = ["--weights", weights.as_posix(), "--mlflow", "False"]
    _run(["monai.bundle", "run", "evaluating", *where, *given, "--output_dir", output.as_posix()])
    scores = json.loads((output / "metrics.json").read_text("utf-8"))["images"]
    quality = {stem_of(score["image"]): score["pq"] for score in scores}
    items = load_datalist(dataset_folder(str(dataset)), "test")
    many = [item for item in items if len(np.unique(read_labels(item["label"]))) > FEWEST_NUCLEI]
    many.sort(key=lambda item: float(quality[stem_of(item["image"])] or 0))
    middle = many[len(many) // 2]
    place = f"number {len(many) // 2 + 1} of {len(many)} test images with {FEWEST_NUCLEI} nuclei or more"
    score = quality[stem_of(middle["image"])]
    return {**middle, "chosen": f"{place}, from the lowest panoptic quality to the highest: {score:.3f}"}


def _look(row: Row, told: dict[str, Any], data: Path, folder: Path) -> Look:
    image = read_image(data / told["image"]).pixels
    rows, columns = (slice(*told["window"][name]) for name in ("rows", "columns"))
    label_map = read_labels(folder / told["label_map"])
    return Look(row.title, image, label_map, (rows, columns), row.channel, row.colours, row.zoom)


def _run(words: Sequence[str]) -> None:
    print(f"$ python -m {' '.join(words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", *words], check=False).returncode
    if code:
        raise RuntimeError(f"the command above failed (exit code {code}): its last line says why")


if __name__ == "__main__":
    main(first_look)
