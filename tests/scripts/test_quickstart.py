"""The quickstart's own parts; its commands run for real in `make quickstart` and in each bundle's tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from common.datalists import load_datalist
from common.export import write_label_map
from common.sample import write_sample
from scripts import quickstart as script


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample_fluorescence", counts=(1, 1, 3), shape=(96, 96))


def test_the_baseline_misses_only_what_touches(tmp_path: Path) -> None:
    apart = np.zeros((40, 40), dtype=np.uint16)
    apart[3:13, 3:13], apart[3:13, 14:24] = 1, 2
    touching = apart.copy()
    touching[3:13, 13] = 2
    for name, label_map, expected in (("apart", apart, 1.0), ("touching", touching, 0.0)):
        path = write_label_map(tmp_path / f"{name}.tif", label_map)
        assert script.score_merged([{"label": str(path)}])["f1_75_pooled"] == expected


def test_the_sheet_shows_every_image(sample: Path, tmp_path: Path) -> None:
    items = load_datalist(sample, "test")
    for item in items:
        write_label_map(tmp_path / f"{Path(item['image']).stem}.tif", tifffile.imread(item["label"]))
    assert script.draw(items, tmp_path, columns=2).shape[1] > 2 * 2 * 96


def test_it_runs_the_commands_that_it_shows(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(words[1:])
        options = dict(zip(words[4:], words[5:], strict=False))
        if "evaluating" in words:
            folder = Path(options["--output_dir"])
            folder.mkdir(parents=True)
            (folder / "metrics.json").write_text(json.dumps(dict.fromkeys(script.SHOWN, 0.5)))
        elif "training" not in words:
            for image in Path(options["--dataset_dir"]).iterdir():
                path = Path(options["--output_dir"]) / f"{image.stem}.tif"
                write_label_map(path, np.zeros((96, 96), dtype=int))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(script, "sample_of", lambda train: str(sample))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundles/small/configs").mkdir(parents=True)
    (tmp_path / "bundles/small/configs/train.json").touch()
    scores = script.quickstart(str(tmp_path / "out"), bundle="small", epochs=3)
    assert scores == dict.fromkeys(script.SHOWN, 0.5)
    shown = capsys.readouterr().out
    assert len(ran) == 3
    assert all(f"$ python {' '.join(words)}\n" in shown for words in ran)
    assert (tmp_path / "out" / "overlay.png").is_file()
    assert sorted(path.name for path in (tmp_path / "out" / "test_images").iterdir()) == sorted(
        Path(item["image"]).name for item in load_datalist(sample, "test")
    )


def test_released_weights_segment_the_sample_and_your_images_before_the_training(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("configs/train.json", "models/model.pt"):
        file = tmp_path / "bundles" / "small" / name
        file.parent.mkdir(parents=True)
        file.touch()
    (tmp_path / "mine").mkdir()
    ran = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(words)
        if "training" in words:
            return subprocess.CompletedProcess(words, 3)
        options = dict(zip(words[4:], words[5:], strict=False))
        assert options["--weights"] == "bundles/small/models/model.pt"
        for image in Path(options["--dataset_dir"]).iterdir():
            write_label_map(Path(options["--output_dir"]) / f"{image.stem}.tif", np.zeros((96, 96), int))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(script, "sample_of", lambda train: str(sample))
    with pytest.raises(RuntimeError, match="exit code 3"):
        script.quickstart("out", bundle="small", images="mine")
    folders = [words[words.index("--dataset_dir") + 1] for words in ran]
    assert folders == ["out/test_images", "mine", str(sample)]
    assert Path("out/released.png").is_file() and "out/yours" in capsys.readouterr().out


def test_another_bundle_in_the_same_folder_finds_its_own_images_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "test_images"
    for modality, count in (("fluorescence", 3), ("multiplex", 2)):
        sample = write_sample(tmp_path / modality, modality=modality, counts=(1, 1, count), shape=(64, 64))
        items = load_datalist(sample, "test")
        assert script._copy_images(items, folder) == folder
        assert {path.name for path in folder.iterdir()} == {Path(item["image"]).name for item in items}
    assert [path.name for path in folder.parent.iterdir()] == ["test_images"]


def test_images_of_a_data_set_with_other_names_are_copied_anew(tmp_path: Path) -> None:
    image = (tmp_path / "patient_3.png").as_posix()
    for content in (b"before", b"now"):
        Path(image).write_bytes(content)
        script._copy_images([{"image": image}], tmp_path / "test_images")
        assert (tmp_path / "test_images/patient_3.png").read_bytes() == content


def test_images_of_somebodys_own_stay(sample: Path, tmp_path: Path) -> None:
    items = load_datalist(sample, "test")
    for name in ("test_images/test_000.png", "test_images/test_of_mine.tif", "test_images/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match="holds test_of_mine.tif, no image of a sample: name"):
        script._copy_images(items, tmp_path / "test_images")
    assert len(list((tmp_path / "test_images").iterdir())) == 3
    (tmp_path / "test_images/test_of_mine.tif").unlink()
    assert len(list(script._copy_images(items, tmp_path / "test_images").iterdir())) == 3


def test_images_without_released_weights_are_refused(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "sample_of", lambda train: str(sample))
    with pytest.raises(FileNotFoundError, match="is no folder"):
        script.quickstart(str(tmp_path / "out"), bundle="unet", images=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="unet has no released weights for --images"):
        script.quickstart(str(tmp_path / "out"), bundle="unet", images=str(tmp_path))


def test_a_failing_command_ends_it(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "sample_of", lambda train: str(sample))
    monkeypatch.setattr(script.subprocess, "run", lambda words, **_: subprocess.CompletedProcess(words, 3))
    with pytest.raises(RuntimeError, match="exit code 3"):
        script.quickstart(str(tmp_path / "out"))


def test_another_folder_or_bundle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="with a bundle that is there"):
        script.quickstart(str(tmp_path), bundle="logsag")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="repository's root"):
        script.quickstart(str(tmp_path))
