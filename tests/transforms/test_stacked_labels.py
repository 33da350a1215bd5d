"""Nuclei and cells as planes of one label map: whatever moves one moves the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.sample import make_cells
from common.transforms import InstanceTargetsd, NucleusShapesd, RandAffineCropd, StackLabelsd, ToModelScaled
from common.transforms.instance_targets import instance_targets

MAPS = ["foreground", "distance", "row_offset", "column_offset"]


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, ...]:
    return make_cells((96, 112), seed=4)


def item_of(drawn: tuple[np.ndarray, ...]) -> dict[str, MetaTensor]:
    image, nuclei, cells = (torch.from_numpy(each.astype(np.float32)) for each in drawn)
    named = {"image": image, "label": nuclei[None], "cell_label": cells[None]}
    return {key: MetaTensor(value, meta={"filename_or_obj": f"{key}.tif"}) for key, value in named.items()}


def test_planes_are_in_order_and_one_label_map_stays_as_it_is(drawn: tuple[np.ndarray, ...]) -> None:
    item = item_of(drawn)
    made = StackLabelsd(["label", "cell_label"])(item)
    assert made.keys() == {"image", "label"} and made["label"].meta["filename_or_obj"] == "label.tif"
    assert np.array_equal(np.asarray(made["label"]), np.stack(drawn[1:]))
    assert StackLabelsd("label")(item)["label"] is item["label"]


def test_crops_show_the_nucleus_in_its_cell_as_before(drawn: tuple[np.ndarray, ...]) -> None:
    crop = RandAffineCropd("image", crop_px=64)
    crop.set_random_state(0)
    stacked = StackLabelsd(["label", "cell_label"])(item_of(drawn))
    for _ in range(10):
        nuclei, cells = np.asarray(crop(stacked)["label"])
        assert np.any(nuclei > 0) and nuclei.shape == (64, 64)
        assert (cells[nuclei != 0] != 0).all()
        known = nuclei > 0
        assert (cells[known] == nuclei[known]).all(), "of the sample a cell has its nucleus' number"
        beyond = nuclei < 0
        assert (cells[beyond] < 0).all()


def test_targets_of_crops_are_those_of_each_plane_alone(drawn: tuple[np.ndarray, ...]) -> None:
    stacked = StackLabelsd(["label", "cell_label"])(item_of(drawn))

    def targets(label: torch.Tensor) -> np.ndarray:
        crop = RandAffineCropd(["image", "distance"], crop_px=64, zoom=(0.7, 1.5))
        crop.set_random_state(3)
        steps = [NucleusShapesd("label"), crop, InstanceTargetsd("label", MAPS)]
        item = {**stacked, "label": label}
        for step in steps:
            item = step(item)
        assert not {"centres", "distance"} & item.keys()
        return np.asarray(item["label"])

    both = targets(stacked["label"])
    alone = [targets(stacked["label"][plane : plane + 1]) for plane in (0, 1)]
    assert both.shape == (8, 64, 64)
    assert np.array_equal(both, np.concatenate(alone), equal_nan=True)
    assert not np.array_equal(both[:4], both[4:], equal_nan=True)


def test_numbers_of_both_planes_find_their_centres(drawn: tuple[np.ndarray, ...]) -> None:
    stacked = StackLabelsd(["label", "cell_label"])(item_of(drawn))
    made = NucleusShapesd("label")(stacked)
    nuclei, cells = np.asarray(made["label"])
    assert set(np.unique(nuclei)) & set(np.unique(cells)) == {0}
    for plane in (nuclei, cells):
        number = int(plane.max())
        expected = np.argwhere(plane == number).mean(axis=0)
        assert np.allclose(made["centres"][number], expected, atol=1e-3)


def test_a_whole_image_and_another_scale(drawn: tuple[np.ndarray, ...]) -> None:
    from common.geometry import model_scale

    stacked = StackLabelsd(["label", "cell_label"])(item_of(drawn))
    made = InstanceTargetsd("label", MAPS)(stacked)
    expected = [instance_targets(each, MAPS) for each in drawn[1:]]
    assert np.array_equal(np.asarray(made["label"]), np.concatenate(expected))
    half = ToModelScaled(["image", "label"], model_scale(scale=0.5))(stacked)
    nuclei, cells = np.asarray(half["label"])
    assert nuclei.shape == (48, 56) and (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
