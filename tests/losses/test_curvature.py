"""Laws of the curvature alignment loss."""

import math

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from common.losses import CurvatureAlignmentLoss, curvature_pdf, level_set_curvature

SIZE = 96


def disc(radius: float, row: float = 48.0, column: float = 48.0, size: int = SIZE) -> Tensor:
    """A sharp disc as a mask, (1, 1, size, size)."""
    r, c = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
    return ((r - row) ** 2 + (c - column) ** 2 <= radius**2).float()[None, None]


def nuclei(radius: float, gap: float) -> Tensor:
    """Four pairs of discs; the two of a pair lie `gap` pixels apart."""
    reach = radius + gap / 2
    pairs = [(row, column) for row in (26.3, 70.2) for column in (26.1, 69.6)]
    discs = [disc(radius, row, column + side) for row, column in pairs for side in (-reach, reach)]
    return torch.stack(discs).amax(0)


def dilated(mask: Tensor) -> Tensor:
    """The mask grown by one pixel in eight directions."""
    return torch.nn.functional.max_pool2d(mask, 3, stride=1, padding=1)


def merged(mask: Tensor, reach: int) -> Tensor:
    """The mask with gaps of up to about 2 * reach pixels filled (a closing), outlines kept."""
    pool = torch.nn.functional.max_pool2d
    return -pool(-pool(mask, 2 * reach + 1, stride=1, padding=reach), 2 * reach + 1, stride=1, padding=reach)


@pytest.mark.parametrize("radius", [4, 6, 8, 12, 20, 30])
@pytest.mark.parametrize("shift", [0.0, 0.37])
def test_disc_has_curvature_one_over_radius(radius: float, shift: float) -> None:
    curvature, weight = level_set_curvature(disc(radius, 48 + shift, 48 - shift / 2))
    mean = float((curvature * weight).sum() / weight.sum())
    # Smoothing shrinks a small disc's level line: sqrt(radius^2 - sigma^2), in the first order.
    assert mean == pytest.approx(1 / math.sqrt(radius**2 - 1.5**2), rel=0.05)


def test_hole_has_the_opposite_curvature() -> None:
    bright, weight = level_set_curvature(disc(9))
    dark, dark_weight = level_set_curvature(1 - disc(9))
    torch.testing.assert_close(weight, dark_weight, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close((bright * weight).sum(), -(dark * weight).sum(), rtol=1e-3, atol=1e-4)


def test_weights_measure_the_contour_in_pixels() -> None:
    _, weight = level_set_curvature(disc(20).double(), edge_contrast=1e-6)
    # Central differences find a blurred edge about 4 % flatter than it is.
    assert float(weight.sum()) == pytest.approx(2 * math.pi * 20, rel=0.05)


def test_smoothing_is_a_gaussian_with_repeated_ends() -> None:
    from scipy.ndimage import gaussian_filter1d

    from common.losses.curvature import _gaussian_matrix

    for n, sigma in ((40, 1.5), (5, 2.0), (1, 1.0)):  # longer and shorter than the kernel
        line = torch.rand(n, dtype=torch.float64)
        smooth = (_gaussian_matrix(n, sigma, line) @ line)[1:-1]
        expected = torch.from_numpy(gaussian_filter1d(line.numpy(), sigma, mode="nearest"))
        torch.testing.assert_close(smooth, expected)


def test_the_image_border_gives_no_curvature() -> None:
    r, c = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    edge = torch.sigmoid(2 * (r * 0.8 + c * 0.6 - 60))[None, None]  # a straight line, cut by two sides
    curvature, weight = level_set_curvature(edge)
    assert float(weight[..., :5, :].sum() + weight[..., -5:, :].sum()) == 0
    assert float(weight[..., :5].sum() + weight[..., -5:].sum()) == 0
    half_a_bin = 0.7 / 32
    assert float((curvature.abs() * weight).sum() / weight.sum()) < half_a_bin


def test_distribution_sums_to_one_and_keeps_the_mean() -> None:
    curvature = torch.rand(3, 1, 16, 16) - 0.5
    weight = torch.rand(3, 1, 16, 16)
    pdf = curvature_pdf(curvature, weight, bins=33, max_curvature=0.7, prior_px=1e-6)
    torch.testing.assert_close(pdf.sum(1), torch.ones(3))
    centres = torch.linspace(-0.7, 0.7, 33)
    mean = (curvature * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))
    torch.testing.assert_close(pdf @ centres, mean, atol=1e-5, rtol=1e-4)


def test_of_a_mask_with_itself_is_zero() -> None:
    mask = nuclei(8, 4)
    assert float(CurvatureAlignmentLoss()(mask, mask)) == pytest.approx(0, abs=1e-6)
    logits = (mask * 2 - 1) * 50
    assert float(CurvatureAlignmentLoss(from_logits=True)(logits, mask)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("radius", [6, 8, 10])
def test_grows_from_dilation_to_merged_nuclei_to_nothing(radius: float) -> None:
    loss = CurvatureAlignmentLoss()
    truth = nuclei(radius, 5)
    wider, joined = dilated(truth), merged(truth, 4)
    values = [float(loss(p, truth)) for p in (truth, wider, joined, torch.zeros_like(truth))]
    assert values == sorted(values), values
    assert values[2] > 1.5 * values[1], values


def test_an_empty_prediction_is_no_way_out() -> None:
    loss = CurvatureAlignmentLoss()
    truth = nuclei(8, 5)
    generator = torch.Generator().manual_seed(0)
    rough = (torch.rand(truth.shape, generator=generator) < 0.1 + 0.8 * truth).float()
    for constant in (0.0, 0.5, 1.0):
        nothing = loss(torch.full_like(truth, constant), truth)
        assert nothing > loss(rough, truth) > loss(dilated(truth), truth)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_and_mirrors_change_nothing(turns: int) -> None:
    generator = torch.Generator().manual_seed(1)
    truth = nuclei(7, 4)[..., 10:80]  # not square
    prediction = (0.7 * truth + 0.3 * torch.rand(truth.shape, generator=generator)).double()
    loss = CurvatureAlignmentLoss()
    value = loss(prediction, truth)
    turned = loss(torch.rot90(prediction, turns, (2, 3)), torch.rot90(truth, turns, (2, 3)))
    torch.testing.assert_close(turned, value)
    torch.testing.assert_close(loss(prediction.flip(3), truth.flip(3)), value)


def test_batch_is_the_mean_of_its_images() -> None:
    truth = torch.cat([nuclei(8, 4), disc(20), torch.zeros(1, 1, SIZE, SIZE)])
    prediction = 0.1 + 0.8 * truth.roll(3, 2)
    loss = CurvatureAlignmentLoss()
    singles = torch.stack([loss(p[None], t[None]) for p, t in zip(prediction, truth, strict=True)])
    torch.testing.assert_close(loss(prediction, truth), singles.mean())


def test_gradient_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    truth = disc(3, 6, 6, size=12).double()
    noise = torch.rand(truth.shape, generator=generator, dtype=torch.float64)
    prediction = (0.2 + 0.5 * truth + 0.2 * noise).requires_grad_()
    loss = CurvatureAlignmentLoss(smoothing_px=1.0, border_px=1, prior_px=3.0)
    assert torch.autograd.gradcheck(lambda p: loss(p, truth), prediction, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("truth_value", [None, 0.0, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_finite_for_constant_images(value: float, truth_value: float | None, dtype: torch.dtype) -> None:
    truth = disc(12) if truth_value is None else torch.full((1, 1, SIZE, SIZE), truth_value)
    prediction = torch.full((1, 1, SIZE, SIZE), value, dtype=dtype, requires_grad=True)
    loss = CurvatureAlignmentLoss()(prediction, truth)
    loss.backward()
    assert loss.isfinite() and prediction.grad is not None and prediction.grad.isfinite().all()
    if truth_value is not None:
        assert float(loss.detach()) == 0, "nothing to compare"


def test_images_smaller_than_the_frame_are_nothing_to_compare() -> None:
    prediction = torch.rand(2, 1, 4, 7, requires_grad=True)
    loss = CurvatureAlignmentLoss()(prediction, torch.ones(2, 1, 4, 7))
    loss.backward()
    assert float(loss.detach()) == 0
    assert prediction.grad is not None and prediction.grad.isfinite().all()


def test_a_descent_on_the_prediction_lowers_it() -> None:
    truth = nuclei(8, 5)
    logits = ((merged(truth, 4) * 2 - 1) * 2).requires_grad_()
    loss = CurvatureAlignmentLoss(from_logits=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    values = []
    for _ in range(15):
        optimizer.zero_grad()
        value = loss(logits, truth)
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


def test_calm_at_the_start_of_a_training() -> None:
    """Faint ripples around 0.5 count as next to no contour: nearly the loss of a constant."""
    truth = nuclei(8, 5)
    generator = torch.Generator().manual_seed(3)
    loss = CurvatureAlignmentLoss()
    ripples = (0.5 + 0.02 * torch.randn(truth.shape, generator=generator)).requires_grad_()
    value = loss(ripples, truth)
    value.backward()
    assert float(value.detach()) == pytest.approx(float(loss(torch.full_like(truth, 0.5), truth)), rel=0.02)
    assert ripples.grad is not None and float(ripples.grad.norm()) < 0.1


def test_autocast_and_half_precision_agree_with_float32() -> None:
    truth = nuclei(8, 4)
    prediction = 0.25 + 0.5 * truth.roll(2, 2)  # exact in half precision
    loss = CurvatureAlignmentLoss()
    expected = loss(prediction, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(prediction.bfloat16(), truth)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, expected)
    torch.testing.assert_close(loss(prediction.half(), truth.bool()), expected)


def test_metatensors_give_a_plain_scalar() -> None:
    truth = MetaTensor(nuclei(8, 4))
    prediction = MetaTensor(nuclei(8, 4) * 0.8).requires_grad_()
    loss = CurvatureAlignmentLoss()(prediction, truth)
    loss.backward()
    assert type(loss) is Tensor and loss.shape == ()
    assert prediction.grad is not None and float(prediction.grad.abs().sum()) > 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"mode": "snake"}, "snake"),
        ({"bins": 32}, "bins 32"),
        ({"smoothing_px": 0.0}, "smoothing_px 0.0"),
        ({"prior_px": -1.0}, "prior_px -1.0"),
        ({"border_px": -1}, "border_px -1"),
    ],
)
def test_wrong_options_are_named(options: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CurvatureAlignmentLoss(**options)


def test_shapes_must_agree() -> None:
    with pytest.raises((ValueError, TypeError)):  # TypeError where jaxtyping checks first
        CurvatureAlignmentLoss()(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))
