"""What a training used holds when its weights evaluate and segment, unless an option says otherwise."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai.bundle
import numpy as np
import pytest
import tifffile
import torch

from common.datalists import load_datalist
from common.engine.trained import trained_bundle
from common.messages import sentence
from common.sample import write_sample

CONV = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
# One map, whose sign the network's one weight decides; so what is found depends on what it is shown.
METHOD = {
    "network_def": CONV,
    "targets": {"_target_": "common.transforms.InstanceTargetsd", "keys": "label", "maps": ["foreground"]},
    "loss": {"_target_": "DiceLoss", "sigmoid": True},
    "decoder": {"_target_": "common.decoders.ComponentsDecoder", "grow_px": 0, "min_area_px": 0},
}
RAW = {"_target_": "ScaleIntensityd", "keys": "image", "minv": -0.5, "maxv": 0.5}
MERGED = {**METHOD["decoder"], "min_area_px": 60}
Found = list[np.ndarray]


@pytest.fixture(scope="module")
def multiplex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of images whose channels have names."""
    return write_sample(
        tmp_path_factory.mktemp("data") / "multiplex", modality="multiplex", counts=(2, 1, 1), shape=(72, 80)
    )


class Trained:
    """A training in a folder, and the commands that use it."""

    def __init__(self, workflow: Callable[..., Any], dataset: Path, folder: Path) -> None:
        self.workflow, self.folder = workflow, folder
        self.places = {"dataset_dir": str(dataset), "ckpt_dir": str(folder)}

    def train(self, **settings: Any) -> None:
        made = self.workflow("resnet18_unet", run_id="training", **{**METHOD, **self.places, **settings})
        made.initialize()
        made.run()
        # Two steps teach nothing; these weights call bright what is bright.
        weights = {"weight": torch.full((1, 1, 1, 1), 8.0), "bias": torch.full((1,), -1.0)}
        torch.save(weights, self.folder / "model.pt")

    def segment(self, **options: Any) -> Found:
        out = self.folder / "segmented"
        made = self.workflow(
            "resnet18_unet", "inference", **{**self.places, "output_dir": str(out), **options}
        )
        made.initialize()
        made.run()
        return [tifffile.imread(file) for file in sorted(out.glob("*.tif"))]

    def evaluate(self, **options: Any) -> dict[str, Any]:
        places = {**self.places, "output_dir": str(self.folder / "evaluation")}
        made = self.workflow("resnet18_unet", run_id="evaluating", **{**places, **options})
        made.initialize()
        made.run()
        return dict(json.loads((self.folder / "evaluation" / "metrics.json").read_text())["images"][0])


@pytest.fixture
def trained(workflow: Callable[..., Any], multiplex: Path, tmp_path: Path) -> Trained:
    return Trained(workflow, multiplex, tmp_path / "run")


def channels_of(dataset: Path) -> list[str]:
    return list(load_datalist(dataset, "test")[0]["channels"])


def same(some: Found, others: Found) -> bool:
    return len(some) == len(others) > 0 and all(map(np.array_equal, some, others))


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("channels", "last", [0]),
        ("intensity", RAW, {**RAW, "maxv": -0.3}),
        ("decoder", MERGED, METHOD["decoder"]),
        ("scale", 0.5, 0.8),
        (
            "inferer",
            {"_target_": "common.networks.TileInferer", "tile_px": 64, "divisor": 8, "padding": "zero"},
            {"_target_": "SimpleInferer"},
        ),
    ],
)
def test_a_setting_of_the_training_holds_without_being_repeated(
    name: str, value: Any, other: Any, trained: Trained, multiplex: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = channels_of(multiplex)[-1] if value == "last" else value
    trained.train(**{name: value})
    caplog.set_level(logging.INFO, "common.engine.trained")
    without, scores = trained.segment(), trained.evaluate()
    assert all(f"{name} " in text for text in caplog.messages if "as in the training" in text)
    assert sum("as in the training" in text for text in caplog.messages) == 2
    assert same(without, trained.segment(**{name: value}))
    assert scores == trained.evaluate(**{name: value})
    item = load_datalist(multiplex, "test")[0]
    predicted = trained_bundle("resnet18_unet", ckpt_dir=trained.folder).predict(item).label_map
    stem = Path(item["image"]).name.split(".")[0]
    assert np.array_equal(predicted, tifffile.imread(trained.folder / "segmented" / f"{stem}.tif"))
    # The user's word comes first, and is told. A program must say it otherwise than the bundle's file does.
    caplog.clear()
    overruled = trained.segment(**{name: other})
    assert any("unlike the training" in text and f"{name} " in text for text in caplog.messages)
    if name != "inferer":  # tiles do not change what a network of one pixel's reach finds
        assert not same(without, overruled)


def test_a_typed_option_wins_even_where_it_is_the_bundles_own(
    trained: Trained, multiplex: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line, and as an overlay, choices have names."""
    last = channels_of(multiplex)[-1]
    trained.train(channels=last)
    kept, first = trained.segment(), trained.segment(channels=[0])
    assert not same(kept, first)
    out = trained.folder / "typed"
    file = "bundles/resnet18_unet/configs/inference.json"
    overlay = trained.folder / "first.json"
    overlay.write_text(json.dumps({"channels": 0}))

    def typed(files: Any, **options: Any) -> Found:
        monai.bundle.run(
            config_file=files, logging_file=False, output_dir=str(out), **trained.places, **options
        )
        return [tifffile.imread(path) for path in sorted(out.glob("*.tif"))]

    # `initialize` reads the command line, which is pytest's, and changes how the process ends.
    monkeypatch.setattr("sys.argv", ["monai.bundle"])
    assert same(typed(file, initialize=[]), kept)
    assert same(typed(file, initialize=[], channels=0), first)
    assert same(typed([file, str(overlay)], initialize=[]), first)


def test_the_network_is_the_trainings_whatever_the_package_is_called(trained: Trained) -> None:
    trained.train()
    before = trained.segment()
    file = trained.folder / "train.json"
    saved = json.loads(file.read_text())
    saved["decoder"]["_target_"] = "some_bundle.common.decoders.ComponentsDecoder"
    file.write_text(json.dumps(saved))
    assert same(trained.segment(), before)
    assert same(trained.segment(network_def={**CONV, "stride": 1, "bias": True}), before)
    with pytest.raises(RuntimeError) as caught:
        trained.segment(network_def={**CONV, "bias": False})
    assert "network_def::bias true, which is now false: leave network_def out" in sentence(caught.value)


def test_weights_without_settings_run_in_the_bundles_own(trained: Trained) -> None:
    trained.train()
    before = trained.segment()
    (trained.folder / "train.json").unlink()
    assert same(trained.segment(**{name: METHOD[name] for name in ("network_def", "decoder")}), before)


def test_the_lists_are_those_of_the_training(trained: Trained) -> None:
    trained.train(fold=1, folds=3)
    scores = trained.evaluate()
    assert scores == trained.evaluate(fold=1, folds=3)
    del trained.places["dataset_dir"]
    assert scores == trained.evaluate()
    with pytest.raises(RuntimeError) as caught:
        trained.evaluate(fold=2)
    assert "may have seen these images: add --fold 1" in sentence(caught.value)


def test_an_evaluator_that_is_run_without_its_command_refuses(
    trained: Trained, multiplex: Path, workflow: Callable[..., Any]
) -> None:
    trained.train(channels=channels_of(multiplex)[-1])
    method = {name: METHOD[name] for name in ("network_def", "decoder")}
    made = workflow("resnet18_unet", "inference", **trained.places, **method)
    made.initialize()
    with pytest.raises(ValueError, match="trained with channels .*, which is now 0: start with"):
        made.evaluator.run()
