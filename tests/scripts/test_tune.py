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
from common.engine.segmentation import load_segmenter
from common.engine.trained import (
    TUNED_FILE,
    TrainedBundle,
    load_weights,
    trained_bundle,
    training_config,
)
from common.messages import sentence
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


@pytest.fixture
def one_of_two(weights: Path, sample: Path) -> Path:
    """The same weights as of a training on two data sets, fold 1 of 3 by the seed 4."""
    file = weights.with_name("train.json")
    settings = json.loads(file.read_text("utf-8"))
    settings |= {"dataset_dir": [str(sample), "data/gone"], "fold": 1, "folds": 3, "split_seed": 4}
    file.write_text(config_text(settings), encoding="utf-8")
    return weights


def test_the_trainings_own_images_come_by_the_trainings_fold(
    one_of_two: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    begin = RunData.__init__

    def noted(self: RunData, dataset_dir: Any, **options: Any) -> None:
        made.append({name: options.get(name) for name in ("fold", "seed", "test_platform")})
        begin(self, dataset_dir, **options)

    monkeypatch.setattr(RunData, "__init__", noted)
    tune(weights=str(one_of_two), dataset_dir=str(sample), images=1)
    other = write_sample(tmp_path / "other", modality="fluorescence", shape=(96, 96), counts=(1, 1, 1))
    tune(weights=str(one_of_two), dataset_dir=str(other), images=1)
    assert made == [
        {"fold": 1, "seed": 4, "test_platform": None}, {"fold": None, "seed": 4, "test_platform": None},
    ]  # fmt: skip


def test_weights_that_a_training_replaced_meanwhile_get_no_decoder(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_and_replace(network: torch.nn.Module, path: Path) -> None:
        load_weights(network, path)
        better = {name: value + 1 for name, value in network.state_dict().items()}
        torch.save(better, path)

    monkeypatch.setattr("common.engine.trained.bundle.load_weights", load_and_replace)
    with pytest.raises(RuntimeError, match=r"model\.pt was replaced while it was tuned: run it again"):
        tune(weights=str(weights), images=1)
    assert not weights.with_name(TUNED_FILE).exists()


def test_the_network_runs_where_the_user_says(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError) as caught:  # MONAI's, around the sentence
        tune(weights=str(weights), device="gpu")
    assert "--device gpu is no device: write cpu" in sentence(caught.value)
    ran = []
    maps = TrainedBundle.maps
    monkeypatch.setattr(
        TrainedBundle, "maps", lambda self, image: ran.append(str(self.device)) or maps(self, image)
    )
    tune(weights=str(weights), images=1, device="cpu")
    assert ran == ["cpu"]


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


OVERLAY = "bundles/channelnet_cellvit/configs/whole_cells.json"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "cells"
    return write_sample(folder, modality="cells", shape=(96, 96), counts=(1, 2, 1))


@pytest.fixture
def cell_weights(cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training with whole cells; its maps are the truth's, at .4 in nuclei and .33 in cells."""
    monkeypatch.chdir(ROOT)
    config = ConfigParser()
    config.read_config(["bundles/channelnet_cellvit/configs/train.json", OVERLAY])
    config.resolve_macro_and_relative_ids()
    network = {**config.get()["network_def"], "embed_dim": 12, "num_heads": 2, "features": [4, 4, 4, 4]}
    settings: dict[str, Any] = {**config.get(), "network_def": network, "dataset_dir": str(cells)}
    (tmp_path / "train.json").write_text(config_text(settings), encoding="utf-8")
    parser = training_config("bundles/channelnet_cellvit", tmp_path / "model.pt")
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")
    prepare = TrainedBundle.prepare
    seen: list[torch.Tensor] = []

    def prepared(self: TrainedBundle, item: dict[str, Any], *, targets: bool = True) -> dict[str, Any]:
        # What the network would have to put out, in its order: see the overlay.
        maps = torch.as_tensor(prepare(self, item)["label"])
        order = [0, 1, 4, 5, 2, 3, 6, 7] if len(maps) == 8 else [0, 1, 0, 1, 2, 3, 2, 3]
        seen[:] = [maps[order].clone()]
        return prepare(self, item, targets=targets)

    def maps(self: TrainedBundle, image: torch.Tensor) -> torch.Tensor:
        (found,) = seen
        for channel, inside in ((0, 0.4), (2, 0.33)):
            found[channel] = torch.logit(torch.where(found[channel] > 0, inside, 0.05))
        return found

    monkeypatch.setattr(TrainedBundle, "prepare", prepared)
    monkeypatch.setattr(TrainedBundle, "maps", maps)
    return tmp_path / "model.pt"


def test_nuclei_and_cells_are_tuned_each_by_its_own_score(cell_weights: Path, cells: Path) -> None:
    told = json.loads(tune(weights=str(cell_weights), dataset_dir=str(cells)).read_text("utf-8"))
    for score in ("pq_pooled", "cell_pq_pooled"):
        assert told["before"][score] == 0 and told["after"][score] > 0.5, told
    nuclei, whole = (told["decoder"][part] for part in ("nuclei", "cells"))
    assert 0.33 <= nuclei["threshold"] < 0.4 and whole["threshold"] < 0.33
    assert (nuclei["offsets"], whole["offsets"], whole["foreground"]) == ([4, 5], [6, 7], 2), "as trained"
    assert told["after"]["options"]["cells::threshold"] == whole["threshold"]
    # Evaluation and inference take the settings that stand beside the weights by the same function.
    kept = trained_bundle(weights=cell_weights).parser["decoder"]
    assert kept["nuclei"]["threshold"] == nuclei["threshold"] and kept["cells"] == whole
    assert (
        load_segmenter(cell_weights, device="cpu")._to_label_map.transforms[0].decoder.cells.threshold
        == (whole["threshold"])
    )


def test_nuclei_alone_are_tuned_on_images_without_labels_of_cells(
    cell_weights: Path, sample: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match='has no "cell_label" in dataset.json.*--label_keys label'):
        tune(weights=str(cell_weights), dataset_dir=str(sample))
    told = json.loads(
        tune(weights=str(cell_weights), dataset_dir=str(sample), label_keys="label").read_text("utf-8")
    )
    assert told["after"]["pq_pooled"] > 0.5 and told["decoder"]["nuclei"]["threshold"] < 0.4
    assert "cell_pq_pooled" not in told["after"] and "threshold" not in told["decoder"]["cells"]


def test_a_score_of_cells_decides_about_all_of_the_decoder(cell_weights: Path, cells: Path) -> None:
    file = tune(weights=str(cell_weights), dataset_dir=str(cells), score="cell_f1_50_pooled", images=1)
    told = json.loads(file.read_text("utf-8"))
    assert told["after"]["cell_f1_50_pooled"] > told["before"]["cell_f1_50_pooled"] == 0
    assert told["after"]["options"].keys() >= {"nuclei::threshold", "cells::threshold"}
    with pytest.raises(
        ValueError, match="--score cell_pq_pooled is of whole cells, which --label_keys label"
    ):
        tune(weights=str(cell_weights), score="cell_pq_pooled", label_keys="label")


def test_a_score_of_cells_wants_weights_that_find_them(weights: Path) -> None:
    with pytest.raises(
        ValueError, match="--score cell_pq_pooled is of whole cells, and .* finds nuclei alone"
    ):
        tune(weights=str(weights), score="cell_pq_pooled")
    with pytest.raises(ValueError, match="no score 'cell_pq_pool'.*pq_pooled"):
        tune(weights=str(weights), score="cell_pq_pool")
