"""Turn a public data set, or QuPath annotations, into a folder to train on.

python -m scripts.prepare bbbc038 --source stage1_train.zip --output data/bbbc038
python -m scripts.prepare kromp --source dataset.zip --output data/kromp
python -m scripts.prepare monuseg --source monuseg_zips --output data/monuseg --validation 0.2
python -m scripts.prepare postnatbrca --source cells --output data/postnatbrca
python -m scripts.prepare qupath --source my_project/export --output data/mine
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from tqdm import tqdm

from common.commands import main
from common.conversions import describe, read_dataset
from common.conversions._dataset_image import DatasetImage
from common.datalists.folder_layout import split_by_seed
from common.files import stem_of

TEST_SHARE, MOST_VALIDATION = 0.15, 0.8


def prepare(
    name: str, source: str, output: str, *, seed: int = 0, validation: float = 0.15, only: str | None = None
) -> None:
    """Write images, label maps and dataset.json of a data set; the folder appears whole or not at all.

    Args:
        name: the data set, one of the modules in common/conversions, such as bbbc038, kromp, monuseg,
            postnatbrca or qupath.
        source: its folder or archive, as downloaded or exported.
        output: the folder to make; it must not exist, or be empty.
        seed: of the split into training, validation and test (70 : 15 : 15, or 85 : 15 beside published test
            images); the images of one patient, else of one slide, stay together.
        validation: share of the patients (slides, images) that validate; training gives or takes the rest.
        only: a part of the data set: fluorescence, tissue or brightfield of bbbc038, a diagnosis or
            preparation of kromp, a class name of postnatbrca or qupath.

    Raises:
        FileNotFoundError: if the source is not there.
        FileExistsError: if the output folder holds something already.
        ValueError: if there is no such data set, the source does not look as expected, or the validation's
            share is no share.
    """
    share = validation if isinstance(validation, (int, float)) and not isinstance(validation, bool) else 0
    if not 0 < share <= MOST_VALIDATION:
        raise ValueError(
            f"validation is {validation!r}: give --validation a share above 0, at most {MOST_VALIDATION}, "
            f"such as 0.2"
        )
    target = Path(os.path.abspath(Path(output).expanduser()))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{output} exists already: give --output a new folder, or remove that one")
    about = describe(str(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        images = read_dataset(str(name), str(source), only=only)
        written = [
            (image.split, _write(image, draft))
            for image in tqdm(images, desc=str(name), unit=" images", disable=None)
        ]
        counts = _write_json(draft, target.name, about, written, seed=seed, validation=share)
        draft.chmod(0o755)  # mkdtemp's are for one user
        if target.exists():
            target.rmdir()
        os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    listed = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"{output}: {len(written)} images ({listed})")


def _write(image: DatasetImage, folder: Path) -> dict[str, Any]:
    """Write one image and its label map, and return its entry in dataset.json."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(exist_ok=True)
    label = folder / "labels" / f"{image.stem}.tif"
    if label.exists():
        raise ValueError(f"two images of the source are named {image.stem}: rename one")
    tifffile.imwrite(label, image.label_map, compression="zlib")
    item = {
        "image": f"images/{_write_pixels(image, folder / 'images')}",
        "label": f"labels/{label.name}",
    } | image.extras
    if image.classes:
        (folder / "classes").mkdir(exist_ok=True)
        item["classes"] = f"classes/{image.stem}.json"
        (folder / item["classes"]).write_text(json.dumps(image.classes, indent=1), encoding="utf-8")
    return item


def _write_pixels(image: DatasetImage, folder: Path) -> str:
    if isinstance(image.image, Path):
        name = image.stem + image.image.name[len(stem_of(image.image)) :]
        shutil.copyfile(image.image, folder / name)
        return name
    pixels = np.ascontiguousarray(image.image)
    if pixels.dtype == np.uint8 and pixels.shape[0] in (1, 3):
        Image.fromarray(pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)).save(
            folder / f"{image.stem}.png"
        )
        return f"{image.stem}.png"
    tifffile.imwrite(
        folder / f"{image.stem}.tif",
        pixels,
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "CYX"},
    )
    return f"{image.stem}.tif"


def _write_json(
    folder: Path,
    name: str,
    about: str,
    written: list[tuple[str, dict[str, Any]]],
    *,
    seed: int,
    validation: float,
) -> dict[str, int]:
    tested = [item for split, item in written if split == "test"]
    others = [item for split, item in written if split != "test"]
    test = 0.0 if tested else TEST_SHARE
    lists = split_by_seed(others, seed=seed, fractions=(1 - validation - test, validation, test))
    lists["test"] += tested
    content = {"name": name, "description": about, "seed": seed} | lists
    (folder / "dataset.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {split: len(listed) for split, listed in lists.items()}


if __name__ == "__main__":
    main(prepare)
