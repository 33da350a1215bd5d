"""A decoder is tuned on validation images: what is found holds afterwards, and bad wishes get a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from common.datalists import RunData
from common.engine.checkpoints.folder import config_text
from common.engine.trained import TrainedBundle, trained_bundle, training_config
from common.sample import write_sample
from scripts.tune import search, tune

ROOT = Path(__file__).parents[2]
MASK_ALONE = {
    "network_def": {"_target_": "common.networks.ResNet18UNet", "in_channels": 1, "out_channels": 1},
    "targets": {"_target_": "common.transforms.InstanceTargetsd", "keys": "label", "maps": ["foreground"]},
    "decoder": {"_target_": "common.decoders.ComponentsDecoder"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "sample"
    return write_sample(folder, modality="fluorescence", shape=(96, 96), counts=(1, 2, 1))


@pytest.fixture
def weights(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training whose network finds bright pixels, but gives them 0.4: below the decoder's threshold."""
    monkeypatch.chdir(ROOT)
    config = ConfigParser()
    config.read_config("bundles/resnet18_unet/configs/train.json")
    config.resolve_macro_and_relative_ids()
    settings: dict[str, Any] = {**config.get(), **MASK_ALONE, "dataset_dir": str(sample)}
    (tmp_path / "train.json").write_text(config_text(settings), encoding="utf-8")
    parser = training_config("bundles/resnet18_unet", tmp_path / "model.pt")
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")

    def maps(self: TrainedBundle, image: torch.Tensor) -> torch.Tensor:
        bright = torch.as_tensor(image)[:1] > torch.as_tensor(image).mean()
        return torch.logit(torch.where(bright, 0.4, 0.05))

    monkeypatch.setattr(TrainedBundle, "maps", maps)
    return tmp_path / "model.pt"


def test_the_threshold_is_found_and_holds_from_then_on(weights: Path, sample: Path) -> None:
    items = RunData(str(sample)).items("test")
    assert trained_bundle(weights=weights).predict(items[0]).label_map.max() == 0
    told = json.loads(tune(weights=str(weights)).read_text("utf-8"))
    assert told["before"]["pq_pooled"] == 0 and told["after"]["pq_pooled"] > 0.2
    assert told["decoder"]["threshold"] < 0.4 and told["validation_images"] == 2
    assert trained_bundle(weights=weights).predict(items[0]).label_map.max() > 2


def test_the_test_list_is_not_read(weights: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    items = RunData.items
    monkeypatch.setattr(RunData, "items", lambda self, split: asked.append(split) or items(self, split))
    tune(weights=str(weights), images=1)
    assert set(asked) == {"validation"}


def test_what_cannot_be_done_is_said(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no score 'pq_pool'.*pq_pooled"):
        tune(weights=str(weights), score="pq_pool")
    with pytest.raises(ValueError, match="--images is 0"):
        tune(weights=str(weights), images=0)
    with pytest.raises(FileNotFoundError):
        tune(weights=str(tmp_path / "none.pt"))
    with pytest.raises(ValueError, match="tells no settings to tune"):
        search({"_target_": "torch.nn.Identity"}, [], "pq_pooled")


def test_images_without_a_validation_list(weights: Path, sample: Path, tmp_path: Path) -> None:
    other = write_sample(tmp_path / "other", modality="fluorescence", shape=(64, 64), counts=(1, 1, 1))
    content = json.loads((other / "dataset.json").read_text("utf-8"))
    content["validation"] = []
    (other / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="validation"):
        tune(weights=str(weights), dataset_dir=str(other))
