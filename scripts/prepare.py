"""Turn a public data set, or QuPath annotations, into a folder to train on.

python -m scripts.prepare bbbc039 --output data/bbbc039
python -m scripts.prepare bbbc038 --source stage1_train.zip --output data/bbbc038
python -m scripts.prepare kromp --source dataset.zip --output data/kromp
python -m scripts.prepare monuseg --source monuseg_zips --output data/monuseg --validation 0.2
python -m scripts.prepare postnatbrca --source cells --output data/postnatbrca
python -m scripts.prepare pannuke --folds 2,1,3 --output data/pannuke_2
python -m scripts.prepare tissuenet --source tissuenet_v1.1 --output data/vectra --only vectra
python -m scripts.prepare qupath --source my_project/export --output data/mine
python -m scripts.prepare tnbc --output data/tnbc --test_only

Without --source a data set is downloaded where its source hands it out to anyone; else a sentence tells what
to fetch by hand. The archives stay in `downloads` beside the output: a download that was cut goes on there.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from tqdm import tqdm

from common.commands import main
from common.conversions import describe, fetch_dataset, licence_of, read_dataset
from common.conversions.formats.dataset_image import DatasetImage
from common.datalists.folder_layout import split_by_seed
from common.files import sha256_of, stem_of

TEST_SHARE, MOST_VALIDATION = 0.15, 0.8
_LISTS = ("training", "validation", "test")
logger = logging.getLogger(__name__)


def prepare(
    name: str,
    source: str | None = None,
    *,
    output: str,
    seed: int = 0,
    validation: float = 0.15,
    test_only: bool = False,
    only: str | None = None,
    folds: str | Sequence[int] | None = None,
    downloads: str | None = None,
) -> None:
    """Write images, label maps and dataset.json of a data set; the folder appears whole or not at all.

    Args:
        name: the data set, one of the modules in the folders of common/conversions: bbbc038, bbbc039,
            coelho2009, conic, consep, cpdmi, cpm15, cryonuseg, imagej, kromp, lizard, monuseg, nuinsseg,
            pannuke, postnatbrca, qupath, tissuenet, tnbc.
        source: its folder or archive, as downloaded or exported; without it the data set is downloaded.
        output: the folder to make; it must not exist, or be empty.
        seed: of the split into training, validation and test (70 : 15 : 15, or 85 : 15 beside published test
            images); the images of one patient, else of one slide, stay together.
        validation: share of the patients (slides, images) that validate; training gives or takes the rest.
            Where validation images are published those are taken.
        test_only: all images are the test list, whatever lists are published: to score what was trained
            elsewhere. Not with folds.
        only: a part of the data set: fluorescence, tissue or brightfield of bbbc038, a diagnosis or
            preparation of kromp, a tissue of pannuke or nuinsseg, a platform or tissue of tissuenet or
            cpdmi, a source of lizard or conic, an annotation of cryonuseg, cells of coelho2009, a
            magnification of cpm15, a class name of postnatbrca or qupath.
        folds: which published folds train, validate and test, such as 2,1,3 (pannuke, lizard) or 2+3+4,5,1
            (nuinsseg); by default the last tests and the last but one validates.
        downloads: the folder that archives are downloaded to; by default `downloads/<name>` beside the
            output.

    Raises:
        FileNotFoundError: if the source is not there, or not on the web any more.
        FileExistsError: if the output folder holds something already.
        ValueError: if there is no such data set, the source does not look as expected, or the validation's
            share is no share.
        OSError: if a file cannot be downloaded; what has arrived is kept.
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
    if test_only and folds is not None:
        raise ValueError(f"--test_only makes all images test, --folds {folds} some: leave one out")
    groups = _groups(folds)
    about: dict[str, Any] = {"description": describe(str(name)), "licence": licence_of(str(name))}
    if source is None:
        folder = Path(downloads).expanduser() if downloads else target.parent / "downloads" / str(name)
        fetched = fetch_dataset(str(name), folder)
        about["sources"] = [
            {"url": remote.url, "bytes": file.stat().st_size, "sha256": sha256_of(file)}
            for remote, file in fetched
        ]
        source = str(folder if len(fetched) > 1 else fetched[0][1])
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        images = read_dataset(str(name), str(source), only=only)
        written = [
            (image.split, _write(image, draft))
            for image in tqdm(images, desc=str(name), unit=" images", disable=None)
        ]
        there = {item["published_fold"] for _, item in written if "published_fold" in item}
        if test_only:
            written = [("test", item) for _, item in written]
        elif roles := _roles(groups, there):
            written = [(roles.get(item.get("published_fold", ""), split), item) for split, item in written]
        elif there:
            found = " and ".join(sorted(there))
            logger.warning("%s has fold %s alone: the lists are made by seed", source, found)
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
    """Write one image, its label map and what else it has, and return its entry in dataset.json."""
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
    if image.cell_map is not None:
        (folder / "cells").mkdir(exist_ok=True)
        item["cell_label"] = f"cells/{label.name}"
        tifffile.imwrite(folder / item["cell_label"], image.cell_map, compression="zlib")
    if image.classes:
        (folder / "classes").mkdir(exist_ok=True)
        item["classes"] = f"classes/{image.stem}.json"
        (folder / item["classes"]).write_text(json.dumps(image.classes, indent=1), encoding="utf-8")
    if image.fold:
        item["published_fold"] = str(image.fold)
    return item


def _groups(folds: str | Sequence[int] | None) -> list[list[str]] | None:
    """Return the published folds of each list, as they were named; None where they were not."""
    if folds is None:
        return None
    try:
        named = [str(each).split("+") for each in (folds.split(",") if isinstance(folds, str) else folds)]
        groups = [[str(int(number)) for number in group] for group in named]
    except (TypeError, ValueError):
        groups = []
    numbers = sorted(int(number) for group in groups for number in group)
    if len(groups) != len(_LISTS) or numbers != [*range(1, len(numbers) + 1)]:
        raise ValueError(
            f"folds is {folds!r}: name the published folds that train, validate and test, such as --folds "
            f"2,1,3, or 1+2+3,4,5 where there are five"
        )
    return groups


def _roles(groups: list[list[str]] | None, there: set[str]) -> dict[str, str]:
    """Return the list that each published fold makes; empty where they are not those that are there."""
    if groups is None:
        ordered = sorted(there, key=int)
        groups = [ordered[:-2], ordered[-2:-1], ordered[-1:]]
    roles = {number: role for group, role in zip(groups, _LISTS, strict=True) for number in group}
    return roles if roles.keys() == there and all(groups) else {}


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
    about: dict[str, Any],
    written: list[tuple[str, dict[str, Any]]],
    *,
    seed: int,
    validation: float,
) -> dict[str, int]:
    published = {kind: [item for split, item in written if split == kind] for kind in ("validation", "test")}
    others = [item for split, item in written if split not in published]
    test = 0.0 if published["test"] else TEST_SHARE
    validation = 0.0 if published["validation"] else validation
    lists = split_by_seed(others, seed=seed, fractions=(1 - validation - test, validation, test))
    lists = {split: items + published.get(split, []) for split, items in lists.items()}
    content = {"name": name, **{key: value for key, value in about.items() if value}, "seed": seed} | lists
    (folder / "dataset.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {split: len(listed) for split, listed in lists.items()}


if __name__ == "__main__":
    main(prepare)
