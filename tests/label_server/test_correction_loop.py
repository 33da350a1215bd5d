"""Segment, correct, retrain, segment again: what it brings on images that nobody trained on.

The labels of the data set stand for the corrections of a person. It takes minutes, and needs the data:

    .venv-label/bin/python -m pytest -m long tests/label_server -o addopts=--import-mode=importlib -s
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from common.datalists import load_datalist
from common.metrics import score_image, summarize
from common.readers import read_labels
from common.sample import write_sample

pytest.importorskip("monailabel", reason="MONAI Label's server has its own environment: make test-label")
from live_label_server import Server, bundle_run, started

DATA = Path(os.environ.get("NUCLEI_DATA", "")) / "e2f_multiplex"
BUNDLE, CORRECTED, SHOWN = "resnet18_unet", 8, ("f1_50_pooled", "f1_mu_pooled", "pq_pooled")


def scores(server: Server, truth: dict[str, Path]) -> dict[str, float]:
    found = [score_image(read_labels(label), server.labels(BUNDLE, name)) for name, label in truth.items()]
    summary = summarize(found)
    return {name: round(float(summary[name]), 3) for name in SHOWN}


@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the data set e2f_multiplex in NUCLEI_DATA")
def test_corrections_make_the_next_segmentation_better(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "sample")
    bundle_run(
        f"bundles/{BUNDLE}/configs/train.json", "training", dataset_dir=sample, mlflow=False,
        ckpt_dir=tmp_path / "runs" / BUNDLE, epochs=6, steps_per_epoch=40, batch_size=8, crop_px=128,
        warmup_epochs=1,
    )  # fmt: skip
    studies = tmp_path / "studies"
    studies.mkdir()
    lists = {"training": load_datalist(DATA, "training")[:CORRECTED], "test": load_datalist(DATA, "test")}
    labels: dict[str, dict[str, Path]] = {split: {} for split in lists}
    for split, items in lists.items():
        for number, item in enumerate(items):
            file, name = Path(str(item["image"])), f"{split}_{number}"
            shutil.copy(file, studies / f"{name}{''.join(file.suffixes)}")
            labels[split][name] = Path(str(item["label"]))
    with started(tmp_path, bundles=BUNDLE, studies=studies, runs=tmp_path / "runs") as server:
        before = scores(server, labels["test"])
        for name, label in labels["training"].items():
            assert server.submit(name, read_labels(label)).status_code == 200
        server.train(BUNDLE)
        after = scores(server, labels["test"])
        told = server.get("/info/").json()["train_stats"][BUNDLE]
    print(f"\n{CORRECTED} images corrected, {told['seconds']} s of training: {before} -> {after}")
    assert all(after[name] > before[name] + 0.05 for name in SHOWN), (before, after)
