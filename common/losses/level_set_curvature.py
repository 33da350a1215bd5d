"""Curvature of a field's level lines, pixel by pixel, and how much each pixel belongs to the 0.5 contour."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from .gaussian_matrix import gaussian_matrix

TINY = 1e-6  # under the square root of the squared gradient: its derivative at 0 would be infinite


def level_set_curvature(
    field: Float[Tensor, "b 1 h w"],
    *,
    smoothing_px: float | int = 1.5,
    edge_contrast: float | int = 0.2,
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
        field = field if field.dtype == torch.float64 else field.float()  # half precision drowns differences
        rows, columns = gaussian_matrix(h, smoothing_px, field), gaussian_matrix(w, smoothing_px, field)
        phi = rows @ field @ columns.T  # one pixel larger on every side, for the differences below
        centre = phi[..., 1:-1, 1:-1]
        above, below = phi[..., :-2, 1:-1], phi[..., 2:, 1:-1]
        left, right = phi[..., 1:-1, :-2], phi[..., 1:-1, 2:]
        # Differences over two pixels, so all first derivatives are doubled: the factors cancel below.
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
