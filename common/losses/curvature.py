"""Curvature alignment loss (CAL): KL divergence of the contour curvatures of prediction and truth."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from .contour_curvature import contour_curvature
from .level_set_curvature import level_set_curvature
from .soft_histogram import curvature_pdf

MODES = ("level_set", "contour")


def _plain(x: Tensor) -> Tensor:
    """Strip MONAI's MetaTensor, whose dispatch would be paid at each of some thirty small operations."""
    return x.as_subclass(Tensor)


class CurvatureAlignmentLoss(nn.Module):
    """Curvature alignment loss: KL(prediction || truth) of curvature distributions, mean over the images.

    The paper extracts contours, bins their curvature and compares the histograms: that has no gradient, and
    is infinite as soon as one bin of the truth is empty. Both modes use a soft histogram with a prior
    (`curvature_pdf`), the same for prediction and truth, so that CAL(x, x) = 0:

    - `level_set` takes the curvature of the smoothed field at every pixel, weighted by closeness to the
      contour (`level_set_curvature`): dense gradients, a fixed cost.
    - `contour` takes it along the contours themselves, as the paper's Eq. 1 does (`contour_curvature`):
      gradients in the pixels beside a contour only, a cost that grows with the length of the contours.

    Nothing to compare: an image whose truth has less than `min_contour_px` of contour (no nucleus, or nothing
    but nucleus) counts 0. A prediction without contours on a truth with some is *not* nothing: its
    distribution is the even prior, whose divergence from a real, peaked one is larger than that of any
    plausible prediction. An exactly constant prediction has no gradient here: the region term beside CAL must
    make the first contours appear.

    The distributions know neither where nor how long the contours are: CAL is a companion of a region loss,
    never a loss by itself.

    Args:
        mode: "level_set" or "contour".
        smoothing_px: standard deviation of the Gaussian in pixels, over the field or along the contour.
        bins: number of histogram bins, odd.
        max_curvature: end of the histogram in 1/px; 0.7 holds 98 % of real nuclei's contours at smoothing
            1.5.
        prior_px: even prior in px of contour. Larger is calmer, at the start of a training above all.
        edge_contrast: gradient per pixel at which an edge of the smoothed field counts half.
        border_px: frame of the image that is left out, in pixels; None: three standard deviations.
        min_contour_px: contour length of the truth under which an image counts 0, in pixels.
        max_points: in `contour`, about how many points an image the curvature is computed at; the rest of a
            longer contour, as noise has it at the start of a training, is represented by them. None: at all.
        from_logits: the input is logits, and passes a sigmoid first.

    Raises:
        ValueError: an option has a value outside its range, or prediction and truth differ in shape.

    References:
        Mohammed et al., LoGSAGE, 2025, section 2.3, Eqs. 1 and 2.

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
        max_points: int | None = 4096,
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
        if max_points is not None and max_points < 1:
            raise ValueError(f"max_points {max_points} of the curvature loss must be 1 or more, or None")
        self.mode = mode
        self.smoothing_px = smoothing_px
        self.bins = bins
        self.max_curvature = max_curvature
        self.prior_px = prior_px
        self.edge_contrast = edge_contrast
        self.border_px = border_px
        self.min_contour_px = min_contour_px
        self.max_points = max_points
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
            probability = _plain(prediction)
            probability = probability if probability.dtype == torch.float64 else probability.float()
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
        common: dict[str, Any] = {
            "smoothing_px": self.smoothing_px,
            "edge_contrast": self.edge_contrast,
            "border_px": self.border_px,
        }
        bins: dict[str, Any] = {
            "bins": self.bins,
            "max_curvature": self.max_curvature,
            "prior_px": self.prior_px,
        }
        if self.mode == "level_set":
            curvature, weight = level_set_curvature(field, **common)
            return curvature_pdf(curvature, weight, **bins), weight.sum((1, 2, 3))
        curvature, weight, image = contour_curvature(field, max_points=self.max_points, **common)
        pdf = curvature_pdf(curvature, weight, image=image, images=len(field), **bins)
        return pdf, weight.new_zeros(len(field)).scatter_add(0, image, weight)
