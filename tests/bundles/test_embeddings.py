"""What a transformer knows of each nucleus, from files and from Python, row by row beside the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from common.engine.segmentation import load_segmenter
from common.export import read_table
from common.files import is_made_here
from common.messages import sentence
from common.readers import read_image
from common.transforms import scale_percentiles

BUNDLE = "channelnet_cellvit"
Workflow = Callable[..., ConfigWorkflow]


COMPONENTS = {"_target_": "common.decoders.ComponentsDecoder", "min_area_px": 5, "grow_px": 0}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, sample_of: Callable[..., Path]) -> Path:
    """Random weights that call half of an image nuclei, in pieces."""
    file = f"bundles/{BUNDLE}/configs/inference.json"
    workflow = ConfigWorkflow(config_file=file, workflow_type="inference", logging_file=False)
    torch.manual_seed(0)
    network = workflow.parser.get_parsed_content("network_def").eval()
    (image, *_) = sorted((sample_of(BUNDLE) / "images").iterdir())
    pixels = torch.from_numpy(scale_percentiles(read_image(image).pixels)).float()
    with torch.no_grad():
        network.cellvit.nuclei.head.bias[0] -= network(pixels[None])[0, 0].median()
    folder = tmp_path_factory.mktemp("weights")
    torch.save(network.state_dict(), folder / "random.pt")
    return folder / "random.pt"


def segment(workflow: Workflow, images: Path, weights: Path, out: Path, **options: object) -> None:
    places = {"dataset_dir": str(images), "output_dir": str(out), "weights": str(weights)}
    made = workflow(BUNDLE, "inference", **places, overlay=False, decoder=COMPONENTS, device="cpu", **options)
    made.initialize()
    made.run()


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_rows_are_those_of_the_table_and_of_the_python_call(
    workflow: Workflow, sample_of: Callable[..., Path], weights: Path, tmp_path: Path, scale: float
) -> None:
    images = sample_of(BUNDLE) / "images"
    segment(workflow, images, weights, tmp_path / "out", table=True, embeddings=True, scale=scale)
    options = {"weights": str(weights), "decoder": COMPONENTS, "scale": scale, "device": "cpu"}
    plain, segmenter = (load_segmenter(BUNDLE, embeddings=also, **options) for also in (False, True))
    rows = 0
    for file in sorted(images.iterdir()):
        stem = tmp_path / "out" / file.name.removesuffix(".ome.tif")
        table, known = read_table(f"{stem}.csv"), read_table(f"{stem}_embeddings.csv")
        assert is_made_here(Path(f"{stem}_embeddings.csv")), "a later segmentation may replace it"
        assert known["label"].tolist() == table["label"].tolist()
        assert list(known)[1:] == [f"embedding_{place}" for place in range(192)]
        found = segmenter.find(read_image(file).pixels, axes="cyx")
        numbers = np.array([known[name] for name in list(known)[1:]]).T
        assert found.embeddings.shape == numbers.shape and np.isfinite(numbers).all()
        assert np.allclose(found.embeddings, numbers, rtol=1e-4, atol=1e-5)
        rows += len(numbers)
        without = plain.find(read_image(file).pixels, axes="cyx")
        assert without.embeddings is None and np.array_equal(without.label_map, found.label_map)
    assert rows > 30, "nothing was found"


def test_an_image_whose_embeddings_are_missing_is_not_finished(
    workflow: Workflow, sample_of: Callable[..., Path], weights: Path, tmp_path: Path
) -> None:
    (image, *_) = sorted((sample_of(BUNDLE) / "images").iterdir())
    segment(workflow, image, weights, tmp_path / "out")
    (label_map,) = (tmp_path / "out").glob("*.tif")
    first = label_map.stat().st_mtime_ns
    segment(workflow, image, weights, tmp_path / "out", skip_finished=True, embeddings=True)
    second = label_map.stat().st_mtime_ns
    assert second != first and len(list((tmp_path / "out").glob("*_embeddings.csv"))) == 1
    segment(workflow, image, weights, tmp_path / "out", skip_finished=True, embeddings=True)
    assert label_map.stat().st_mtime_ns == second


def test_a_bundle_without_tokens_refuses_before_anything_is_written(
    workflow: Workflow, sample_of: Callable[..., Path], tmp_path: Path
) -> None:
    places = {"dataset_dir": str(sample_of("resnet18_unet")), "output_dir": str(tmp_path / "out")}
    made = workflow("resnet18_unet", "inference", **places, embeddings=True)
    made.initialize()
    with pytest.raises(RuntimeError) as caught:
        made.parser.get_parsed_content("evaluator")
    told = sentence(caught.value)
    assert "--embeddings True needs a transformer" in told and "ResNet18UNet has none" in told
    assert not (tmp_path / "out").exists()
