"""A trained bundle predicts with the settings saved beside its weights, and every bundle can be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from common.datalists import load_datalist
from common.engine.checkpoints.folder import config_text
from common.engine.trained import trained_bundle, training_config
from common.sample import write_sample

ROOT = Path(__file__).parents[3]
BUNDLES = sorted(path.parents[1].name for path in ROOT.glob("bundles/*/configs/train.json"))
FOREGROUND_ALONE = {
    "network_def": {"_target_": "common.networks.ResNet18UNet", "in_channels": 1, "out_channels": 1},
    "targets": {
        "_target_": "common.transforms.InstanceTargetsd",
        "keys": "label", "maps": ["foreground"], "erode": False,
    },
    "decoder": {"_target_": "common.decoders.ComponentsDecoder", "grow_px": 0},
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Data sets by their number of channels."""
    folder = tmp_path_factory.mktemp("data")
    made = {1: "fluorescence", 3: "he"}
    return {
        count: write_sample(folder / name, modality=name, shape=(70, 90), counts=(1, 1, 1))
        for count, name in made.items()
    }


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def trained(folder: Path, bundle: str, **settings: Any) -> Path:
    """Write what a training leaves: weights, and its settings beside them."""
    parser = training_config(Path("bundles") / bundle)
    for name, value in settings.items():
        parser[name] = value
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "model.pt")
    plain = ConfigParser()
    plain.read_config(f"bundles/{bundle}/configs/train.json")
    plain.resolve_macro_and_relative_ids()
    text = config_text({**plain.get(), **settings})
    (folder / "train.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("bundle", BUNDLES)
def test_every_bundle_predicts_on_the_grid_of_the_image(
    bundle: str, samples: dict[int, Path], tmp_path: Path
) -> None:
    folder = trained(tmp_path / "run", bundle)
    found = trained_bundle(ckpt_dir=folder)
    count = found.parser["network_def"]["in_channels"] or 3  # null: any number
    item = load_datalist(samples[count], "test")[0]
    prediction = found.predict(item)
    assert prediction.label_map.shape == prediction.foreground.shape == (70, 90)
    assert prediction.image.shape == (count, 70, 90)
    assert 0 <= prediction.foreground.min() <= prediction.foreground.max() <= 1
    assert prediction.maps.shape == (found.parser["network_def"]["out_channels"], 70, 90)
    assert len(prediction.targets) >= len(prediction.maps)
    assert not found.network.training


def test_the_settings_beside_the_weights_win(samples: dict[int, Path], tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "resnet18_unet", **FOREGROUND_ALONE)
    found = trained_bundle("resnet18_unet", ckpt_dir=folder, amp=False)
    prediction = found.predict(load_datalist(samples[1], "test")[0])
    assert len(prediction.maps) == len(prediction.targets) == 1
    expected = found.parser.get_parsed_content("decoder")(prediction.maps.numpy())
    assert np.array_equal(prediction.label_map, expected)
    with torch.no_grad():
        again = found.parser.get_parsed_content("inferer")(prediction.image[None], found.network)
    assert torch.allclose(again[0], prediction.maps)
    assert np.allclose(torch.sigmoid(prediction.maps[0]).numpy(), prediction.foreground, atol=1e-6)


def test_the_wiring_is_todays_whatever_was_saved(samples: dict[int, Path], tmp_path: Path) -> None:
    folder = trained(
        tmp_path / "run", "resnet18_unet", validate={"postprocessing": "gone"}, **FOREGROUND_ALONE
    )
    found = trained_bundle(ckpt_dir=folder)
    assert found.parser["network_def"]["out_channels"] == 1
    assert found.predict(load_datalist(samples[1], "test")[0]).label_map.shape == (70, 90)


def test_images_are_resized_as_in_the_training(samples: dict[int, Path], tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "resnet18_unet", scale=0.5, **FOREGROUND_ALONE)
    prediction = trained_bundle(ckpt_dir=folder).predict(load_datalist(samples[1], "test")[0])
    assert prediction.label_map.shape == prediction.foreground.shape == (70, 90)
    assert prediction.maps.shape[1:] == prediction.image.shape[1:] == prediction.targets.shape[1:] == (35, 45)


def test_images_of_other_channels_are_named(samples: dict[int, Path], tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "resnet18_unet", **FOREGROUND_ALONE)
    found = trained_bundle(ckpt_dir=folder, channels=[0, 1, 2])
    with pytest.raises(ValueError, match="3 channels.*takes 1: .*--channels"):
        found.predict(load_datalist(samples[3], "test")[0])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights in .*nowhere"):
        trained_bundle(ckpt_dir=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no bundle in .*resnet17"):
        trained_bundle("resnet17")
    folder = trained(tmp_path / "run", "resnet18_unet", **FOREGROUND_ALONE)
    (folder / "train.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match=r"train\.json.*tells which bundle"):
        trained_bundle(ckpt_dir=folder)
