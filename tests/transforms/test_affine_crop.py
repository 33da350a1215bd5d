"""Laws of the random crop: circles stay circles, sizes stay in range, nothing beyond the image is truth."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, MetaTensor
from monai.transforms import Compose, RandomizableTrait
from skimage.measure import regionprops

from common.sample import draw_label_map
from common.transforms import InstanceTargetsd, NucleusShapesd, RandAffineCropd
from common.transforms.affine_crop import crop_labels, crop_map, draw_window, mirrored

RADIUS_PX = 11
MAPS = ["foreground", "distance", "row_offset", "column_offset"]


def discs(side: int = 256) -> np.ndarray:
    """A lattice of discs that do not touch, 1..N."""
    rows, columns = np.indices((side, side))
    label_map = np.zeros((side, side), np.int32)
    places = range(20, side - 12, 36)
    for number, (row, column) in enumerate(((r, c) for r in places for c in places), start=1):
        label_map[(rows - row) ** 2 + (columns - column) ** 2 <= RADIUS_PX**2] = number
    return label_map


def item_of(label_map: np.ndarray, image: np.ndarray | None = None) -> dict:
    image = (label_map > 0).astype(np.float32) if image is None else image
    return {"image": torch.from_numpy(image)[None], "label": torch.from_numpy(label_map)[None]}


def crops(
    label_map: np.ndarray, crop_px: int, *, count: int, image=None, seed: int = 0, **options
) -> list[dict]:
    """Random crops, with what is known of whole nuclei, as a training makes them."""
    steps = Compose([NucleusShapesd("label"), RandAffineCropd(["image", "distance"], crop_px, **options)])
    steps.set_random_state(seed)
    return [steps(item_of(label_map, image)) for _ in range(count)]


def whole_ones(labels: np.ndarray) -> list:
    """Nuclei that neither the crop's edge nor the image's cuts."""
    framed = np.pad(labels, 1, constant_values=-1)
    return [
        nucleus
        for nucleus in regionprops(np.maximum(framed, 0))
        if (framed[tuple(slice(s.start - 1, s.stop + 1) for s in nucleus.slice)] >= 0).all()
    ]


def test_discs_stay_round_and_their_sizes_span_the_range() -> None:
    found = [
        nucleus
        for crop in crops(discs(), 192, count=60, zoom=(0.6, 1.6))
        for nucleus in whole_ones(np.asarray(crop["label"])[0])
    ]
    ratios = np.array([nucleus.axis_major_length / nucleus.axis_minor_length for nucleus in found])
    zooms = np.sqrt([nucleus.area / np.pi for nucleus in found]) / np.sqrt((discs() == 1).sum() / np.pi)
    assert len(found) > 500 and ratios.max() < 1.12 and np.median(ratios) < 1.03
    assert 0.57 < zooms.min() < 0.66 and 1.5 < zooms.max() < 1.65


def test_enlarged_as_often_as_made_smaller() -> None:
    rng = np.random.RandomState(1)
    factors = [
        np.sqrt(abs(np.linalg.det(draw_window(rng, (90, 90), 8, zoom=(0.5, 2)).matrix))) for _ in range(800)
    ]
    assert abs(np.median(factors) - 1) < 0.1 and min(factors) < 0.52 and max(factors) > 1.9


def test_mirrored_as_often_as_not_and_every_way_up() -> None:
    rng = np.random.RandomState(2)
    matrices = np.stack([draw_window(rng, (90, 90), 8, zoom=(1, 1)).matrix for _ in range(400)])
    assert 0.4 < (np.linalg.det(matrices) < 0).mean() < 0.6
    quarter = np.digitize(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]), [-np.pi / 2, 0, np.pi / 2])
    assert (np.bincount(quarter) > 60).all()


@pytest.mark.parametrize("shape", [(256, 256), (64, 300), (40, 40)])
def test_nothing_beyond_the_image_is_truth(shape: tuple[int, int]) -> None:
    """An image whose every pixel is a nucleus with its own place as id: what is known lies inside."""
    label_map = np.arange(1, 1 + shape[0] * shape[1], dtype=np.int32).reshape(shape)
    crop = RandAffineCropd("image", 96)
    crop.set_random_state(3)
    targets = InstanceTargetsd("label", ["foreground"], erode=False)
    shares = []
    for _ in range(20):
        image = np.ones(shape, np.float32)
        found = crop(item_of(label_map, image))
        labels = np.asarray(found["label"])[0]
        known = labels > 0
        # The mirrored label is kept, as -1 - L: nothing is 0 where every pixel is a nucleus.
        assert (
            (labels != 0).all() and labels.max() <= label_map.max() and labels.min() >= -1 - label_map.max()
        )
        # A place of the image is shown by neighbouring pixels only: mirrored ones would show it twice.
        rows, columns = np.nonzero(known)
        for label in np.unique(labels[known])[::50]:
            here = labels[rows, columns] == label
            assert np.ptp(rows[here]) <= 4 and np.ptp(columns[here]) <= 4
        assert np.array_equal(torch.isnan(targets(found)["label"])[0].numpy(), ~known)
        assert torch.allclose(found["image"], torch.ones_like(found["image"])), "the image goes on mirrored"
        shares.append((~known).mean())
    if min(shape) >= 256:
        assert np.mean(shares) < 0.08, "most of a crop is image"


def test_the_whole_image_is_seen_its_corners_too() -> None:
    side, seen = 128, np.zeros((128, 128), bool)
    label_map = np.arange(1, 1 + side * side, dtype=np.int32).reshape(side, side)
    crop = RandAffineCropd("image", 64)
    crop.set_random_state(4)
    for _ in range(300):
        labels = np.asarray(crop(item_of(label_map))["label"])
        seen.ravel()[labels[labels > 0] - 1] = True
    corners = seen[np.ix_([*range(6), *range(side - 6, side)], [*range(6), *range(side - 6, side)])]
    assert seen.mean() > 0.99 and corners.mean() > 0.9


def test_image_and_label_stay_together() -> None:
    label_map = draw_label_map((200, 200), rng=np.random.default_rng(0)).astype(np.int32)
    for crop in crops(label_map, 96, count=20):
        labels = np.asarray(crop["label"])[0]
        inside = labels > 0
        # A pixel's centre is at most half a pixel away from the label it got: the blurred mask is above 0.
        assert (crop["image"][0].numpy()[inside] >= 0.25).all()
        assert (crop["image"][0].numpy()[labels == 0] <= 0.75).all()


def test_a_cut_nucleus_has_the_offsets_of_the_whole_one() -> None:
    """Where a pixel points: every pixel of a nucleus at one place, and both at the image's own centroid."""
    targets = InstanceTargetsd("label", MAPS)
    cut = 0
    for crop in crops(discs(), 64, count=40, zoom=(1, 1)):
        labels = np.asarray(crop["label"])[0]
        made = targets(crop)["label"].numpy()
        edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        for label in edge[edge > 0]:
            rows, columns = np.nonzero(labels == label)
            arrived = made[2:, rows, columns] * 10 + [rows, columns]
            assert np.ptp(arrived, axis=1).max() < 1e-3
            # The whole disc is round about that place, which may lie beyond the crop.
            assert np.hypot(rows - arrived[0, 0], columns - arrived[1, 0]).max() < RADIUS_PX + 1.5
            cut += 1
    assert cut > 100


def test_a_cut_nucleus_has_the_distances_of_the_whole_one() -> None:
    """Distance is 1 at the centre alone: a half disc that the edge cuts far from its centre stays below."""
    targets = InstanceTargetsd("label", MAPS)
    seen = 0
    for crop in crops(discs(), 64, count=40, zoom=(1, 1)):
        labels = np.asarray(crop["label"])[0]
        _, distance, *offsets = targets(crop)["label"].numpy()
        from_centre = 10 * np.hypot(*offsets)
        inside = (labels > 0) & (from_centre < RADIUS_PX - 2)
        expected = 1 - from_centre / RADIUS_PX
        assert np.abs(distance - expected)[inside].max() < 0.2
        seen += inside.sum()
    assert seen > 5000


def test_without_crops_targets_are_those_of_the_image() -> None:
    label_map = draw_label_map((90, 80), rng=np.random.default_rng(5)).astype(np.int32)
    targets = InstanceTargetsd("label", MAPS)
    plain = targets({"label": label_map[None]})["label"]
    known = targets(NucleusShapesd("label")({"label": label_map[None] * 7}))["label"]
    assert torch.allclose(plain, known, atol=1e-5)


def test_crops_with_unlike_numbers_of_nuclei_make_a_batch() -> None:
    targets = InstanceTargetsd("label", MAPS)
    items = [targets(crop) for side in (64, 192) for crop in crops(discs(side), 48, count=1)]
    assert next(iter(DataLoader(items, batch_size=2)))["label"].shape == (2, 4, 48, 48)


def test_same_seed_same_crop_and_the_files_name_stays() -> None:
    label_map = discs(128)
    first, again = (crops(label_map, 64, count=3, seed=9) for _ in range(2))
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0]["image"], first[1]["image"])
    crop = RandAffineCropd("image", 32)
    assert isinstance(crop, RandomizableTrait), "a cache keeps what comes before it, not the crop"
    image = MetaTensor(torch.zeros(1, 40, 40), meta={"filename_or_obj": "a.tif"})
    made = crop({"image": image, "label": torch.zeros(1, 40, 40)})["image"]
    assert made.meta["filename_or_obj"] == "a.tif" and made.shape == (1, 32, 32)


def test_pixels_meet_pixels_where_nothing_is_turned() -> None:
    """A window at zoom 1 and a multiple of a right angle on whole pixels copies them."""
    window = draw_window(np.random.RandomState(0), (9, 9), 9, zoom=(1, 1))._replace(
        matrix=np.array([[0.0, -1.0], [1.0, 0.0]]), centre=np.array([4.0, 4.0])
    )
    labels = torch.arange(81, dtype=torch.int32).reshape(1, 9, 9)
    assert torch.equal(crop_labels(labels, window.places())[0], torch.rot90(labels[0]))
    assert torch.allclose(
        crop_map(labels.float(), window.places())[0], torch.rot90(labels[0].float()), atol=1e-3
    )


def test_mirroring_is_numpys() -> None:
    expected = np.pad(np.arange(5), 12, mode="symmetric")
    assert np.array_equal(mirrored(np.arange(-12, 17), 5), expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"crop_px": 0}, "crop_px is 0"), *(({"zoom": zoom}, "zoom is") for zoom in [(2, 1), (0, 1), [1]])],
)
def test_bad_options(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RandAffineCropd("image", **{"crop_px": 8, **options})


@pytest.mark.parametrize("side", [(256, 256), (250, 333)])
def test_coarse_maps_stay_with_the_image(side: tuple[int, int]) -> None:
    """Each number of a coarse map is what its 16 x 16 pixels are about, before the crop and after it."""
    rows, columns = np.indices(side, np.float32)
    image = torch.from_numpy(np.stack([rows, columns]))
    coarse = torch.nn.functional.avg_pool2d(image[None], 16, ceil_mode=True)[0]
    inside = 0
    for seed in range(20):
        step = RandAffineCropd("image", 64, coarse_keys={"features": 16, "absent": 4}, zoom=(0.7, 1.4))
        step.set_random_state(seed)
        label = torch.zeros(1, *side, dtype=torch.int32)
        found = step({"image": image.clone(), "features": coarse.half(), "label": label})
        assert found["features"].shape == (2, 4, 4) and found["features"].dtype == torch.float16
        assert "absent" not in found
        if (found["label"] < 0).any():
            continue  # beyond the edge the image goes on mirrored
        inside += 1
        means = torch.nn.functional.avg_pool2d(found["image"][None], 16)[0]
        near_edge = (found["image"].amin() < 16) | (found["image"][0].amax() > side[0] - 32)
        near_edge |= found["image"][1].amax() > side[1] - 32
        if not near_edge:
            torch.testing.assert_close(found["features"].float(), means, atol=0.3, rtol=0)
    assert inside > 5


def test_a_coarse_map_is_turned_as_the_image_is() -> None:
    """The slip that would not show in sizes: features of another place, or not turned."""
    step = RandAffineCropd("image", 64, coarse_keys={"features": 16}, zoom=(1, 1))
    step.set_random_state(1)
    label = torch.zeros(1, 256, 256, dtype=torch.int32)
    coarse = torch.arange(256.0).reshape(1, 16, 16)
    image = torch.nn.functional.interpolate(coarse[None], scale_factor=16, mode="bilinear")[0]
    found = step({"image": image, "features": coarse, "label": label})
    means = torch.nn.functional.avg_pool2d(found["image"][None], 16)[0]
    torch.testing.assert_close(found["features"], means, atol=0.5, rtol=0)
    assert (found["features"].flip(2) - means).abs().max() > 5
