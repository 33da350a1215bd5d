"""The README's first picture is what would be drawn today; else a sentence says why, and what to type."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts import first_look as script

ROOT = Path(__file__).parents[2]
DRAWING = sys.modules["common.figures.first_look_picture"]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A copy of the pictures that a test may spoil."""
    return Path(shutil.copytree(script.PICTURES, tmp_path / "pictures"))


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / script.RECORD).read_text("utf-8"))


def test_the_picture_is_what_would_be_drawn_today() -> None:
    faults = script.out_of_date()
    assert not faults, "\n".join(faults)


def test_the_readme_opens_with_it_and_says_where_the_images_are_from() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    first = text.split("\n\n")[1]
    assert f"]({(script.PICTURES / script.PICTURE).as_posix()})" in first
    for row in record(script.PICTURES)["rows"]:
        origin = row["recipe"]["origin"]
        assert re.search(r"CC0|Apache-2.0", origin), f"{origin}: say its licence"
        assert f"`{row['recipe']['bundle']}`" in text


def test_all_pictures_together_are_small() -> None:
    sizes = {file.name: file.stat().st_size for file in script.PICTURES.rglob("*") if file.is_file()}
    assert {script.PICTURE, "mlflow.png"} <= sizes.keys()
    assert sum(sizes.values()) < 500_000, sizes


def assert_told(faults: list[str], why: str, how: str = script.COMMAND) -> None:
    told = [fault for fault in faults if why in fault]
    assert told, faults
    assert all(f"{script.PICTURE} is out of date: " in fault and how in fault for fault in told)


def test_it_tells_a_picture_that_was_changed_by_hand(pictures: Path) -> None:
    (pictures / script.PICTURE).write_bytes((pictures / script.PICTURE).read_bytes() + b"\0")
    assert_told(script.out_of_date(pictures), "is not the file that first_look.json describes")


def test_it_tells_another_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = DRAWING.overlay
    monkeypatch.setattr(DRAWING, "overlay", lambda *words: 255 - draw(*words))
    assert_told(script.out_of_date(), "panels are drawn otherwise now", f"{script.COMMAND} --redraw")


def test_it_tells_another_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "ROWS", (script.ROWS[0]._replace(title="cells"), *script.ROWS[1:]))
    assert_told(script.out_of_date(), "lists other rows now")


def test_it_tells_another_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    real = script.method
    monkeypatch.setattr(script, "method", lambda bundle: {**real(bundle), "decoder": {"_target_": "other"}})
    assert_told(script.out_of_date(), "vgg16_unet has another decoder now")


def test_it_tells_another_decoder_of_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    real = script.decoded_areas
    monkeypatch.setattr(script, "decoded_areas", lambda bundle: [area + 3 for area in real(bundle)])
    assert_told(script.out_of_date(), "the decoder of resnet18_unet finds other nuclei in the same maps")


def test_a_pixel_more_or_less_is_no_other_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    real = script.decoded_areas
    monkeypatch.setattr(script, "decoded_areas", lambda bundle: [area + 1 for area in real(bundle)])
    assert not script.out_of_date()


def test_the_maps_that_are_decoded_hold_touching_nuclei() -> None:
    # Seven discs, of which two pairs touch once they are blurred; the smallest is too small for vgg16_unet.
    assert len(script.decoded_areas("resnet18_unet")) == 7
    assert len(script.decoded_areas("vgg16_unet")) == 6


def test_it_tells_another_label_map(pictures: Path) -> None:
    name = record(pictures)["rows"][0]["label_map"]
    shutil.copyfile(pictures / record(pictures)["rows"][1]["label_map"], pictures / name)
    assert_told(script.out_of_date(pictures), "is not what was drawn")


def test_what_is_kept_and_the_images_give_the_picture(nuclei_data: Path, pictures: Path) -> None:
    with Image.open(pictures / script.PICTURE) as file:
        before = np.asarray(file)
    script.first_look(str(nuclei_data), redraw=True, output_dir=str(pictures))
    with Image.open(pictures / script.PICTURE) as file:
        after = np.asarray(file)
    assert after.shape == before.shape
    # Letters may look otherwise with another version of Pillow: they are 3 lines of 36 pixels.
    other = (before != after).any(-1).any(1)
    assert other.sum() <= 3 * 36, "the picture is out of date: make it anew with " + script.COMMAND
    for row in record(pictures)["rows"]:
        assert row["image_sha256"] == script.sha256_of(nuclei_data / row["image"])


def test_without_weights_it_says_how_to_train_them(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundles").symlink_to(ROOT / "bundles")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there are no weights runs/look_fluo/model.pt") as caught:
        script.first_look(str(tmp_path), output_dir=str(pictures))
    command = str(caught.value).split("`")[1]
    options = json.loads((ROOT / "bundles/resnet18_unet/configs/train.json").read_text("utf-8"))
    assert set(re.findall(r"--(\w+)", command)) - {"config_file"} <= options.keys()
    assert f"--dataset_dir {(tmp_path / 'dsb2018_fluo').as_posix()} --ckpt_dir runs/look_fluo" in command


def test_without_data_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NUCLEI_DATA", raising=False)
    for folder in (None, str(tmp_path / "nowhere")):
        with pytest.raises(FileNotFoundError, match="give --data_dir, with dsb2018_fluo, .* in it"):
            script.first_look(folder)


def test_the_image_in_the_middle_is_chosen_among_those_with_enough_nuclei(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"a": 2, "b": 20, "c": 16, "d": 15, "e": 30}
    quality = {"a": 0.99, "b": 0.9, "c": 0.5, "d": 0.7, "e": None}
    items = [{"image": f"{name}.png", "label": name} for name in counts]
    monkeypatch.setattr(script, "load_datalist", lambda folder, split: items)
    monkeypatch.setattr(script, "dataset_folder", Path)
    monkeypatch.setattr(script, "read_labels", lambda name: np.arange(counts[name] + 1))
    monkeypatch.setattr(script, "_run", lambda words: None)
    rows = [{"image": f"x/{name}.png", "pq": value} for name, value in quality.items()]
    (tmp_path / "metrics.json").write_text(json.dumps({"images": rows}))
    chosen = script._middle_image(tmp_path, "train.json", tmp_path / "model.pt", tmp_path)
    assert chosen["label"] == "d"  # of e, c, d, b
    assert chosen["chosen"].startswith("number 3 of 4 test images with 15 nuclei or more")
