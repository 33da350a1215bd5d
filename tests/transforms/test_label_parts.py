"""Laws of numbering parts: every connected part of a nucleus is a nucleus, and no two nuclei become one."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from common.sample import draw_label_map
from common.transforms import SplitLabelPartsd


def split(label_map: np.ndarray) -> np.ndarray:
    """Send a label map (h, w) through the transform."""
    return np.asarray(SplitLabelPartsd("label")({"label": label_map[None]})["label"])[0]


def pairs(first: np.ndarray, second: np.ndarray) -> int:
    return np.unique(np.stack([first.ravel(), second.ravel()]), axis=1).shape[1]


@pytest.fixture(params=[0, 1, 2])
def cut(request: pytest.FixtureRequest) -> np.ndarray:
    """Nuclei that a grid cuts in pieces, with ids that are not contiguous."""
    label_map = draw_label_map((120, 100), rng=np.random.default_rng(request.param)) * 1001
    label_map[::13] = 0
    label_map[:, ::17] = 0
    return label_map


def test_two_pieces_of_one_number_get_two_numbers() -> None:
    label_map = np.zeros((10, 12), int)
    label_map[2:5, 1:4] = label_map[2:5, 8:11] = 7
    parts = split(label_map)
    assert set(np.unique(parts)) == {0, 1, 2}
    assert parts[3, 2] != parts[3, 9] and np.array_equal(parts > 0, label_map > 0)


def test_nuclei_that_touch_stay_two() -> None:
    label_map = np.repeat([[4, 9]], 6, axis=0).repeat(5, axis=1)
    assert pairs(label_map, split(label_map)) == 2 and set(np.unique(split(label_map))) == {1, 2}


def test_pieces_that_meet_at_a_corner_are_two() -> None:
    assert split(np.array([[3, 0], [0, 3]])).max() == 2


def test_as_many_as_scipy_counts_number_by_number(cut: np.ndarray) -> None:
    parts = split(cut)
    expected = sum(ndimage.label(cut == i)[1] for i in np.unique(cut)[1:])
    assert np.array_equal(np.unique(parts), np.arange(expected + 1))
    assert np.array_equal(parts > 0, cut > 0)
    # Each part is connected and belongs to one nucleus.
    assert all(ndimage.label(parts == i)[1] == 1 for i in range(1, expected + 1))
    assert pairs(cut, parts) == expected + 1


def test_parts_have_no_parts(cut: np.ndarray) -> None:
    assert np.array_equal(split(split(cut)), split(cut))


def test_without_nuclei_nothing_happens() -> None:
    assert not split(np.zeros((5, 7), int)).any()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32, np.int64, np.float32])
@pytest.mark.parametrize("wrap", [np.asarray, lambda a: MetaTensor(torch.from_numpy(a), meta={"name": "a"})])
def test_any_type_becomes_whole_numbers_of_the_same_nuclei(cut: np.ndarray, dtype: type, wrap: type) -> None:
    ids = np.where(cut > 0, cut % 60000 + (0 if dtype is np.uint16 else 70000), 0)
    given = wrap(ids[None].astype(dtype))
    result = SplitLabelPartsd("label")({"label": given, "image": 5})
    assert type(result["label"]) is type(given) and result["image"] == 5
    assert result["label"].dtype in (np.int32, torch.int32) and tuple(result["label"].shape) == (
        1,
        *cut.shape,
    )
    assert np.array_equal(np.asarray(result["label"])[0], split(cut))
    assert np.array_equal(np.asarray(given)[0], ids)
    if isinstance(given, MetaTensor):
        assert result["label"].meta["name"] == "a"
