"""Laws of the target maps: they decode to the nuclei they were made of, and move with the image."""

from itertools import permutations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from common.decoders import CentreVotesDecoder
from common.sample import draw_label_map
from common.transforms import InstanceTargetsd, instance_targets
from common.transforms.instance_targets import (
    MAPS,
    centre_offsets,
    distance_map,
    erode_labels,
    without_large_ids,
)

SCALARS_AND_OFFSETS = MAPS[:5]  # horizontal and vertical maps: test_hover_maps.py
SMALL_PX = 30  # smaller ones have tests of their own


def nuclei(seed: int, shape: tuple[int, int] = (150, 132)) -> np.ndarray:
    """Crowded nuclei of the sample, none so small that its corners count."""
    label_map = draw_label_map(shape, rng=np.random.default_rng(seed), clustering=0.9)
    areas = np.bincount(label_map.ravel())
    return np.where(areas[label_map] >= SMALL_PX, label_map, 0)


@pytest.fixture(scope="module", params=[0, 1, 2])
def label_map(request: pytest.FixtureRequest) -> np.ndarray:
    return nuclei(request.param)


def decoded(
    label_map: np.ndarray, *, erode: bool, offset_scale_px: float = 10.0, min_area_px: int = 15
) -> np.ndarray:
    """Decode the maps of a network without an error."""
    names = ("foreground", "row_offset", "column_offset")
    maps = instance_targets(label_map, names, erode=erode, offset_scale_px=offset_scale_px)
    maps[0] = 20 * maps[0] - 10
    return CentreVotesDecoder(grow_px=int(erode), offset_scale_px=offset_scale_px, min_area_px=min_area_px)(
        maps
    )


def pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)


@pytest.mark.parametrize("offset_scale_px", [1.0, 10.0])
def test_decoding_gives_the_label_map_back(label_map: np.ndarray, offset_scale_px: float) -> None:
    prediction = decoded(label_map, erode=False, offset_scale_px=offset_scale_px)
    assert np.array_equal(prediction > 0, label_map > 0)
    count = len(np.unique(label_map))
    assert prediction.max() + 1 == count == pairs(label_map, prediction).shape[1], "not one to one"


def test_decoding_eroded_targets_misses_single_pixels_of_the_outline(label_map: np.ndarray) -> None:
    prediction = decoded(label_map, erode=True)
    inner = erode_labels(label_map) > 0
    assert pairs(label_map[inner], prediction[inner]).shape[1] == len(np.unique(label_map[label_map > 0]))
    # Eroding and growing along four neighbours cuts corners and nothing else.
    assert ((prediction > 0) != (label_map > 0)).mean() < 0.005


def test_erosion_is_scipys_nucleus_by_nucleus(label_map: np.ndarray) -> None:
    expected = np.zeros_like(label_map)
    for i in np.unique(label_map)[1:]:
        inner = ndimage.binary_erosion(label_map == i, border_value=1)
        expected[inner if inner.any() else label_map == i] = i
    assert np.array_equal(erode_labels(label_map), expected)
    assert erode_labels(label_map.astype(np.uint16)).dtype == np.uint16


def test_eroded_nuclei_do_not_touch(label_map: np.ndarray) -> None:
    eroded = erode_labels(label_map)
    assert set(np.unique(eroded)) == set(np.unique(label_map))
    # A 2 x 2 window that saw two nuclei would hold two labels above 0.
    window = np.stack([eroded[:-1, :-1], eroded[1:, :-1], eroded[:-1, 1:], eroded[1:, 1:]])
    lowest = np.where(window > 0, window, window.max() + 1).min(axis=0)
    assert (window.max(axis=0) <= lowest).all()


def test_only_what_would_not_come_back_is_left_whole() -> None:
    label_map = np.zeros((30, 60), int)
    label_map[2:7, 2:7] = 1  # 25 px, of which 21 come back
    label_map[2:12, 20:30] = 2
    label_map[20:30, 7] = 3  # thin: nothing would be left
    label_map[20, 20] = 4
    label_map[20:22, 30:50] = 5
    label_map[26:29, 30:33] = 6  # 5 of its 9 px come back
    eroded = erode_labels(label_map)
    assert [int((eroded == i).sum()) for i in range(1, 7)] == [9, 64, 10, 1, 40, 1]
    thin = np.zeros((3, 60), int)
    thin[1] = 1  # 60 px in one row
    assert np.array_equal(erode_labels(thin), thin)


def disc(area_px: int) -> np.ndarray:
    """A nucleus of so many pixels, as round as they can lie; its centre is on no pixel."""
    side = int(1.2 * area_px**0.5) + 6
    far = np.hypot(*(np.indices((side, side)) - np.array([side / 2 - 0.3, side / 2 + 0.1])[:, None, None]))
    label_map = np.zeros((side, side), int)
    label_map.ravel()[np.argsort(far.ravel(), kind="stable")[:area_px]] = 1
    return label_map


def bar(width: int, length: int) -> np.ndarray:
    return np.pad(np.ones((width, length), int), 3)


def pair(width: int, length: int) -> np.ndarray:
    """Two nuclei side by side, without a gap."""
    return np.pad(np.kron(np.array([[1, 2]]), np.ones((length, width), int)), 3)


DISCS = [disc(area) for area in range(4, 401)]
BARS = [
    turn(bar(w, n))
    for w in range(1, 7)
    for n in range(-(-4 // w), 40, 3)
    for turn in (np.array, np.transpose)
]
PAIRS = [pair(w, n) for w in range(4, 21) for n in range(4, 31, 3)]


def same_nuclei(first: np.ndarray, second: np.ndarray) -> bool:
    counts = {pairs(first, second).shape[1], len(np.unique(first)), len(np.unique(second))}
    return np.array_equal(first > 0, second > 0) and len(counts) == 1


@pytest.mark.parametrize("shapes", [DISCS, BARS, PAIRS], ids=["discs", "bars", "pairs"])
def test_whole_nuclei_of_every_size_come_back_exactly_and_smaller_ones_are_gone(shapes: list) -> None:
    for label_map in shapes:
        area = int((label_map == 1).sum())
        for min_area_px in (1, area):
            assert same_nuclei(label_map, decoded(label_map, erode=False, min_area_px=min_area_px))
        assert not decoded(label_map, erode=False, min_area_px=area + 1).any()


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(((first > 0) & (second > 0)).sum() / ((first > 0) | (second > 0)).sum())


def test_eroded_nuclei_come_back_but_for_their_corners() -> None:
    """What opening by a cross takes off, at every size; what is thinner than three pixels is grown alone."""
    for label_map in DISCS:
        area = int(label_map.sum())
        back = overlap(label_map, decoded(label_map, erode=True, min_area_px=1))
        least = 0.99 if area > 100 else 0.93 if area >= 30 else 0.75 if area >= 12 else 0.3
        assert back >= least, (area, back)
        assert not area >= 12 or not decoded(label_map, erode=True, min_area_px=area + 1).any()
    for label_map in (bar(width, length) for width in range(3, 8) for length in range(width, 40)):
        missing = (label_map > 0) & (decoded(label_map, erode=True, min_area_px=1) == 0)
        assert missing.sum() == 4  # the corners
    for label_map in PAIRS:
        back = decoded(label_map, erode=True, min_area_px=1)
        assert back.max() == 2 and overlap(label_map, back) >= 0.7


def test_foreground_and_border_share_the_nuclei(label_map: np.ndarray) -> None:
    foreground, border = instance_targets(label_map, ("foreground", "border"))
    assert np.array_equal(foreground + border, label_map > 0)
    assert np.array_equal(foreground > 0, erode_labels(label_map) > 0)
    assert np.array_equal(instance_targets(label_map, ["foreground"], erode=False)[0], label_map > 0)


def test_distance_is_that_of_every_nucleus_by_itself(label_map: np.ndarray) -> None:
    eroded = erode_labels(label_map)
    expected = np.zeros(label_map.shape)
    for i in np.unique(eroded)[1:]:
        alone = ndimage.distance_transform_edt(np.pad(eroded == i, 1, mode="edge"))[1:-1, 1:-1]
        expected += alone / alone.max()
    np.testing.assert_allclose(distance_map(eroded), expected, atol=1e-6)


def test_distance_is_between_0_and_1_and_1_once_in_every_nucleus(label_map: np.ndarray) -> None:
    (distance,) = instance_targets(label_map, ["distance"])
    assert distance.min() >= 0 and distance.max() == 1
    ids = np.unique(label_map)[1:]
    assert (ndimage.maximum(distance, label_map, ids) == 1).all()
    assert np.array_equal(distance > 0, erode_labels(label_map) > 0)


def test_offsets_point_to_the_centroid(label_map: np.ndarray) -> None:
    place = np.indices(label_map.shape) + centre_offsets(label_map)
    ids = np.unique(label_map)[1:]
    centroids = np.array(ndimage.center_of_mass(label_map > 0, label_map, ids))
    for i, centroid in zip(ids, centroids, strict=True):
        np.testing.assert_allclose(
            place[:, label_map == i].T, np.broadcast_to(centroid, ((label_map == i).sum(), 2))
        )
    assert not centre_offsets(label_map)[:, label_map == 0].any()


def test_offsets_end_inside_the_nucleus(label_map: np.ndarray) -> None:
    inside = label_map > 0
    ends = np.rint(np.indices(label_map.shape) + centre_offsets(label_map)).astype(int)[:, inside]
    # Bent nuclei may have their centroid outside: the sample's are nearly convex.
    assert (label_map[tuple(ends)] == label_map[inside]).mean() > 0.99


def test_offsets_are_divided_by_their_scale(label_map: np.ndarray) -> None:
    names = ("row_offset", "column_offset")
    for scale in (1.0, 4.0):
        maps = instance_targets(label_map, names, offset_scale_px=scale)
        np.testing.assert_allclose(maps * scale, centre_offsets(label_map), atol=1e-5)


def test_maps_turn_and_mirror_with_the_image(label_map: np.ndarray) -> None:
    foreground, border, distance, row, column = instance_targets(label_map, SCALARS_AND_OFFSETS)
    turned = np.stack([np.rot90(m) for m in (foreground, border, distance, -column, row)])
    np.testing.assert_allclose(instance_targets(np.rot90(label_map), SCALARS_AND_OFFSETS), turned, atol=1e-5)
    mirrored = np.stack([m[:, ::-1] for m in (foreground, border, distance, row, -column)])
    np.testing.assert_allclose(instance_targets(label_map[:, ::-1], SCALARS_AND_OFFSETS), mirrored, atol=1e-5)


def distinct(rng: np.random.Generator, count: int, below: int) -> np.ndarray:
    """Draw different numbers, not in order."""
    return rng.permutation(np.linspace(0, below - 1, count).astype(np.int64))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_ids_do_not_matter(label_map: np.ndarray, dtype: type) -> None:
    rng = np.random.default_rng(0)
    # Beyond 65,535 where the type has room for it.
    lowest, highest = (1, 2**16) if dtype is np.uint16 else (2**16, min(np.iinfo(dtype).max, 2**40))
    ids = np.append(0, lowest + distinct(rng, label_map.max(), highest - lowest))
    renamed = ids[label_map].astype(dtype)
    np.testing.assert_array_equal(instance_targets(renamed, MAPS), instance_targets(label_map, MAPS))


def test_renumbering_keeps_nuclei_apart_and_background_0() -> None:
    rng = np.random.default_rng(0)
    for lowest in (0, 5):
        label_map = rng.integers(lowest, 10**9, (20, 20))
        small = without_large_ids(label_map)
        assert small.max() <= label_map.size and np.array_equal(small > 0, label_map > 0)
        assert pairs(label_map, small).shape[1] == len(np.unique(label_map)) == len(np.unique(small))


@pytest.mark.parametrize("order", list(permutations(("foreground", "distance", "row_offset")))[1:4])
def test_maps_come_in_the_order_asked_for(label_map: np.ndarray, order: tuple[str, ...]) -> None:
    together = instance_targets(label_map, MAPS)
    expected = together[[MAPS.index(name) for name in order]]
    assert np.array_equal(instance_targets(label_map, order), expected)


def test_an_empty_label_map_gives_zeros() -> None:
    maps = instance_targets(np.zeros((7, 9), int), MAPS)
    assert maps.shape == (len(MAPS), 7, 9) and maps.dtype == np.float32 and not maps.any()


def test_a_nucleus_that_fills_the_image_has_no_outline() -> None:
    foreground, border, distance, row, column = instance_targets(np.full((6, 8), 3), SCALARS_AND_OFFSETS)
    assert (foreground == 1).all() and not border.any() and (distance == 1).all()
    assert row.sum() == pytest.approx(0, abs=1e-5) and column.sum() == pytest.approx(0, abs=1e-5)


def test_nuclei_of_one_pixel_are_their_own_centre() -> None:
    label_map = np.zeros((6, 8), int)
    label_map[0, 0], label_map[3, 4], label_map[5, 7] = 1, 2, 3
    foreground, border, distance, row, column = instance_targets(label_map, SCALARS_AND_OFFSETS)
    assert np.array_equal(foreground, label_map > 0) and np.array_equal(distance, label_map > 0)
    assert not border.any() and not row.any() and not column.any()


def test_the_edge_of_the_image_is_no_outline() -> None:
    """A nucleus that the edge cuts has the eroded shape of the whole one there."""
    rows, columns = np.mgrid[:60, :60]
    whole = ((rows - 30) ** 2 + (columns - 30) ** 2 <= 144).astype(int)
    cut = whole[30:]
    assert np.array_equal(erode_labels(cut), erode_labels(whole)[30:])
    np.testing.assert_allclose(
        distance_map(erode_labels(cut)), distance_map(erode_labels(whole))[30:], atol=0.1
    )
    assert distance_map(erode_labels(cut))[0].max() == 1  # innermost at the edge


def test_a_map_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'foregrund': choose from foreground, border"):
        instance_targets(np.zeros((4, 4), int), ["foregrund"])


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, lambda a: MetaTensor(torch.from_numpy(a))])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_the_transform_is_the_function(label_map: np.ndarray, wrap: type, dtype: type) -> None:
    data = {"label": wrap(label_map[None].astype(dtype)), "image": "untouched"}
    before = np.asarray(data["label"]).copy()
    transform = InstanceTargetsd("label", ["distance", "foreground"], erode=False, offset_scale_px=3)
    result = transform(data)
    assert isinstance(result["label"], torch.Tensor) and result["label"].dtype == torch.float32
    expected = instance_targets(label_map, ["distance", "foreground"], erode=False)
    assert np.array_equal(result["label"].numpy(), expected)
    assert result["image"] == "untouched" and np.array_equal(np.asarray(data["label"]), before)


def test_the_transform_skips_absent_keys_only_if_told() -> None:
    assert InstanceTargetsd("label", MAPS, allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="label"):
        InstanceTargetsd("label", MAPS)({"image": 1})
