"""Curvature alignment loss (CAL): KL divergence of the contour curvatures of prediction and truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from .contour_curvature import contour_curvature
from .level_set_curvature import level_set_curvature
from .soft_histogram import curvature_lengths

MODES = ("level_set", "contour")
COMPARED = ("lengths", "shares")


def _plain(x: Tensor) -> Tensor:
    """Strip MONAI's MetaTensor, whose dispatch would be paid at each of some thirty small operations."""
    return x.as_subclass(Tensor)


class CurvatureAlignmentLoss(nn.Module):
    """Curvature alignment loss: KL(prediction || truth) of the curvature of contours, mean over the images.

    The paper extracts contours, bins their curvature and compares the histograms: that has no gradient, and
    is infinite as soon as one bin of the truth is empty. Both modes use a soft histogram with a prior
    (`curvature_lengths`), the same for prediction and truth, so that CAL(x, x) = 0:

    - `level_set` takes the curvature of the smoothed field at every pixel, weighted by closeness to the
      contour (`level_set_curvature`): dense gradients, a fixed cost.
    - `contour` takes it along contours themselves, as the paper's Eq. 1 does (`contour_curvature`): gradients
      in the pixels beside a contour only, a cost that grows with the length of the contours.

    What is compared is how many pixels of contour there are in each bin, p and q, both divided by the truth's
    whole: `sum(p log(p / q) - p + q)`, which is the KL divergence where both have the same length. With the
    shares of Eq. 2, in which each is divided by its own length, the contours along a seam between two nuclei
    that is missing, or in excess, weigh next to nothing, and a seam that begins to open gets closed.
    `CurvatureAlignmentLoss("contour", levels=[0.5], field_smoothing_px=0, compared="shares")` is the letter.

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
        edge_contrast: gradient per pixel at which an edge of the smoothed field counts half. A sharp edge
            has `0.4 / smoothing_px`; near that, shallow seams are pushed to become deep ones.
        border_px: frame of the image that is left out, in pixels; None: three standard deviations.
        min_contour_px: contour length of the truth under which an image counts 0, in pixels.
        max_points: in `contour`, about how many points an image the curvature is computed at; the rest of
            longer contours, as noise has them at the start of a training, is represented by them. None: at
            all.
        levels: in `contour`, the values between 0 and 1 whose contours are traced. At several, a half-open
            seam has contours wherever it stands.
        field_smoothing_px: in `contour`, standard deviation in pixels of the Gaussian over the field before
            contours are traced; 0: none. A straight gap narrower than 1.35 of it closes at 0.5.
        compared: "lengths" or "shares".
        from_logits: the input is logits, and passes a sigmoid first.

    Raises:
        ValueError: an option has a value outside its range, or prediction and truth differ in shape.

    References:
        Mohammed et al., LoGSAGE, 2025, section 2.3, Eqs. 1 and 2.
        Csiszar, Why Least Squares and Maximum Entropy?, Annals of Statistics, 1991 (the divergence of
        histograms that do not sum to 1).

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
        edge_contrast: float | int = 0.2,
        border_px: int | None = None,
        min_contour_px: float | int = 1.0,
        max_points: int | None = 16384,
        levels: Sequence[float] = (0.15, 0.3, 0.5, 0.7, 0.85),
        field_smoothing_px: float | int = 1.0,
        compared: str = "lengths",
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
        if not levels or not all(0 < level < 1 for level in levels):
            raise ValueError(f"levels {list(levels)} of the curvature loss must be numbers between 0 and 1")
        if field_smoothing_px < 0:
            raise ValueError(
                f"field_smoothing_px {field_smoothing_px} of the curvature loss must be 0 or more"
            )
        if compared not in COMPARED:
            raise ValueError(
                f"compared {compared!r} of the curvature loss is unknown: choose one of {', '.join(COMPARED)}"
            )
        self.mode = mode
        self.smoothing_px = smoothing_px
        self.bins = bins
        self.max_curvature = max_curvature
        self.prior_px = prior_px
        self.edge_contrast = edge_contrast
        self.border_px = border_px
        self.min_contour_px = min_contour_px
        self.max_points = max_points
        self.levels = tuple(levels)
        self.field_smoothing_px = field_smoothing_px
        self.compared = compared
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
            predicted, _ = self._lengths(probability)
            with torch.no_grad():
                expected, length_px = self._lengths(_plain(truth).to(probability))
            whole = expected.sum(1, keepdim=True)
            q = expected / whole
            p = predicted / (whole if self.compared == "lengths" else predicted.sum(1, keepdim=True))
            divergence = (p * (p.log() - q.log()) - p + q).sum(1)
            comparable = (length_px >= self.min_contour_px).to(divergence)
            return (divergence * comparable).mean()

    def _lengths(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Return px of contour by curvature with the prior, (b, bins), and without it altogether, (b,)."""
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
            return curvature_lengths(curvature, weight, **bins), weight.sum((1, 2, 3))
        curvature, weight, image = contour_curvature(
            field,
            levels=self.levels,
            field_smoothing_px=self.field_smoothing_px,
            max_points=self.max_points,
            **common,
        )
        lengths = curvature_lengths(curvature, weight, image=image, images=len(field), **bins)
        return lengths, weight.new_zeros(len(field)).scatter_add(0, image, weight)
