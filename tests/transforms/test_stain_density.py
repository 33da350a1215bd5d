"""Laws of stains in optical density: what was mixed from two stains is told apart again."""

import numpy as np
import pytest
from scipy.optimize import nnls

from common.transforms import from_density, stain_amounts, stain_directions, to_density
from common.transforms.stain_density import METHODS, REFERENCE_STAINS

OTHER = np.array([[0.65, 0.09], [0.70, 0.95], [0.29, 0.28]])  # another laboratory's
each_method = pytest.mark.parametrize("method", METHODS)


def unit(stains: np.ndarray) -> np.ndarray:
    return stains / np.linalg.norm(stains, axis=0)


def amounts_of(shape: tuple[int, int] = (64, 48), *, seed: int = 0) -> np.ndarray:
    """Amounts of both stains: nuclei, cytoplasm, and mixtures of both."""
    rng = np.random.default_rng(seed)
    nuclei = rng.random(shape) < 0.3
    mixed = rng.random(shape) < 0.3
    haematoxylin = np.where(nuclei, rng.uniform(1.0, 2.0, shape), np.where(mixed, 0.4, 0.0))
    eosin = np.where(nuclei & ~mixed, 0.0, rng.uniform(0.8, 1.6, shape))
    return np.stack([haematoxylin, eosin])


def section(stains: np.ndarray, *, seed: int = 0, strength: float = 1.0) -> np.ndarray:
    """An image of 0..255 that is mixed of two stains alone."""
    return 255 * from_density(np.tensordot(unit(stains), strength * amounts_of(seed=seed), axes=1))


def apart_deg(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.arccos(np.clip((found * unit(true)).sum(axis=0), -1, 1)))


def test_density_is_0_where_light_is_white_and_adds_where_it_passes_two_filters() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (3, 5, 7))
    assert not to_density(np.full((3, 2, 2), 255.0), white=255).any()
    np.testing.assert_allclose(255 * from_density(to_density(image, white=255)), image)
    np.testing.assert_allclose(to_density(image / 255, white=1), to_density(image, white=255))
    one, other = np.random.default_rng(1).uniform(0, 2, (2, 3, 5, 7))

    def passed(density: np.ndarray) -> np.ndarray:
        """The share of light, a 255th of white added to both."""
        return (from_density(density) + 1 / 255) / (1 + 1 / 255)

    np.testing.assert_allclose(passed(one + other), passed(one) * passed(other))


@each_method
@pytest.mark.parametrize("stains", [REFERENCE_STAINS, OTHER], ids=["usual", "other"])
@pytest.mark.parametrize("strength", [0.7, 1.3])
def test_the_stains_that_were_mixed_are_found(method: str, stains: np.ndarray, strength: float) -> None:
    found = stain_directions(to_density(section(stains, strength=strength), white=255), method=method)
    assert found is not None and (apart_deg(found, stains) < 6).all(), apart_deg(found, stains)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1)


@each_method
def test_where_pixels_lie_does_not_matter(method: str) -> None:
    density = to_density(section(OTHER), white=255)
    expected = stain_directions(density, method=method)
    turned = density[:, ::-1].swapaxes(1, 2)
    np.testing.assert_allclose(stain_directions(turned, method=method), expected, atol=1e-6)


@each_method
@pytest.mark.parametrize(
    "tile",
    [
        np.full((3, 32, 32), 255.0),
        np.zeros((3, 32, 32)),
        np.full((3, 32, 32), 243.0) + np.random.default_rng(0).normal(0, 2, (3, 32, 32)),
        np.repeat(np.random.default_rng(0).uniform(0, 255, (1, 32, 32)), 3, axis=0),
        np.broadcast_to(np.array([120.0, 60.0, 140.0])[:, None, None], (3, 32, 32)),
        section(OTHER)[:, :4, :4],
        np.zeros((3, 0, 5)),
    ],
    ids=["white", "black", "glass", "grey", "one colour", "too small", "empty"],
)
def test_where_there_are_no_two_stains_none_are_found(method: str, tile: np.ndarray) -> None:
    assert stain_directions(to_density(tile, white=255), method=method) is None


@pytest.mark.parametrize("stains", [REFERENCE_STAINS, OTHER], ids=["usual", "other"])
def test_amounts_are_the_least_squares_without_negative_ones(stains: np.ndarray) -> None:
    density = np.random.default_rng(0).normal(0.3, 0.6, (3, 200))
    expected = np.stack([nnls(unit(stains), pixel)[0] for pixel in density.T], axis=1)
    np.testing.assert_allclose(stain_amounts(density, unit(stains)), expected, atol=1e-7)
    assert {tuple(kind) for kind in (expected > 0).T.tolist()} == {
        (False, False), (False, True), (True, False), (True, True),
    }  # fmt: skip


def test_sparse_amounts_are_the_best_of_all_tried() -> None:
    stains, sparsity = unit(OTHER), 0.1
    density = np.random.default_rng(0).normal(0.3, 0.6, (3, 20))
    grid = np.stack(np.meshgrid(np.linspace(0, 2, 81), np.linspace(0, 2, 81))).reshape(2, -1)

    def cost(amounts: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        return 0.5 * ((pixel[:, None] - stains @ amounts) ** 2).sum(axis=0) + sparsity * amounts.sum(axis=0)

    found = stain_amounts(density, stains, sparsity=sparsity)
    for pixel, amounts in zip(density.T, found.T, strict=True):
        assert cost(amounts[:, None], pixel)[0] <= cost(grid, pixel).min() + 1e-9


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(
        ValueError, match="stain method 'reinhard' is unknown: choose one of macenko, vahadane"
    ):
        stain_directions(np.zeros((3, 4, 4)), method="reinhard")
