"""Curvature alignment loss (CAL): KL divergence of the contour curvatures of prediction and truth."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

MODES = ("level_set",)
TRUNCATE = 4.0  # radius of the Gaussian in sigmas, as in scipy.ndimage
TINY = 1e-6  # under the square root of the squared gradient: its derivative at 0 would be infinite


def _working_dtype(x: Tensor) -> torch.dtype:
    """Return float64 for float64, else float32: second derivatives drown in half precision."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _plain(x: Tensor) -> Tensor:
    """Strip MONAI's MetaTensor, whose dispatch would be paid at each of some thirty small operations."""
    return x.as_subclass(Tensor)


def _gaussian_matrix(n: int, sigma: float | int, like: Tensor) -> Tensor:
    """Return the (n + 2, n) matrix that smooths a line and extends it by one pixel at both ends.

    Two products with such a matrix replace a separable convolution: on a CPU the backward pass of a
    one-channel `conv2d` was measured to take about 15 times as long. Pixels beyond the ends repeat the end
    ("replicate").
    """
    radius = int(TRUNCATE * sigma + 0.5)
    reach = radius + 1
    position = torch.arange(-1, n + 1, device=like.device, dtype=like.dtype)[:, None]
    source = torch.arange(-reach, n + reach, device=like.device, dtype=like.dtype)[None, :]
    distance = (position - source).abs()
    kernel = torch.exp(-0.5 * (distance / sigma) ** 2) * (distance <= radius)
    kernel = kernel / kernel.sum(1, keepdim=True)
    matrix = kernel[:, reach : n + reach].clone()
    matrix[:, 0] += kernel[:, :reach].sum(1)
    matrix[:, -1] += kernel[:, n + reach :].sum(1)
    return matrix


def level_set_curvature(
    field: Float[Tensor, "b 1 h w"],
    *,
    smoothing_px: float | int = 1.5,
    edge_contrast: float | int = 0.1,
    border_px: int | None = None,
) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b 1 h w"]]:
    """Return the curvature of the level lines of a field, and how much each pixel belongs to the 0.5 contour.

    With phi the field after Gaussian smoothing, `curvature = -div(grad phi / |grad phi|)`: +1/r on a bright
    disc of radius r, -1/r on a dark one. The weight is `30 (phi (1 - phi))^2 |grad phi|`: the first factor is
    a bump of area 1 around phi = 0.5, so by the coarea formula the weights of a sharp mask sum to about its
    contour length in pixels. A further factor `|grad|^2 / (|grad|^2 + edge_contrast^2)` fades out the faint
    ripples of a prediction that is still nearly constant: they cross 0.5 as well, and are no contours.

    Args:
        field: probability or mask in [0, 1]; float32 or float64.
        smoothing_px: standard deviation of the Gaussian in pixels, > 0. A straight gap narrower than 1.35 of
            it closes; curvatures beyond about 1 / smoothing_px are flattened.
        edge_contrast: gradient per pixel at which an edge counts half. A sharp edge has `0.4 / smoothing_px`.
        border_px: width of the frame whose weight is 0, because the image's end bends the contours there;
            None takes three standard deviations.

    Returns:
        curvature (1/px) and weight (px of contour, >= 0), both of the field's shape.

    Shapes:
        field: (b, 1, h, w), [0, 1].
        curvature: (b, 1, h, w), any real value; meaningless, but finite, where the weight is 0.
        weight: (b, 1, h, w), >= 0.

    References:
        Osher and Fedkiw, Level Set Methods and Dynamic Implicit Surfaces, 2003, section 1.4 (curvature of
        level sets).

    Example:
        A disc of radius 10 has curvature 1/10, and its weights sum to about its circumference:

        >>> row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        >>> disc = ((row - 31) ** 2 + (column - 31) ** 2 < 100).float()[None, None]
        >>> curvature, weight = level_set_curvature(disc)
        >>> round(float((curvature * weight).sum() / weight.sum()), 1)
        0.1
    """
    h, w = field.shape[2:]
    with torch.autocast(field.device.type, enabled=False):
        field = field.to(_working_dtype(field))
        rows, columns = _gaussian_matrix(h, smoothing_px, field), _gaussian_matrix(w, smoothing_px, field)
        phi = rows @ field @ columns.T  # one pixel larger on every side, for the differences below
        centre = phi[..., 1:-1, 1:-1]
        above, below = phi[..., :-2, 1:-1], phi[..., 2:, 1:-1]
        left, right = phi[..., 1:-1, :-2], phi[..., 1:-1, 2:]
        # Differences over two pixels, so all first derivatives are doubled: the factors cancel in the last lines.
        d_r, d_c = below - above, right - left
        d_rr = torch.sub(below + above, centre, alpha=2)
        d_cc = torch.sub(right + left, centre, alpha=2)
        d_rc = phi[..., 2:, 2:] + phi[..., :-2, :-2] - phi[..., 2:, :-2] - phi[..., :-2, 2:]  # four times
        columns_squared = d_c * d_c
        squared = torch.addcmul(columns_squared, d_r, d_r) + 4 * TINY
        cube = squared * torch.sqrt(squared)
        mixed = torch.addcmul(d_rc * d_c, d_cc, d_r, value=-2)
        curvature = torch.addcmul(d_r * mixed, d_rr, columns_squared, value=-2) / cube
        closeness = torch.addcmul(centre, centre, centre, value=-1)
        weight = closeness * closeness * (cube / (squared + 4 * edge_contrast**2))
        frame = math.ceil(3 * smoothing_px) if border_px is None else border_px
        inside = _inside(h, frame, field)[:, None] * _inside(w, frame, field)
        weight = weight * (15.0 * inside)  # the integral of (x (1 - x))^2 over [0, 1] is 1/30
    return curvature, weight


def _inside(n: int, frame: int, like: Tensor) -> Tensor:
    """Return 1 for the positions of a line at least `frame` pixels from both ends, 0 for the others."""
    position = torch.arange(n, device=like.device)
    return ((position >= frame) & (position < n - frame)).to(like.dtype)


def curvature_pdf(
    curvature: Float[Tensor, "b 1 h w"],
    weight: Float[Tensor, "b 1 h w"],
    *,
    bins: int = 33,
    max_curvature: float | int = 0.7,
    prior_px: float | int = 30.0,
) -> Float[Tensor, "b bins"]:
    """Return the distribution of curvature along the contours, as a histogram that can be differentiated.

    Linear binning: each pixel shares its weight between the two nearest bin centres. `prior_px` pixels of
    contour, spread evenly over the bins, are added before the division by the sum: no bin is empty, and an
    image with next to no contour tends to the uniform distribution instead of blowing up what little there
    is.

    Args:
        curvature: curvature in 1/px.
        weight: px of contour at each pixel, >= 0.
        bins: number of bins; odd, so that a straight line falls on a centre.
        max_curvature: centre of the last bin in 1/px; sharper bends count as this sharp.
        prior_px: length of the even prior in px of contour, > 0.

    Returns:
        One distribution an image.

    Shapes:
        curvature, weight: (b, 1, h, w).
        pdf: (b, bins), > 0, each row sums to 1.

    Example:
        >>> pdf = curvature_pdf(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), bins=5, prior_px=1e-3)
        >>> [round(float(x), 2) for x in pdf[0]]
        [0.0, 0.0, 1.0, 0.0, 0.0]
    """
    b = curvature.shape[0]
    k, mass = curvature.reshape(b, -1), weight.reshape(b, -1)
    position = (k.clamp(-max_curvature, max_curvature) + max_curvature) * ((bins - 1) / (2 * max_curvature))
    lower = position.detach().floor().clamp(max=bins - 2)
    upper_share = mass * (position - lower)
    # One flat index over the batch: only the one-dimensional scatter has a deterministic form on CUDA.
    index = (lower.long() + bins * torch.arange(b, device=k.device)[:, None]).flatten()
    histogram = k.new_full((b * bins,), prior_px / bins)
    histogram = histogram.scatter_add(0, index, (mass - upper_share).flatten())
    histogram = histogram.scatter_add(0, index + 1, upper_share.flatten()).reshape(b, bins)
    return histogram / histogram.sum(1, keepdim=True)


class CurvatureAlignmentLoss(nn.Module):
    """Curvature alignment loss: KL(prediction || truth) of curvature distributions, mean over the images.

    The paper extracts contours, bins their curvature and compares the histograms: that has no gradient, and
    is infinite as soon as one bin of the truth is empty. Mode `level_set` takes the curvature from the
    smoothed field instead (`level_set_curvature`) and a soft histogram with a prior (`curvature_pdf`), the
    same for both sides, so that CAL(x, x) = 0.

    Nothing to compare: an image whose truth has less than `min_contour_px` of contour (no nucleus, or nothing
    but nucleus) counts 0. A prediction without contours on a truth with some is *not* nothing: its
    distribution is the even prior, whose divergence from a real, peaked one is larger than that of any
    plausible prediction. An exactly constant prediction has no gradient here: the region term beside CAL must
    make the first contours appear.

    The distributions know neither where nor how long the contours are: CAL is a companion of a region loss,
    never a loss by itself.

    Args:
        mode: "level_set".
        smoothing_px: standard deviation of the Gaussian in pixels; see `level_set_curvature`.
        bins: number of histogram bins, odd.
        max_curvature: end of the histogram in 1/px; 0.7 holds 98 % of real nuclei's contours at smoothing
            1.5.
        prior_px: even prior in px of contour. Larger is calmer, at the start of a training above all.
        edge_contrast: gradient per pixel at which an edge counts half.
        border_px: frame of the image that is left out, in pixels; None: three standard deviations.
        min_contour_px: contour length of the truth under which an image counts 0, in pixels.
        from_logits: the input is logits, and passes a sigmoid first.

    Raises:
        ValueError: an option has a value outside its range, or prediction and truth differ in shape.

    References:
        Mohammed et al., LoGSAGE, 2025, section 2.3, Eq. 2.

    Example:
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., 10:22, 10:22] = 1
        >>> float(CurvatureAlignmentLoss()(mask, mask))
        0.0
    """

    def __init__(
        self,
        mode: str = "level_set",
        *,
        smoothing_px: float | int = 1.5,
        bins: int = 33,
        max_curvature: float | int = 0.7,
        prior_px: float | int = 30.0,
        edge_contrast: float | int = 0.1,
        border_px: int | None = None,
        min_contour_px: float | int = 1.0,
        from_logits: bool = False,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(
                f"mode {mode!r} of the curvature loss is unknown: choose one of {', '.join(MODES)}"
            )
        for name, value in (
            ("smoothing_px", smoothing_px),
            ("max_curvature", max_curvature),
            ("prior_px", prior_px),
            ("edge_contrast", edge_contrast),
            ("min_contour_px", min_contour_px),
        ):
            if not value > 0:
                raise ValueError(f"{name} {value} of the curvature loss must be greater than 0")
        if bins < 3 or bins % 2 == 0:
            raise ValueError(f"bins {bins} of the curvature loss must be odd, at least 3: 0 needs a centre")
        if border_px is not None and border_px < 0:
            raise ValueError(f"border_px {border_px} of the curvature loss must be 0 or more (pixels)")
        self.mode = mode
        self.smoothing_px = smoothing_px
        self.bins = bins
        self.max_curvature = max_curvature
        self.prior_px = prior_px
        self.edge_contrast = edge_contrast
        self.border_px = border_px
        self.min_contour_px = min_contour_px
        self.from_logits = from_logits

    def forward(
        self, prediction: Float[Tensor, "b 1 h w"], truth: Shaped[Tensor, "b 1 h w"]
    ) -> Float[Tensor, ""]:
        """Return the loss, a scalar >= 0 in float32 (float64 for a float64 prediction).

        Args:
            prediction: probability in [0, 1], or logits with `from_logits`; any floating type.
            truth: mask, 0 or 1, of any type.

        Shapes:
            prediction, truth: (b, 1, h, w).
        """
        if prediction.shape != truth.shape or prediction.ndim != 4 or prediction.shape[1] != 1:
            raise ValueError(
                f"the curvature loss wants prediction and truth of one shape (b, 1, h, w), and got "
                f"{tuple(prediction.shape)} and {tuple(truth.shape)}: pass one channel and its mask"
            )
        with torch.autocast(prediction.device.type, enabled=False):
            probability = _plain(prediction).to(_working_dtype(prediction))
            if self.from_logits:
                probability = torch.sigmoid(probability)
            predicted, _ = self._distribution(probability)
            with torch.no_grad():
                expected, length_px = self._distribution(_plain(truth).to(probability))
            divergence = (predicted * (predicted.log() - expected.log())).sum(1)
            comparable = (length_px >= self.min_contour_px).to(divergence)
            return (divergence * comparable).mean()

    def _distribution(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Return each image's curvature distribution, (b, bins), and contour length in pixels, (b,)."""
        curvature, weight = level_set_curvature(
            field, smoothing_px=self.smoothing_px, edge_contrast=self.edge_contrast, border_px=self.border_px
        )
        pdf = curvature_pdf(
            curvature, weight, bins=self.bins, max_curvature=self.max_curvature, prior_px=self.prior_px
        )
        return pdf, weight.sum((1, 2, 3))
