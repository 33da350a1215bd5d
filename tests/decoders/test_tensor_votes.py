"""The decoder in torch gives what that in NumPy gives, label by label; compiled too, on the GPU too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from common.decoders import CentreVotesDecoder, CentreVotesModule, clean_labels
from common.decoders.tensor_clean import clean_label_tensor, connected_pieces
from common.decoders.tensor_votes import look_up_nearest
from common.sample import draw_label_map

from .conftest import ideal_maps

OPTIONS = [
    {},
    {"threshold": 0.7},
    {"min_votes": 1.5},
    {"min_votes": 40},
    {"min_area_px": 60},
    {"min_area_px": 1, "grow_px": 0},
    {"grow_px": 3},
    {"steps": 0},
    {"steps": 6},
    {"smoothing_px": 0.8, "window_px": 4},
    {"smoothing_px": 3.0, "window_px": 15},
    {"smoothing_px": 1, "window_px": 1},
    {"offset_scale_px": 7.3},
    {"offsets": (3, 2), "foreground": 1},
]


def both(maps: np.ndarray, **options: object) -> tuple[np.ndarray, np.ndarray]:
    """Decode with NumPy and with torch, compiled."""
    decode = CentreVotesDecoder(**{"offsets": (2, 3), **options})
    module = torch.jit.script(decode.as_module())
    found = module(torch.from_numpy(maps)[None])
    assert found.dtype == torch.int32 and found.shape == (1, 1, *maps.shape[1:])
    return decode(maps), found[0, 0].numpy()


def noisy(maps: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Return maps with errors: offsets off by `amount` * 10 px, holes in nuclei and specks beside them."""
    rng = np.random.default_rng(seed)
    maps = maps + rng.normal(0, amount, maps.shape).astype(np.float32)
    maps[0] += rng.normal(0, 12 * amount, maps[0].shape)
    return maps.astype(np.float32)


def many_nuclei(count: int) -> np.ndarray:
    """Return the maps of about so many ellipses that touch here and there, (4, h, w)."""
    rng, pitch = np.random.default_rng(count), 11
    side = round(count**0.5)
    rows, columns = np.indices((side * pitch, side * pitch), dtype=np.float32)
    cell = (np.arange(side * pitch) // pitch)[:, None] * side + np.arange(side * pitch) // pitch
    centre = (
        np.indices((side, side)).reshape(2, -1) * pitch + pitch / 2 + rng.uniform(-1, 1, (2, side * side))
    )
    radius = rng.uniform(3, 6.5, (2, side * side))
    down, right = centre[0][cell] - rows, centre[1][cell] - columns
    inside = (down / radius[0][cell]) ** 2 + (right / radius[1][cell]) ** 2 < 1
    return np.stack([20.0 * inside - 10, inside, down / 10, right / 10]).astype(np.float32)


@pytest.mark.parametrize("amount", [0, 0.1, 0.4])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_labels_are_those_of_the_decoder(crowded: np.ndarray, options: dict, amount: float):
    expected, found = both(noisy(ideal_maps(crowded), amount), **options)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("count", [100, 1_000, 10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_any_number_of_nuclei(count: int):
    expected, found = both(noisy(many_nuclei(count), 0.1))
    assert expected.max() > 0.9 * count
    np.testing.assert_array_equal(found, expected)


def test_drawn_nuclei_of_all_sizes():
    label_map = draw_label_map((400, 520), rng=np.random.default_rng(3), clustering=1.0)
    expected, found = both(noisy(ideal_maps(label_map), 0.2))
    assert expected.max() > 100
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 5), (17, 200)])
@pytest.mark.parametrize("value", [-10.0, 10.0, None])
def test_any_shape_empty_and_full(shape: tuple[int, int], value: float | None):
    maps = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    if value is not None:
        maps[0] = value
    for options in ({}, {"min_votes": 1, "min_area_px": 1}):
        expected, found = both(maps, **options)
        np.testing.assert_array_equal(found, expected)
        assert value is None or value > 0 or not found.any()


def test_votes_of_wrong_maps_stay_inside():
    maps = np.random.default_rng(0).normal(size=(4, 30, 41)).astype(np.float32)
    maps[2:] *= 1000
    expected, found = both(maps, min_votes=2, min_area_px=1)
    np.testing.assert_array_equal(found, expected)
    maps[2, 3:20] = np.nan
    maps[3, 3:20] = np.inf
    found = CentreVotesDecoder(offsets=(2, 3)).as_module()(torch.from_numpy(maps)[None])
    assert found.max() < 30 * 41


def test_images_of_a_batch_are_numbered_each_for_itself(crowded: np.ndarray):
    decode = CentreVotesDecoder(offsets=(2, 3))
    maps = np.stack([ideal_maps(crowded), ideal_maps(crowded[::-1].copy())])
    found = decode.as_module()(torch.from_numpy(maps).double())
    for each, label_map in zip(maps, found[:, 0].numpy(), strict=True):
        np.testing.assert_array_equal(label_map, decode(each))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_labels_stay_on_the_device_of_the_maps(crowded: np.ndarray, device: str):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    decode = CentreVotesDecoder(offsets=(2, 3))
    maps = noisy(ideal_maps(crowded), 0.2)
    on_device = torch.from_numpy(maps)[None].to(device)
    for module in (decode.as_module(), torch.jit.script(decode.as_module())):
        found = module(on_device)
        assert found.device.type == device
        np.testing.assert_array_equal(found[0, 0].cpu().numpy(), decode(maps))


@pytest.mark.parametrize("smoothing_px", [0.5, 1.5, 3])
def test_the_density_is_that_of_scipy_bit_for_bit(smoothing_px: float):
    """Plateaus of equal density are one peak: a last digit would make two of them, or none."""
    votes = np.random.default_rng(0).integers(0, 30, (50, 70)).astype(np.float32)
    module = CentreVotesDecoder(smoothing_px=smoothing_px).as_module()
    found = module.smoothed(module.smoothed(torch.from_numpy(votes), 0), 1)
    expected = ndimage.gaussian_filter(votes, smoothing_px, mode="constant", truncate=3)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_it_has_no_weights_and_trains_nothing():
    module = CentreVotesDecoder(offsets=(2, 3)).as_module()
    assert isinstance(module, CentreVotesModule) and not module.state_dict()


@pytest.mark.parametrize("density", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("corners", "structure"), [(False, None), (True, np.ones((3, 3)))])
def test_pieces_are_those_of_scipy(density: float, corners: bool, structure: np.ndarray | None):
    mask = np.random.default_rng(0).random((70, 90)) < density
    expected = ndimage.label(mask, structure)[0]
    pieces = connected_pieces(torch.from_numpy(mask), corners).numpy()
    # Numbers go by the first pixel in both; those of the background are left out.
    numbers = np.unique(pieces[mask], return_inverse=True)[1] + 1
    np.testing.assert_array_equal(numbers, expected[mask])
    np.testing.assert_array_equal(
        np.unique(pieces[~mask], return_inverse=True)[1] + 1,
        ndimage.label(~mask, structure)[0][~mask],
    )


def test_a_spiral_is_one_piece():
    """The longest way that links of runs can take."""
    mask = np.zeros((61, 61), bool)
    row = column = 30
    mask[row, column] = True
    for turn in range(58):
        down, right = [(0, 1), (1, 0), (0, -1), (-1, 0)][turn % 4]
        for _ in range(2 * (turn // 2 + 1)):
            row, column = row + down, column + right
            if not (0 <= row < 61 and 0 <= column < 61):
                break
            mask[row, column] = True
    pieces = connected_pieces(torch.from_numpy(mask), False).numpy()
    assert len(np.unique(pieces[mask])) == ndimage.label(mask)[1] == 1


@pytest.mark.parametrize("labels", [1, 3, 40])
@pytest.mark.parametrize(("min_area_px", "grow_px"), [(1, 0), (4, 0), (9, 2)])
def test_cleaning_equals_numpy(labels: int, min_area_px: int, grow_px: int):
    """Also where labels lie in many pieces, with holes in each other."""
    rng = np.random.default_rng(labels)
    raw = rng.integers(0, labels + 1, (60, 50))
    raw[ndimage.uniform_filter(rng.random((60, 50)), 5) > 0.5] = 0
    expected = clean_labels(raw, min_area_px=min_area_px, grow_px=grow_px)
    found = clean_label_tensor(torch.from_numpy(raw), min_area_px, grow_px)
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("count", [1, 2, 30, 600])
def test_the_nearest_centre_is_that_of_scipy_ties_included(count: int):
    rng = np.random.default_rng(count)
    places = rng.permutation(60 * 80)[:count]
    centres = np.zeros((60, 80), np.int64)
    centres.ravel()[np.sort(places)] = np.arange(1, count + 1)
    rows, columns = (each.ravel() for each in np.indices(centres.shape))
    nearest = ndimage.distance_transform_edt(centres == 0, return_distances=False, return_indices=True)
    tensors = [torch.from_numpy(each) for each in (centres, rows, columns)]
    np.testing.assert_array_equal(look_up_nearest(*tensors, 1).numpy(), centres[tuple(nearest)].ravel())
