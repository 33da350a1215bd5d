"""Laws of the curvature alignment loss, in both of its modes."""

import math

import pytest
import torch
from drawn_nuclei import SIZE, dilated, disc, merged, nuclei
from monai.data import MetaTensor
from torch import Tensor

from common.losses import CurvatureAlignmentLoss
from common.losses.curvature import COMPARED, MODES

pytestmark = pytest.mark.parametrize("mode", MODES)


def test_of_a_mask_with_itself_is_zero(mode: str) -> None:
    mask = nuclei(8, 4)
    assert float(CurvatureAlignmentLoss(mode)(mask, mask)) == pytest.approx(0, abs=1e-6)
    logits = (mask * 2 - 1) * 50
    assert float(CurvatureAlignmentLoss(mode, from_logits=True)(logits, mask)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("radius", [6, 8, 10])
def test_grows_from_dilation_to_merged_nuclei_to_nothing(mode: str, radius: float) -> None:
    loss = CurvatureAlignmentLoss(mode)
    truth = nuclei(radius, 5)
    wider, joined = dilated(truth), merged(truth, 4)
    values = [float(loss(p, truth)) for p in (truth, wider, joined, torch.zeros_like(truth))]
    assert values == sorted(values), values
    assert values[2] > 1.5 * values[1], values


def test_shares_are_the_kl_divergence_of_two_distributions(mode: str) -> None:
    """The paper's Eq. 2: it does not see that half of the nuclei are missing, where lengths do."""
    truth = nuclei(8, 5)
    half = truth * (torch.arange(SIZE) < SIZE // 2)[:, None]
    options = {"mode": mode, "prior_px": 1e-3}
    shares, lengths = (
        float(CurvatureAlignmentLoss(compared=c, **options)(half, truth)) for c in COMPARED[::-1]
    )
    assert shares < 0.02 < 0.1 < lengths
    # Half the length in each bin: sum of q (1/2 log 1/2 - 1/2 + 1) over a distribution q.
    assert lengths == pytest.approx(0.5 * math.log(0.5) + 0.5, rel=0.1)


def test_an_empty_prediction_is_no_way_out(mode: str) -> None:
    loss = CurvatureAlignmentLoss(mode)
    truth = nuclei(8, 5)
    generator = torch.Generator().manual_seed(0)
    rough = (torch.rand(truth.shape, generator=generator) < 0.1 + 0.8 * truth).float()
    for constant in (0.0, 0.5, 1.0):
        nothing = loss(torch.full_like(truth, constant), truth)
        assert nothing > loss(rough, truth) > loss(dilated(truth), truth)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_and_mirrors_change_nothing(mode: str, turns: int) -> None:
    generator = torch.Generator().manual_seed(1)
    truth = nuclei(7, 4)[..., 10:80]  # not square
    prediction = (0.7 * truth + 0.3 * torch.rand(truth.shape, generator=generator)).double()
    loss = CurvatureAlignmentLoss(mode)
    value = loss(prediction, truth)
    turned = loss(torch.rot90(prediction, turns, (2, 3)), torch.rot90(truth, turns, (2, 3)))
    torch.testing.assert_close(turned, value)
    # Mirrored contours run the other way round.
    torch.testing.assert_close(loss(prediction.flip(3), truth.flip(3)), value)


def test_batch_is_the_mean_of_its_images(mode: str) -> None:
    truth = torch.cat([nuclei(8, 4), disc(20), torch.zeros(1, 1, SIZE, SIZE)])
    prediction = 0.1 + 0.8 * truth.roll(3, 2)
    loss = CurvatureAlignmentLoss(mode)
    singles = torch.stack([loss(p[None], t[None]) for p, t in zip(prediction, truth, strict=True)])
    torch.testing.assert_close(loss(prediction, truth), singles.mean())


def test_gradient_agrees_with_finite_differences(mode: str) -> None:
    generator = torch.Generator().manual_seed(2)
    truth = disc(3, 6, 6, size=12).double()
    noise = torch.rand(truth.shape, generator=generator, dtype=torch.float64)
    prediction = (0.2 + 0.5 * truth + 0.2 * noise).requires_grad_()
    loss = CurvatureAlignmentLoss(mode, smoothing_px=1.0, border_px=1, prior_px=3.0)
    assert torch.autograd.gradcheck(lambda p: loss(p, truth), prediction, eps=1e-6, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("truth_value", [None, 0.0, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_finite_for_constant_images(
    mode: str, value: float, truth_value: float | None, dtype: torch.dtype
) -> None:
    truth = disc(12) if truth_value is None else torch.full((1, 1, SIZE, SIZE), truth_value)
    prediction = torch.full((1, 1, SIZE, SIZE), value, dtype=dtype, requires_grad=True)
    loss = CurvatureAlignmentLoss(mode)(prediction, truth)
    loss.backward()
    assert loss.isfinite() and prediction.grad is not None and prediction.grad.isfinite().all()
    if truth_value is not None:
        assert float(loss.detach()) == 0, "nothing to compare"


def test_images_smaller_than_the_frame_are_nothing_to_compare(mode: str) -> None:
    prediction = torch.rand(2, 1, 4, 7, requires_grad=True)
    loss = CurvatureAlignmentLoss(mode)(prediction, torch.ones(2, 1, 4, 7))
    loss.backward()
    assert float(loss.detach()) == 0
    assert prediction.grad is not None and prediction.grad.isfinite().all()


def test_a_descent_on_the_prediction_lowers_it(mode: str) -> None:
    truth = nuclei(8, 5)
    logits = ((merged(truth, 4) * 2 - 1) * 2).requires_grad_()
    loss = CurvatureAlignmentLoss(mode, from_logits=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    values = []
    for _ in range(15):
        optimizer.zero_grad()
        value = loss(logits, truth)
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.6 * values[0]


def test_calm_at_the_start_of_a_training(mode: str) -> None:
    """Faint ripples around 0.5 count as next to no contour: nearly the loss of a constant."""
    truth = nuclei(8, 5)
    generator = torch.Generator().manual_seed(3)
    loss = CurvatureAlignmentLoss(mode)
    ripples = (0.5 + 0.02 * torch.randn(truth.shape, generator=generator)).requires_grad_()
    value = loss(ripples, truth)
    value.backward()
    assert float(value.detach()) == pytest.approx(float(loss(torch.full_like(truth, 0.5), truth)), rel=0.02)
    assert ripples.grad is not None and float(ripples.grad.norm()) < 0.3


def test_autocast_and_half_precision_agree_with_float32(mode: str) -> None:
    truth = nuclei(8, 4)
    prediction = 0.25 + 0.5 * truth.roll(2, 2)  # exact in half precision
    loss = CurvatureAlignmentLoss(mode)
    expected = loss(prediction, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(prediction.bfloat16(), truth)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, expected)
    torch.testing.assert_close(loss(prediction.half(), truth.bool()), expected)


def test_metatensors_give_a_plain_scalar(mode: str) -> None:
    truth = MetaTensor(nuclei(8, 4))
    prediction = MetaTensor(nuclei(8, 4) * 0.8).requires_grad_()
    loss = CurvatureAlignmentLoss(mode)(prediction, truth)
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
        ({"max_points": 0}, "max_points 0"),
        ({"levels": []}, r"levels \[\]"),
        ({"levels": [0.5, 1.0]}, r"levels \[0.5, 1.0\]"),
        ({"field_smoothing_px": -1}, "field_smoothing_px -1"),
        ({"compared": "areas"}, "areas"),
    ],
)
def test_wrong_options_are_named(mode: str, options: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CurvatureAlignmentLoss(**({"mode": mode} | options))


def test_shapes_must_agree(mode: str) -> None:
    with pytest.raises((ValueError, TypeError)):  # TypeError where jaxtyping checks first
        CurvatureAlignmentLoss(mode)(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))
