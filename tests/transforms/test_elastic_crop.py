"""Laws of the bent crop: labels follow the image, targets are those of the bent nuclei, nothing folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from scipy.ndimage import binary_dilation
from skimage.measure import label as pieces_of

from common.sample import draw_label_map
from common.transforms import InstanceTargetsd, NucleusShapesd, RandAffineCropd, RandElasticCropd
from common.transforms.affine_crop import Window
from common.transforms.elastic_crop import draw_bend

MAPS = ["foreground", "distance", "row_offset", "column_offset"]
KEYS = ["image", "distance"]
LABELS = draw_label_map((220, 200), rng=np.random.default_rng(0)).astype(np.int32)


def item_of(label_map: np.ndarray, **more: torch.Tensor) -> dict:
    image = (label_map > 0).astype(np.float32)
    return {"image": torch.from_numpy(image)[None], "label": torch.from_numpy(label_map)[None], **more}


def crops(count: int, crop_px: int = 112, *, seed: int = 0, kind: type = RandElasticCropd, **options) -> list:
    elastic = {"prob": 1.0, "magnitude_px": (5, 6)} if kind is RandElasticCropd else {}
    steps = Compose([NucleusShapesd("label"), kind(KEYS, crop_px, **elastic, **options)])
    steps.set_random_state(seed)
    return [steps(item_of(LABELS)) for _ in range(count)]


def inner_ones(labels: np.ndarray) -> np.ndarray:
    """Numbers of the nuclei that neither an edge comes near, nor a nucleus that an edge comes near."""
    framed = np.pad(labels, 1, constant_values=-1)
    near = framed < 0
    for _ in range(2):
        near = np.isin(framed, framed[binary_dilation(near, iterations=2)]) & (framed != 0) | (framed < 0)
    return np.setdiff1d(labels[labels > 0], framed[near])


def test_targets_are_those_of_the_bent_nuclei() -> None:
    """What the crop's labels alone give, for every nucleus that lies in it whole; moved ones are others."""
    whole, moved = InstanceTargetsd("label", MAPS), []
    for crop in crops(12):
        labels = np.asarray(crop["label"])[0]
        # Mirrored copies, which are bent otherwise, are no part of a nucleus.
        of_labels = whole({"label": crop["label"].clamp(min=0)})["label"].numpy()
        made = whole(crop)["label"].numpy()
        inner = np.isin(labels, inner_ones(labels))
        assert inner.sum() > 300
        np.testing.assert_allclose(made[:, inner], of_labels[:, inner], atol=1e-5)
    window = Window(np.array([110.0, 100.0]), np.eye(2), 112)
    bend = draw_bend(np.random.RandomState(0), 112, spacing_px=48, magnitude_px=6)
    moved = RandAffineCropd(KEYS, 112).cut(NucleusShapesd("label")(item_of(LABELS)), window, bend)
    labels = np.asarray(moved["label"])[0]
    inner = np.isin(labels, inner_ones(labels))
    off = whole(moved)["label"].numpy() - whole({"label": moved["label"]})["label"].numpy()
    assert 10 * np.abs(off[2:, inner]).max() > 2, "centres that are moved alone are pixels away"


def test_all_of_a_cut_nucleus_points_at_one_place() -> None:
    targets, cut = InstanceTargetsd("label", MAPS), 0
    for crop in crops(10, 64):
        labels = np.asarray(crop["label"])[0]
        made = targets(crop)["label"].numpy()
        edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        for label in edge[edge > 0]:
            rows, columns = np.nonzero(labels == label)
            arrived = made[2:, rows, columns] * 10 + [rows, columns]
            assert np.ptp(arrived, axis=1).max() < 1e-3
            assert np.hypot(rows - arrived[0, 0], columns - arrived[1, 0]).max() < 60
            cut += 1
    assert cut > 50


def test_labels_follow_the_image_and_stay_whole_numbers() -> None:
    there = {0, *np.unique(LABELS)}
    for crop in crops(10):
        labels = np.asarray(crop["label"])[0]
        assert crop["label"].dtype == torch.int32 and set(np.unique(labels[labels >= 0])) <= there
        assert (crop["image"][0].numpy()[labels > 0] >= 0.25).all()
        assert (crop["image"][0].numpy()[labels == 0] <= 0.75).all()
        # Beyond the image nothing is known, bent or not.
        unknown = torch.isnan(InstanceTargetsd("label", MAPS)(crop)["label"][0]).numpy()
        assert np.array_equal(unknown, labels < 0)


def test_crops_that_are_not_bent_are_those_of_the_plain_crop() -> None:
    steps = [
        kind(KEYS, 80, **more) for kind, more in ((RandAffineCropd, {}), (RandElasticCropd, {"prob": 0}))
    ]
    plain, elastic = (step.set_random_state(3)(NucleusShapesd("label")(item_of(LABELS))) for step in steps)
    assert plain.keys() == elastic.keys()
    assert all(torch.equal(torch.as_tensor(plain[key]), torch.as_tensor(elastic[key])) for key in plain)


def test_it_bends_as_often_as_asked_and_the_same_with_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    crop = RandElasticCropd("image", 48, prob=0.3)
    calls: list[int] = []
    whole = RandAffineCropd.cut

    def cut(d: dict, window: Any, *bend: Any) -> dict:
        calls.append(len(bend))
        return whole(crop, d, window, *bend)

    monkeypatch.setattr(crop, "cut", cut)
    crop.set_random_state(0)
    first = [crop(item_of(LABELS))["image"] for _ in range(200)]
    assert 0.2 < np.mean(calls) < 0.4
    crop.set_random_state(0)
    assert all(torch.equal(crop(item_of(LABELS))["image"], image) for image in first[:20])


class Extreme(np.random.RandomState):
    """Draws the ends of a range alone: displacements as uneven as they can be."""

    def uniform(self, low, high, size=None):
        return np.where(self.random_sample(size) < 0.5, float(low), float(high))


@pytest.mark.parametrize("seed", range(20))
def test_nothing_folds_with_the_largest_displacements_allowed(seed: int) -> None:
    bend = draw_bend(Extreme(seed), 160, spacing_px=48, magnitude_px=6)
    down_of, right_of = np.gradient(bend[0].astype(float)), np.gradient(bend[1].astype(float))
    areas = (1 + down_of[0]) * (1 + right_of[1]) - down_of[1] * right_of[0]
    assert areas.min() > 0.2 and areas.max() < 2.5
    window = Window(np.array([80.0, 80.0]), np.eye(2), 160)
    squares = np.zeros((160, 160), np.int32)
    squares[50:80, 60:80], squares[50:80, 80:100] = 1, 2  # that touch
    found = RandAffineCropd("image", 160).cut(item_of(squares), window, bend)["label"][0].numpy()
    assert [pieces_of(found == number).max() for number in (1, 2)] == [1, 1]
    assert np.abs(np.diff(found, axis=1))[(found[:, 1:] > 0) & (found[:, :-1] > 0)].any(), "they still touch"


def test_displacements_are_as_large_as_asked_and_of_no_direction() -> None:
    fields = [
        draw_bend(np.random.RandomState(seed), 200, spacing_px=20, magnitude_px=3) for seed in range(20)
    ]
    values = np.stack(fields)
    assert 2.5 < np.abs(values).max() < 5 and np.abs(values.mean(axis=(0, 2, 3))).max() < 0.2
    assert abs(values[:, 0].std() - values[:, 1].std()) < 0.1 and values.dtype == np.float32


def test_coarse_maps_are_bent_with_the_image() -> None:
    """A map of the places of the image's blocks: what it shows is where the block's pixels come from."""
    rows, columns = np.indices((224, 208)).astype(np.float32)
    places = torch.from_numpy(np.stack([rows, columns]))
    coarse = torch.nn.functional.avg_pool2d(places[None], 16)[0]
    crop = RandElasticCropd(
        ["image"], 96, prob=1, magnitude_px=(6, 6), zoom=(1, 1), coarse_keys={"features": 16}
    )
    crop.set_random_state(1)
    found = crop({"image": places, "label": torch.ones((1, 224, 208), dtype=torch.int32), "features": coarse})
    fine = torch.nn.functional.avg_pool2d(found["image"][None], 16)[0]
    inside = (fine > 24).all(dim=0) & (fine[0] < 200) & (fine[1] < 184)
    assert inside.sum() > 5 and (found["features"] - fine).abs()[:, inside].max() < 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prob": 1.5}, "prob is 1.5: choose a probability"),
        ({"magnitude_px": (0, 7)}, r"magnitude_px is \(0, 7\): .* from 0 to 6 px, an eighth of spacing_px"),
        ({"magnitude_px": (3, 2)}, r"magnitude_px is \(3, 2\)"),
        ({"spacing_px": 8}, r"from 0 to 1 px"),
        ({"frame_px": -1}, "frame_px is -1: choose 0 px or more"),
    ],
)
def test_options_are_checked(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RandElasticCropd("image", 64, **options)
