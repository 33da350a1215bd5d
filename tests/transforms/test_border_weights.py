"""Laws of the weight map: it is the formula nucleus by nucleus, and moves with the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from common.geometry import outlines
from common.sample import draw_label_map
from common.transforms import BorderWeightsd, border_weights
from common.transforms.border_weights import CLASSES, NEGLIGIBLE, two_nearest
from common.transforms.instance_targets import erode_labels


def crowded(seed: int = 0, shape: tuple[int, int] = (70, 90)) -> np.ndarray:
    return draw_label_map(shape, rng=np.random.default_rng(seed), clustering=0.9).astype(np.int64)


def sparse(shape: tuple[int, int] = (70, 90)) -> np.ndarray:
    label_map = np.zeros(shape, np.int64)
    label_map[2:6, 2:5], label_map[30:34, 20:28], label_map[60:66, 80:88], label_map[5:8, 80:85] = 4, 1, 7, 2
    return label_map


def dust(seed: int, density: float) -> np.ndarray:
    """Nuclei of any shape, in parts, inside each other."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 6, (30, 40)) * (rng.random((30, 40)) < density)


PICTURES = {
    "crowded": crowded(),
    "sparse": sparse(),
    "thin dust": dust(0, 0.01),
    "dust": dust(1, 0.3),
    "no background": dust(2, 2.0),
    "one": (sparse() == 1).astype(np.int64),
    "two": np.where(np.isin(sparse(), (4, 7)), sparse(), 0),
    "a column": crowded()[:, 40:41],
    "empty": np.zeros((9, 7), np.int64),
}


def naive_distances(label_map: np.ndarray) -> np.ndarray:
    """Two distances for each pixel, by a distance transform of the whole image for each nucleus."""
    nuclei = [ndimage.distance_transform_edt(label_map != i) for i in np.unique(label_map[label_map > 0])]
    missing = [np.full(label_map.shape, np.inf)] * 2
    return np.sort(np.stack(nuclei + missing), axis=0)[:2]


def naive_term(label_map: np.ndarray, border_weight: float, sigma_px: float) -> np.ndarray:
    """The equation in the background of eroded nuclei."""
    label_map = erode_labels(label_map)
    return (
        (label_map == 0)
        * border_weight
        * np.exp(-(naive_distances(label_map).sum(axis=0) ** 2) / (2 * sigma_px**2))
    )


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("border_weight", "sigma_px"), [(3, 10), (10, 5), (5, 1.5), (50, 30)])
def test_it_is_the_formula_nucleus_by_nucleus(name: str, border_weight: float, sigma_px: float) -> None:
    label_map = PICTURES[name]
    found = border_weights(label_map, border_weight=border_weight, sigma_px=sigma_px, classes="mask")
    term = found - (erode_labels(label_map) > 0)
    expected = naive_term(label_map, border_weight, sigma_px)
    rounding = 2.0**-23 * (1 + border_weight)  # of the result, which is float32
    assert (np.abs(term - expected) <= NEGLIGIBLE + rounding).all()


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("reach_px", [0.5, 7, 31, 1000])
def test_distances_are_exact_within_reach_and_never_too_small(name: str, reach_px: float) -> None:
    first, second = two_nearest(PICTURES[name], reach_px=reach_px)
    expected = naive_distances(PICTURES[name])
    np.testing.assert_array_equal(first, expected[0])
    near = expected.sum(axis=0) <= reach_px
    np.testing.assert_array_equal(second[near], expected[1][near])
    assert (second >= expected[1]).all()


def test_what_is_left_out_is_smaller_than_said() -> None:
    """The law above would hold of a map without truncation too: this one shows where it begins."""
    label_map = np.zeros((3, 140), np.int64)
    label_map[:, 0], label_map[:, -1] = 1, 2
    term = border_weights(label_map, border_weight=3, sigma_px=10, classes="mask")[1, 1:-1]
    assert (term == 0).all()  # 138 pixels apart
    label_map = label_map[:, -52:]
    label_map[:, 0] = 1
    complete = naive_term(label_map, 3, 10)
    assert 0 < complete[1, 1] < NEGLIGIBLE


@pytest.mark.parametrize("classes", CLASSES)
def test_weights_turn_and_mirror_with_the_image_and_ids_do_not_matter(classes: str) -> None:
    label_map = crowded(1)
    weights = border_weights(label_map, classes=classes)
    for move in (np.rot90, np.flipud, np.transpose):
        np.testing.assert_array_equal(border_weights(move(label_map), classes=classes), move(weights))
    ids = np.append(0, 10**12 - np.random.default_rng(0).permutation(label_map.max()))
    np.testing.assert_array_equal(border_weights(ids[label_map], classes=classes), weights)
    assert weights.dtype == np.float32 and weights.shape == label_map.shape


def test_without_border_term_classes_are_balanced_masked_or_equal() -> None:
    label_map = sparse()
    mask = erode_labels(label_map) > 0
    balanced, masked, equal = (
        border_weights(label_map, border_weight=0, classes=name) for name in ("balanced", "mask", "equal")
    )
    assert balanced[mask].sum() == pytest.approx(balanced[~mask].sum(), rel=1e-4)
    assert balanced.mean() == pytest.approx(1, rel=1e-4)
    assert len(np.unique(balanced[mask])) == len(np.unique(balanced[~mask])) == 1
    assert (masked == mask).all() and (equal == 1).all()
    for alone in (np.zeros((4, 5), int), np.ones((4, 5), int)):
        assert (border_weights(alone) == 1).all()


def test_narrow_gaps_weigh_more() -> None:
    def in_gap(width: int) -> float:
        label_map = np.zeros((20, 60), int)
        label_map[:, 5:20], label_map[:, 20 + width : 40 + width] = 1, 2
        return float(border_weights(label_map, classes="equal")[10, 20 + width // 2])

    weights = [in_gap(width) for width in (1, 3, 7, 13)]
    assert weights == sorted(weights, reverse=True) and weights[-1] > 1
    assert weights[0] < 1 + 10


def test_normalised_weights_are_the_same_up_to_one_factor() -> None:
    label_map = crowded()
    weights = border_weights(label_map, classes="mask")
    normalised = border_weights(label_map, classes="mask", normalise=True)
    assert normalised.max() == 1 and normalised.min() >= 0
    np.testing.assert_allclose(normalised * weights.max(), weights, rtol=1e-5)
    assert not border_weights(np.zeros((4, 5), int), classes="mask", normalise=True).any()


CROWDS = {f"sample {seed}": crowded(seed) for seed in range(4)} | {
    "a gap of three": np.array([[1] * 9 + [0] * 3 + [2] * 9]),
    "touching": np.pad(np.kron(np.array([[1, 2]]), np.ones((9, 9), int)), 4),
    "touching, small and large": np.pad(np.repeat(np.array([[1] * 5 + [2] * 20]), 5, axis=0), 6),
}


@pytest.mark.parametrize("classes", ["equal", "mask"])
@pytest.mark.parametrize("name", CROWDS)
def test_the_heaviest_pixels_are_in_the_gaps(name: str, classes: str) -> None:
    label_map = CROWDS[name]
    weights = border_weights(label_map, classes=classes)
    gap = erode_labels(label_map) == 0
    inside = weights[~gap]
    assert (inside == 1).all() and weights.max() > 3
    between = naive_distances(erode_labels(label_map)).sum(axis=0) <= 6
    assert between.any() and (weights[between & gap] > inside.max()).all()


@pytest.mark.parametrize("name", ["crowded", "sparse", "two"])
def test_to_the_letter_distances_are_to_outlines_from_inside_too(name: str) -> None:
    label_map = PICTURES[name]
    found = border_weights(label_map, border_weight=3, sigma_px=10, classes="mask", gaps_only=False)
    lines = [
        ndimage.distance_transform_edt(~((label_map == i) & outlines(label_map)))
        for i in np.unique(label_map[label_map > 0])
    ]
    nearest = np.sort(np.stack(lines), axis=0)[:2].sum(axis=0)
    expected = (label_map > 0) + 3 * np.exp(-(nearest**2) / 200)
    np.testing.assert_allclose(found, expected, atol=2 * NEGLIGIBLE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": "balance"}, "classes is 'balance': choose from balanced, mask, equal"),
        ({"sigma_px": 0}, "sigma_px is 0"),
        ({"sigma_px": float("nan")}, "sigma_px is nan"),
        ({"border_weight": -1}, "border_weight is -1"),
    ],
)
def test_impossible_options_are_refused(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        border_weights(np.zeros((4, 4), int), **options)


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, lambda a: MetaTensor(torch.from_numpy(a))])
def test_the_transform_adds_what_the_function_returns(wrap: type) -> None:
    label_map = crowded()
    options = {
        "border_weight": 3.0,
        "sigma_px": 9.0,
        "classes": "mask",
        "gaps_only": False,
        "normalise": True,
    }
    data = {"label": wrap(label_map[None].astype(np.int32)), "image": "untouched"}
    result = BorderWeightsd("label", **options)(data)
    assert set(result) == {"label", "image", "weight"} and set(data) == {"label", "image"}
    assert type(result["weight"]) is type(data["label"])
    np.testing.assert_array_equal(np.asarray(result["weight"])[0], border_weights(label_map, **options))
    np.testing.assert_array_equal(np.asarray(result["label"])[0], label_map)


def test_each_label_map_has_its_own_weights() -> None:
    first, second = crowded(0), crowded(1)
    transform = BorderWeightsd(["a", "b"], ["wa", "wb"])
    result = transform({"a": first[None], "b": second[None]})
    np.testing.assert_array_equal(result["wa"][0], border_weights(first))
    np.testing.assert_array_equal(result["wb"][0], border_weights(second))
    assert BorderWeightsd("a", allow_missing_keys=True)({"b": 1}) == {"b": 1}


def test_beyond_the_image_lie_mirrored_nuclei() -> None:
    nuclei = np.array([[0, 1, 1, 1, 0, 2, 2, 2]])
    crop = np.array([[-1 - 1, -1 - 1, -1 - 0, 0, 1, 1, 1, 0, 2, 2, 2]])
    assert np.allclose(border_weights(crop)[:, 3:], border_weights(nuclei), atol=0.2)
    assert border_weights(crop)[0, 2] > 2, "the gap to a mirrored nucleus"
