"""Any number of channels: trained on three, a network segments OME-TIFFs of one to forty, in any order."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from monai.bundle import ConfigWorkflow

from common.engine.segmentation import load_segmenter
from common.messages import sentence
from common.sample import make_image

BUNDLE = "channelnet_cellvit"
Workflow = Callable[..., ConfigWorkflow]


def write_channels(path: Path, channels: Sequence[np.ndarray], names: Sequence[str] | None = None) -> None:
    named = {} if names is None else {"Channel": {"Name": list(names)}}
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, np.stack(channels), ome=True, metadata={"axes": "CYX", **named})


@pytest.fixture(scope="module")
def stack() -> np.ndarray:
    """Forty channels of one place: DAPI and markers in turns of noise."""
    image, _ = make_image("multiplex", (96, 80), seed=3, channels=4)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 200, (10, 1, 96, 80)).astype(image.dtype)
    return (image[None] + noise).reshape(40, 96, 80)


@pytest.fixture
def trained(workflow: Workflow, sample_of: Callable[..., Path], tmp_path: Path) -> Path:
    """Train on three channels, and return the folder of the weights."""
    places = {"dataset_dir": str(sample_of(BUNDLE)), "ckpt_dir": str(tmp_path / "ckpt")}
    training = workflow(BUNDLE, **places)
    training.initialize()
    training.parser.get_parsed_content("training")
    return tmp_path / "ckpt"


def maps_of(workflow: Workflow, ckpt: Path, folder: Path) -> dict[str, torch.Tensor]:
    """Return the maps of each image of a folder, as the inference command computes them."""
    made = workflow(
        BUNDLE, "inference", dataset_dir=str(folder), ckpt_dir=str(ckpt), output_dir=str(ckpt / "o")
    )
    made.initialize()
    get = made.parser.get_parsed_content
    network, inferer, load = get("network").eval(), get("inferer"), get("preprocessing")
    network.load_state_dict(torch.load(ckpt / "model.pt", weights_only=True))
    with torch.no_grad():
        return {item["name"]: inferer(load(item)["image"][None], network) for item in get("data::items")}


def test_one_to_forty_channels_in_any_order_from_files_to_labels(
    workflow: Workflow, trained: Path, stack: np.ndarray, tmp_path: Path
) -> None:
    images, empty = tmp_path / "images", np.full_like(stack[0], 7)
    for count in (1, 2, 3, 40):
        write_channels(images / f"{count}.ome.tif", stack[:count], [f"m{n}" for n in range(count)])
    write_channels(images / "unnamed.ome.tif", stack)
    write_channels(images / "shuffled.ome.tif", stack[::-1])
    write_channels(images / "doubled.ome.tif", [*stack[:2], stack[0]], ["a", "b", "a"])
    write_channels(images / "with_empty.ome.tif", [empty, *stack[:3], empty], list("abcde"))
    found = {name.split(".")[0]: maps for name, maps in maps_of(workflow, trained, images).items()}
    assert {maps.shape for maps in found.values()} == {(1, 4, 96, 80)}
    for one, other in (("unnamed", "40"), ("shuffled", "40"), ("doubled", "2"), ("with_empty", "3")):
        assert torch.equal(found[one], found[other]), f"{one} and {other}"
    assert not torch.equal(found["2"], found["3"])

    out = tmp_path / "segmented"
    places = {"dataset_dir": str(images), "ckpt_dir": str(trained), "output_dir": str(out)}
    made = workflow(BUNDLE, "inference", **places, overlay=False)
    made.initialize()
    made.parser.get_parsed_content("run")
    labels = {path.name.split(".")[0]: tifffile.imread(path) for path in out.glob("*.tif")}
    assert set(labels) == set(found) and {each.shape for each in labels.values()} == {(96, 80)}
    assert np.array_equal(labels["shuffled"], labels["40"])


def test_naive_channels_in_another_order_give_other_maps(workflow: Workflow, stack: np.ndarray) -> None:
    """What the invariance is compared with."""
    for overlay in ("naive_3", "adapter"):
        made = workflow(BUNDLE, "train", f"ablations/{overlay}", dataset_dir="runs/sample_multiplex")
        network = made.parser.get_parsed_content("network_def").eval()
        image = torch.from_numpy(stack[None, :3].astype(np.float32) / stack.max())
        with torch.no_grad():
            assert not torch.allclose(network(image), network(image.flip(1)), atol=1e-5)


def test_arrays_of_any_number_of_channels_are_segmented(
    workflow: Workflow, trained: Path, stack: np.ndarray
) -> None:
    segmenter = load_segmenter(BUNDLE, ckpt_dir=str(trained), device="cpu")
    assert segmenter.in_channels is None
    assert segmenter(stack[0]).shape == (96, 80)
    assert np.array_equal(segmenter(stack, axes="cyx"), segmenter(stack[::-1], axes="cyx"))
    with pytest.raises(RuntimeError) as caught:
        segmenter(np.full((2, 96, 80), 5), axes="cyx")
    assert "the image has no channel left: each of its 2 is constant" in sentence(caught.value)


def test_an_image_without_a_channel_left_is_named_and_the_others_are_segmented(
    workflow: Workflow, trained: Path, stack: np.ndarray, tmp_path: Path
) -> None:
    write_channels(tmp_path / "images" / "good.ome.tif", stack[:2], ["a", "b"])
    write_channels(tmp_path / "images" / "empty.ome.tif", np.full((3, 96, 80), 9, np.uint16), list("abc"))
    out = tmp_path / "out"
    places = {"dataset_dir": str(tmp_path / "images"), "ckpt_dir": str(trained), "output_dir": str(out)}
    made = workflow(BUNDLE, "inference", **places, overlay=False)
    made.initialize()
    with pytest.raises(RuntimeError) as caught:
        made.parser.get_parsed_content("run")
    assert "has no channel left: each of its 3 is constant" in sentence(caught.value)
    assert [path.name.split(".")[0] for path in out.glob("*.tif")] == ["good"]


@pytest.fixture
def unequal(sample_of: Callable[..., Path], tmp_path: Path) -> Path:
    """A data set of which the training images have two channels, three and one."""
    folder = tmp_path / "data"
    shutil.copytree(sample_of(BUNDLE), folder)
    listed = json.loads((folder / "dataset.json").read_text())
    for known in (listed, *listed["training"]):
        known.pop("channels", None)
    (folder / "dataset.json").write_text(json.dumps(listed))
    for item, count in zip(listed["training"], itertools.cycle((2, 3, 1))):
        image = folder / item["image"]
        write_channels(image, tifffile.imread(image)[:count])
    return folder


def test_images_of_different_numbers_of_channels_train_together(
    workflow: Workflow, unequal: Path, tmp_path: Path
) -> None:
    places = {"dataset_dir": str(unequal), "ckpt_dir": str(tmp_path / "ckpt")}
    training = workflow(BUNDLE, **places, batch_size=6)
    training.initialize()
    get = training.parser.get_parsed_content
    batch = next(iter(get("train::dataloader")))
    filled = (batch["image"] != 0).any(dim=3).any(dim=2).sum(dim=1).tolist()
    assert batch["image"].shape[:2] == (6, 3) and set(filled) == {1, 2, 3}, "each has its own channels"
    get("training")
    assert (tmp_path / "ckpt" / "model.pt").is_file()
    evaluation = workflow(BUNDLE, **places, split="training", output_dir=str(tmp_path / "evaluation"))
    evaluation.initialize()
    evaluation.parser.get_parsed_content("evaluating")
    assert (tmp_path / "evaluation" / "metrics.json").is_file()


def test_channels_that_an_image_lacks_are_not_learnt_from(workflow: Workflow) -> None:
    """A channel that fills up a batch changes neither the loss nor what batch norm remembers."""
    network = workflow(BUNDLE).parser.get_parsed_content("network_def").train()
    image = torch.rand(2, 2, 96, 96, generator=torch.Generator().manual_seed(0))
    other = copy.deepcopy(network)
    filled = torch.cat([image, torch.zeros_like(image)], dim=1)
    assert torch.equal(network(image), other(filled))
    for (name, one), same in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(one, same), name


def test_a_network_of_a_fixed_number_of_channels_refuses_others_in_a_sentence(
    workflow: Workflow, unequal: Path, tmp_path: Path
) -> None:
    training = workflow(
        BUNDLE, "train", "ablations/naive_3", dataset_dir=str(unequal), ckpt_dir=str(tmp_path / "ckpt")
    )
    training.initialize()
    with pytest.raises(RuntimeError) as caught:
        training.parser.get_parsed_content("training")
    assert sentence(caught.value).endswith("training_000.ome.tif has no channel 2: it has 0, 1")
