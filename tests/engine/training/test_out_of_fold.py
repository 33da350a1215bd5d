"""Maps for the second network of a cascade: each image's comes from the network that has not seen it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from common.engine.training import OutOfFoldMaps

FILES = ["a.png", "b.png", "c.png", "d.png"]
FOLD = {"a.png": 0, "b.png": 1, "c.png": 1, "d.png": 0}


class First(nn.Module):
    """Answers with its one weight everywhere, which tells whose map it is."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, image: Tensor) -> Tensor:
        return (image[:, :1] * 0 + self.value).expand(-1, 2, -1, -1)


class Cascade(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = First()


def batch() -> dict[str, Tensor]:
    image = MetaTensor(torch.rand(4, 3, 8, 8), meta={"filename_or_obj": FILES})
    return {"image": image, "label": torch.zeros(4, 1, 8, 8)}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder in which stage one was trained: logit 2 on all images, -1 without fold 0, 1 without fold 1."""
    for part, value in (("all", 2.0), ("fold_0", -1.0), ("fold_1", 1.0)):
        folder = tmp_path / "stage1" / part
        folder.mkdir(parents=True)
        torch.save(First(value).state_dict(), folder / "model.pt")
        left_out = sorted(file for file, fold in FOLD.items() if part == f"fold_{fold}")
        told = {"left_out": left_out, "fold": None, "finished": True}
        (folder / "begun_as.json").write_text(json.dumps(told))
    (tmp_path / "stage1" / "folds.json").write_text(json.dumps(FOLD))
    return tmp_path


def test_each_image_gets_the_map_of_the_network_without_it(trained: Path):
    network = Cascade()
    _, _, arguments, named = OutOfFoldMaps(network, ckpt_dir=trained, folds=2, amp=False)(batch(), "cpu")
    expected = torch.sigmoid(torch.tensor([-1.0, 1.0, 1.0, -1.0])).reshape(4, 1, 1, 1).expand(4, 1, 8, 8)
    assert not arguments
    torch.testing.assert_close(named["first_map"], expected)
    assert not named["first_map"].requires_grad
    assert network.first.value.item() == 2, "the cascade itself has the network that saw everything"


def test_without_folds_the_cascade_makes_its_own_map(trained: Path):
    network = Cascade()
    assert len(OutOfFoldMaps(network, ckpt_dir=trained, folds=0)(batch(), "cpu")) == 2
    assert network.first.value.item() == 2


def test_weights_are_loaded_at_the_first_batch_alone(trained: Path):
    """Later than those of --pretrained, and not over what a training may have changed since."""
    network = Cascade()
    prepare = OutOfFoldMaps(network, ckpt_dir=trained, folds=2)
    assert network.first.value.item() == 0
    prepare(batch(), "cpu")
    network.first.value.data.fill_(7)
    prepare(batch(), "cpu")
    assert network.first.value.item() == 7


def test_a_first_stage_that_is_not_there_is_told_with_the_mend(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="stage one is not trained.*run training_stage1"):
        OutOfFoldMaps(Cascade(), ckpt_dir=tmp_path, folds=2)(batch(), "cpu")


def test_another_number_of_folds_is_told_with_the_mend(trained: Path):
    with pytest.raises(ValueError, match="has 2 folds, --stage1_folds is 3"):
        OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=3)(batch(), "cpu")


def test_images_that_stage_one_does_not_know_are_named(trained: Path):
    prepare = OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=2)
    unknown = batch()
    unknown["image"].meta["filename_or_obj"] = [*FILES[:3], "z.png"]
    with pytest.raises(ValueError, match="without z.png"):
        prepare(unknown, "cpu")


def test_old_folds_beside_new_networks_are_refused(trained: Path):
    """The network that takes a.png's map has seen a.png."""
    (trained / "stage1" / "folds.json").write_text(json.dumps({**FOLD, "a.png": 1, "b.png": 0}))
    with pytest.raises(
        ValueError, match="trained without other images than .*folds.json says: run training_"
    ):
        OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=2)(batch(), "cpu")


@pytest.mark.parametrize("part", ["all", "fold_1"])
def test_a_first_stage_that_was_cut_is_refused(part: str, trained: Path):
    file = trained / "stage1" / part / "begun_as.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "finished": False}))
    with pytest.raises(ValueError, match=f"stage one in .*{part} was cut before its end: run training"):
        OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=2)(batch(), "cpu")


def test_a_first_stage_of_another_fold_of_the_data_is_refused(trained: Path):
    """It has seen what is tested now."""
    OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=0, config={"fold": None})(batch(), "cpu")
    with pytest.raises(ValueError, match="with fold not set, which is now 1: run training_stage1 again"):
        OutOfFoldMaps(Cascade(), ckpt_dir=trained, folds=0, config={"fold": 1})(batch(), "cpu")


def test_a_network_that_is_no_cascade_is_refused(trained: Path):
    with pytest.raises(ValueError, match="First is no cascade"):
        OutOfFoldMaps(First(), ckpt_dir=trained, folds=2)(batch(), "cpu")
