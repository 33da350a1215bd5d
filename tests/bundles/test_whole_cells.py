"""Whole cells beside nuclei: from files of images to label maps of both, by MONAI's commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from monai.bundle import ConfigWorkflow

from common.engine.segmentation import load_segmenter
from common.messages import sentence
from common.readers import read_image
from common.sample import write_sample

BUNDLE, OVERLAY = "channelnet_cellvit", "whole_cells"
Workflow = Callable[..., ConfigWorkflow]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(
        tmp_path_factory.mktemp("data") / "set", modality="cells", counts=(3, 2, 2), shape=(96, 80)
    )


@pytest.fixture
def trained(workflow: Workflow, cells: Path, tmp_path: Path) -> Path:
    """Train for an epoch, and return the folder of the weights."""
    places = {"dataset_dir": str(cells), "ckpt_dir": str(tmp_path / "ckpt")}
    training = workflow(BUNDLE, "train", OVERLAY, **places)
    training.initialize()
    training.run()
    return tmp_path / "ckpt"


def shake(ckpt: Path) -> None:
    """Change weights of two steps so that something is found."""
    weights = torch.load(ckpt / "model.pt", weights_only=True)
    generator = torch.Generator().manual_seed(0)
    for name, value in weights.items():
        if value.is_floating_point() and "running" not in name:
            weights[name] = value + 0.1 * torch.randn(value.shape, generator=generator)
    torch.save(weights, ckpt / "model.pt")


def test_from_files_to_nuclei_and_cells_whose_numbers_match(
    workflow: Workflow, trained: Path, cells: Path, tmp_path: Path
) -> None:
    shake(trained)
    out = tmp_path / "out"
    places = {"dataset_dir": str(cells / "images"), "ckpt_dir": str(trained), "output_dir": str(out)}
    options = {"table": True, "formats": "geojson", "skip_finished": True, "device": "cpu"}
    # The bundle's own inference.json: network and decoder are the training's.
    made = workflow(BUNDLE, "inference", **places, **options)
    made.initialize()
    made.run()
    images = sorted((cells / "images").iterdir())
    segmenter = load_segmenter(trained, device="cpu")
    counts = np.zeros(2, int)
    for file in images:
        stem = file.name.removesuffix(".ome.tif")
        nuclei, whole = (tifffile.imread(out / f"{stem}{end}.tif").astype(int) for end in ("", "_cells"))
        assert nuclei.shape == whole.shape == (96, 80)
        assert (whole[nuclei > 0] == nuclei[nuclei > 0]).all()
        features = json.loads((out / f"{stem}.geojson").read_text())["features"]
        assert len(features) == whole.max() and sum("nucleusGeometry" in f for f in features) == nuclei.max()
        counts += nuclei.max(), whole.max()
        found = segmenter.find(read_image(file).pixels, axes="cyx")
        assert np.array_equal(found.label_map, nuclei) and np.array_equal(found.cells, whole)
        assert np.array_equal(segmenter(read_image(file).pixels, axes="cyx"), nuclei), "as of any bundle"
    assert counts.min() > 0, "equal because nothing was found shows nothing"

    (out / f"{stem}_cells.tif").unlink()
    before = {file: file.stat().st_mtime_ns for file in out.glob("*.tif")}
    made = workflow(BUNDLE, "inference", **places, **options)
    made.initialize()
    made.run()
    written = {file.name for file in out.glob("*.tif") if before.get(file) != file.stat().st_mtime_ns}
    assert written == {f"{stem}.tif", f"{stem}_cells.tif"}, "an image without its cells is not finished"


def test_what_the_loss_calls_perfect_is_decoded_to_the_truth(workflow: Workflow, cells: Path) -> None:
    """Targets, loss and decoder of the overlay name the same channels for the same things."""
    made = workflow(BUNDLE, "train", OVERLAY, dataset_dir=str(cells))
    get = made.parser.get_parsed_content
    item = get("validate::dataset")[0]
    nuclei, whole = np.asarray(item["label_map"]).astype(int)
    # The network's maps: foreground and distance of nuclei, of cells, then the offsets of both.
    maps = torch.as_tensor(item["label"])[[0, 1, 4, 5, 2, 3, 6, 7]].clone()
    maps[[0, 2]] = 60 * maps[[0, 2]] - 30
    assert float(get("loss")(maps[None], torch.as_tensor(item["label"])[None])) < 1e-4
    found = get("decoder")(maps.numpy())
    for truth, ours in zip((nuclei, whole), found, strict=True):
        overlap = [np.bincount(ours[truth == n])[1:].max(initial=0) for n in range(1, truth.max() + 1)]
        assert np.median(overlap / np.bincount(truth.ravel())[1:]) > 0.9
        assert abs(int(ours.max()) - int(truth.max())) <= 2


def test_both_are_scored_and_nuclei_alone_where_it_is_asked_for(
    workflow: Workflow, trained: Path, cells: Path, sample_of: Callable[..., Path], tmp_path: Path
) -> None:
    def scores(folder: Path, **options: object) -> dict:
        places = {
            "dataset_dir": str(folder),
            "ckpt_dir": str(trained),
            "output_dir": str(tmp_path / "scores"),
        }
        made = workflow(BUNDLE, "train", **places, **options)  # without the overlay
        made.initialize()
        made.parser.get_parsed_content("evaluating")
        return json.loads((tmp_path / "scores" / "metrics.json").read_text())

    both = scores(cells)
    assert {"cell_f1_50_pooled", "cell_pq_mean", "pq_pooled"} <= both.keys()
    assert both["cell_n_true"] > both["n_true"] > 0
    alone = scores(sample_of(BUNDLE), label_keys="label")
    assert "pq_pooled" in alone and not [name for name in alone if name.startswith("cell_")]
    with pytest.raises(RuntimeError) as caught:
        scores(sample_of(BUNDLE))
    assert 'has no "cell_label" in dataset.json' in sentence(caught.value)
    assert "--label_keys label" in sentence(caught.value)


def test_an_image_without_its_cells_is_named_before_anything_is_trained(
    workflow: Workflow, cells: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(cells, folder)
    listed = json.loads((folder / "dataset.json").read_text())
    del listed["training"][1]["cell_label"]
    (folder / "dataset.json").write_text(json.dumps(listed))

    def fault() -> str:
        training = workflow(
            BUNDLE, "train", OVERLAY, dataset_dir=str(folder), ckpt_dir=str(tmp_path / "ckpt")
        )
        training.initialize()
        with pytest.raises(RuntimeError) as caught:
            training.run()
        assert not list((tmp_path / "ckpt").glob("*.pt"))
        return sentence(caught.value)

    assert f'{folder / listed["training"][1]["image"]} has no "cell_label" in dataset.json' in fault()
    listed["training"][1]["cell_label"] = "cells/small.tif"
    (folder / "dataset.json").write_text(json.dumps(listed))
    tifffile.imwrite(folder / "cells" / "small.tif", np.ones((80, 80), np.uint16))
    assert f"the label {folder / 'cells' / 'small.tif'} is 80 x 80 pixels but its image" in fault()


def test_label_keys_that_do_not_exist_are_refused(workflow: Workflow, cells: Path) -> None:
    training = workflow(BUNDLE, "train", OVERLAY, dataset_dir=str(cells), label_keys="cells")
    training.initialize()
    with pytest.raises(RuntimeError) as caught:
        training.parser.get_parsed_content("data::lists")
    assert "--label_keys is 'cells': give label (nuclei alone) or" in sentence(caught.value)
