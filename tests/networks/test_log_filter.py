"""Laws of the LoG layer: it is scipy's, zero where nothing is, strongest at the blob that fits its scale."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from common.networks import LoGFilter
from common.networks.log_filter import TRUNCATE, gaussian_kernels


def disc(radius: float, size: int) -> Tensor:
    """A disc of ones in the middle of an image of odd side."""
    distance = np.hypot(*(np.indices((size, size)) - size // 2))
    # Grey at the rim, as in a picture: the share of the pixel that the disc covers, about.
    return torch.from_numpy(np.clip(radius + 0.5 - distance, 0, 1))[None, None].float()


@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0, 9.0])
def test_equals_scipys_filter(sigma: float) -> None:
    image = np.random.default_rng(0).random((61, 80)) - 0.5
    expected = -(sigma**2) * ndimage.gaussian_laplace(image, sigma, mode="nearest", truncate=TRUNCATE)
    response = LoGFilter([sigma])(torch.from_numpy(image)[None, None])[0, 0].numpy()
    # The layer takes off what is left of the sum of the truncated second derivative, 1e-4 of the image.
    np.testing.assert_allclose(response, expected, atol=2e-4)


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.5, 9.0])
def test_kernels_are_even_and_sum_to_one_and_zero(sigma: float) -> None:
    gauss, second = gaussian_kernels(sigma)
    assert float(gauss.sum()) == pytest.approx(1, abs=1e-12)
    assert float(second.sum()) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(gauss, gauss.flip(0))
    torch.testing.assert_close(second, second.flip(0))
    if sigma >= 1:  # the second derivative of x^2 is 2
        x = torch.arange(len(second), dtype=torch.float64) - len(second) // 2
        assert float((second * x**2).sum()) == pytest.approx(2, rel=2e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5])
def test_constant_images_give_nothing(value: float) -> None:
    response = LoGFilter([1, 9])(torch.full((1, 2, 20, 30), value))
    torch.testing.assert_close(response, torch.zeros(1, 4, 20, 30), atol=2e-5, rtol=0)


@pytest.mark.parametrize("sigma", [2.0, 3.0, 5.0])
def test_strongest_in_the_centre_of_the_disc_that_fits(sigma: float) -> None:
    size = int(8 * sigma) * 2 + 1
    response = LoGFilter([sigma])(disc(sigma * 2**0.5, size))[0, 0]
    peak = divmod(int(response.argmax()), size)
    assert peak == (size // 2, size // 2) and response[peak] > 0.5

    # Over all radii the centre answers most to sigma * sqrt(2).
    radii = np.linspace(0.5, 2, 31) * sigma * 2**0.5
    answers = [float(LoGFilter([sigma])(disc(r, size))[0, 0, size // 2, size // 2]) for r in radii]
    assert radii[int(np.argmax(answers))] == pytest.approx(sigma * 2**0.5, rel=0.06)


@pytest.mark.parametrize("radius", [5.0, 8.0])
def test_the_scale_of_the_strongest_answer_tells_the_radius(radius: float) -> None:
    sigmas = np.linspace(0.5, 2, 31) * radius / 2**0.5
    size = 10 * int(radius) + 1
    answers = LoGFilter(list(sigmas))(disc(radius, size))[0, :, size // 2, size // 2]
    assert sigmas[int(answers.argmax())] == pytest.approx(radius / 2**0.5, rel=0.06)
    # Normalised by scale: the height of the peak does not depend on the size of the disc.
    assert float(answers.max()) == pytest.approx(2 / np.e, rel=0.02)


def test_dark_blobs_answer_with_the_opposite_sign() -> None:
    image = torch.rand(2, 1, 33, 40, generator=torch.Generator().manual_seed(0))
    log = LoGFilter([2])
    torch.testing.assert_close(log(1 - image), -log(image), atol=1e-5, rtol=0)


def test_every_channel_and_scale_by_itself_channels_first() -> None:
    image = torch.rand(2, 3, 24, 31, generator=torch.Generator().manual_seed(0))
    response = LoGFilter([1.5, 3])(image)
    assert response.shape == (2, 6, 24, 31)
    alone = [LoGFilter([sigma])(image[:, c : c + 1]) for c in range(3) for sigma in (1.5, 3)]
    torch.testing.assert_close(response, torch.cat(alone, dim=1))


def test_turns_and_mirrors_with_the_image() -> None:
    image = torch.rand(1, 1, 24, 31, generator=torch.Generator().manual_seed(0))
    log = LoGFilter([2])
    torch.testing.assert_close(log(image.rot90(1, (2, 3))), log(image).rot90(1, (2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(log(image.flip(3)), log(image).flip(3), atol=1e-5, rtol=0)


def test_nothing_is_trained_or_stored() -> None:
    log = LoGFilter([1, 2])
    assert not list(log.parameters()) and not log.state_dict()
    assert (
        nn.Sequential(log).to(torch.float64)[0].gauss0.dtype == torch.float64
    )  # but it moves with the network


def test_float32_inside_autocast() -> None:
    image = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    log = LoGFilter([3])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = log(image)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, log(image))


@pytest.mark.parametrize(("sigmas", "word"), [([], "empty"), ([3, 0], "sigma 0"), ([-1.5], "sigma -1.5")])
def test_wrong_scales_are_named(sigmas: list[float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        LoGFilter(sigmas)
