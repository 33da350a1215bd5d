"""The command prints a Markdown table, writes what it printed, and refuses what does not go together."""

import json

import pytest
import torch

from common.benchmarks import Task
from common.packing.export_table import ExportedBundle
from scripts import benchmark


def test_prints_a_table_and_writes_it(tmp_path, capsys, monkeypatch):
    calls = []
    task = Task("count calls", lambda: calls.append(1), limit_ms=7)
    monkeypatch.setattr(benchmark, "PARTS", {"calls": lambda: [task]})
    rows = benchmark.benchmark(repeats=4, output=str(tmp_path / "new" / "times.json"))
    assert len(calls) == 5  # one warms up
    written = json.loads((tmp_path / "new" / "times.json").read_text())
    assert written["tasks"] == rows
    assert written["machine"]["cores"] >= 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["times.json"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("| count calls |") and lines[-1].endswith(" 7 |")
    assert lines[-2] == "|---|---|---|---|---|"


@pytest.mark.parametrize("what", ["inference", "training"])
def test_bundles_are_chosen_and_options_arrive(what, monkeypatch, capsys):
    asked = []

    def fake(bundles, folder, **options):
        asked.append((bundles, options))
        return [{"bundle": bundles[0], "seconds": 0.5}]

    monkeypatch.setattr(benchmark, f"time_{what}", fake)
    monkeypatch.setattr(benchmark, "tune_cpu", lambda: None)  # settings of the whole process
    given = {"num_workers": 2} if what == "training" else {"image_px": 256}
    benchmark.benchmark(what, bundles="unet, logsage", repeats=2, **given)
    ((bundles, options),) = asked
    assert bundles == ["unet", "logsage"]
    if what == "training":
        assert options == {"steps": 2, "options": {"num_workers": 2}}
    else:
        assert options == {"rounds": 2, "image_px": 256, "clock": "wall", "peer": None}
    assert "| unet | 0.5 |" in capsys.readouterr().out


def test_exports_are_written_into_the_bundles_document(tmp_path, monkeypatch, capsys):
    image = torch.zeros(1, 3, 8, 8)
    rows = [{"format": "onnx", "difference": "1e-08"}, {"format": "qupath", "difference": "same labels"}]
    made = ExportedBundle(torch.nn.Identity(), image, rows, {"onnx": lambda image: image})
    asked = []
    monkeypatch.setattr(
        benchmark, "export_every_way", lambda folder, overlays: asked.append(overlays) or made
    )
    monkeypatch.setattr(benchmark, "bundle_folder", lambda name: tmp_path)
    monkeypatch.setattr(benchmark, "tune_cpu", lambda: None)
    (tmp_path / "docs").mkdir()
    document = tmp_path / "docs" / "README.md"
    document.write_text("# unet\n")
    benchmark.benchmark("export", bundles="unet", repeats=1)
    assert document.read_text() == "# unet\n"
    benchmark.benchmark("export", bundles="unet", repeats=1, write=True)
    text = document.read_text()
    assert "| onnx | 1e-08 | " in text and "| qupath | same labels |  |" in text
    assert "noise of 3 x 8 x 8" in text and "threads" in text
    assert "| unet | onnx |" in capsys.readouterr().out
    benchmark.benchmark("export", bundles="unet+he", repeats=1)
    assert asked == [[], [], ["he"]] and "| unet+he | onnx |" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"--write puts the table of a bundle as it is .* not of unet\+he"):
        benchmark.benchmark("export", bundles="unet+he", repeats=1, write=True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"what": "metric"}, ValueError, "'metric'.*inference, training, export, all, metrics"),
        ({"what": "inference", "write": True}, ValueError, "--write goes with export, not with inference"),
        ({"repeats": 0}, ValueError, "repeats is 0"),
        ({"what": "training", "peers": True}, ValueError, "--peers goes with inference, not with training"),
        ({"what": "inference", "num_workers": 1}, ValueError, "--num_workers goes with training"),
        ({"what": "metrics", "bundles": "unet"}, ValueError, "--bundles goes with inference or training or"),
        ({"image_px": 256}, ValueError, "--image_px goes with inference, not with all: leave it out"),
        ({"what": "training", "image_px": 256}, ValueError, "--image_px goes with inference, not with train"),
        ({"what": "export", "clock": "processor"}, ValueError, "--clock goes with inference, not with exp"),
        ({"what": "decoding", "peers_dir": "here"}, ValueError, "--peers_dir goes with inference"),
        ({"what": "inference", "clock": "sun"}, ValueError, "--clock is sun: choose wall or processor"),
        ({"what": "inference", "bundles": "unit"}, ValueError, "--bundles unit is no bundle: did you mean"),
        (
            {"what": "inference", "peers": True, "peers_dir": "nowhere"},
            FileNotFoundError,
            "environment of stardist is not in nowhere.stardist.env: python -m scripts.peers stardist",
        ),
    ],
)
def test_refuses_in_a_sentence(options, error, message, monkeypatch):
    monkeypatch.setattr(benchmark, "tune_cpu", lambda: None)
    with pytest.raises(error, match=message):
        benchmark.benchmark(**options)
