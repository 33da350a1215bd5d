"""Curvature at the points of a field's contours, by Gaussian derivatives of their coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .contours import LEVEL, Contours, trace_contours
from .gaussian_matrix import gaussian_matrix

HALF_WINDOW = 4.5  # in standard deviations: the window of 9 sigma of the paper
POINTS_PER_PX = 4 / math.pi  # grid lines that a contour crosses, averaged over its directions
TINY = 1e-6  # beside the squared speed: a speck that the Gaussian shrinks to a point has none
GOLDEN = 2654435769  # 2^32 by the golden ratio: its multiples modulo 2^32 are spread evenly


def contour_curvature(
    field: Float[Tensor, "b 1 h w"],
    *,
    smoothing_px: float | int = 1.5,
    field_smoothing_px: float | int = 0,
    levels: Sequence[float] = (LEVEL,),
    edge_contrast: float | int = 0.2,
    border_px: int | None = None,
    max_points: int | None = None,
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Return the curvature at points of the contours, the length each stands for, and its image.

    `curvature = (dx ddy - dy ddx) / (dx^2 + dy^2)^(3/2)`, with Gaussian derivatives along the closed contour:
    +1/r on a bright disc of radius r, -1/r around a hole. The formula does not mind that the points of
    marching squares are not evenly spaced. The length is the speed `(dx^2 + dy^2)^(1/2)`, in px a point,
    times `|grad|^2 / (|grad|^2 + edge_contrast^2)` of the field after Gaussian smoothing, as in
    `level_set_curvature`: it fades out the faint ripples of a prediction that is still nearly constant.

    Args:
        field: probability or mask in [0, 1]; float32 or float64.
        smoothing_px: standard deviation of the Gaussian along the contour in pixels, > 0; a pixel is taken as
            4 / pi points. Curvatures beyond about 1 / smoothing_px are flattened.
        field_smoothing_px: standard deviation in pixels of a Gaussian over the field, before contours are
            traced; 0: none. Where a field hardly differs from a level, noise decides where its contour runs.
        levels: values between 0 and 1 whose contours are traced, the length of each by their number. With
            0.5 alone, a seam that is filled above it has no contour that could be drawn apart.
        edge_contrast: gradient per pixel, of the smoothed field, at which an edge counts half. A sharp edge
            has `0.4 / smoothing_px`.
        border_px: width of the frame in which points have no weight, because the image's end closes the
            contours there; None takes three standard deviations.
        max_points: points an image, of all levels, at which curvature is computed, about; None: at all. Where
            there are more, an evenly spread part of them stands for the rest. The contours stay whole.

    Shapes:
        field: (b, 1, h, w), [0, 1].
        curvature: (n,), any real value; n = 0 where there is no contour.
        weight: (n,), px of contour, >= 0.
        image: (n,), number of the image in the batch.

    References:
        Mohammed et al., LoGSAGE, 2025, Eq. 1.

    Example:
        >>> row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        >>> disc = ((row - 31) ** 2 + (column - 31) ** 2 < 100).float()[None, None]
        >>> curvature, weight, _ = contour_curvature(disc)
        >>> round(float((curvature * weight).sum() / weight.sum()), 2)
        0.1
    """
    with torch.autocast(field.device.type, enabled=False):
        # Half precision knows places in an image of 256 px to 1/8 px: too coarse.
        field = field if field.dtype == torch.float64 else field.float()
        # The contour at a level is that at 0.5 of the field moved so far: one search finds all.
        smooth = _smoothed(field, field_smoothing_px)[..., 1:-1, 1:-1] if field_smoothing_px else field
        contours = trace_contours(torch.cat([smooth + (LEVEL - level) for level in levels]))
        chosen, stands_for = _sample(contours, len(field), len(levels), max_points)
        curvature, speed = curvature_at(contours, chosen, smoothing_px=smoothing_px)
        frame = math.ceil(3 * smoothing_px) if border_px is None else border_px
        pixels = contours.pixels[chosen]
        last = torch.tensor(field.shape[2:], device=field.device) - 1
        inside = ((pixels >= frame) & (pixels <= last - frame)).flatten(1).all(1)
        image = contours.image[chosen] % max(len(field), 1)
        steepness = _squared_gradient(field, image, pixels[:, 0], smoothing_px)
        share = steepness / (steepness + edge_contrast**2)
        return curvature, speed * share * (stands_for * inside / len(levels)), image


def curvature_at(
    contours: Contours, chosen: Int[Tensor, " m"], *, smoothing_px: float | int
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Return curvature (1/px) and speed (px a point) at chosen points of contours.

    Args:
        contours: from `trace_contours`.
        chosen: indices of points.
        smoothing_px: standard deviation of the Gaussian in pixels.

    Shapes:
        chosen, curvature, speed: (m,).
    """
    first, second = _derivative_kernels(smoothing_px * POINTS_PER_PX, contours.points)
    window = _window(contours.following, chosen, len(first) // 2)
    # One gather of each coordinate and one product for both derivatives: (2, window) x (window, m).
    kernels = torch.stack([first, second])
    (d_row, dd_row), (d_column, dd_column) = (
        kernels @ coordinate.index_select(0, window.flatten()).reshape(window.shape)
        for coordinate in contours.points.unbind(1)
    )
    squared = d_row * d_row + d_column * d_column
    root = torch.sqrt(squared + TINY)
    # Rows point down and the inside is to the left: this order makes a bright disc positive.
    curvature = (d_row * dd_column - d_column * dd_row) / root**3
    return curvature, squared / root


def _derivative_kernels(sigma: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights of the points -n to n for the first and the second derivative, exact on parabolas."""
    reach = math.ceil(HALF_WINDOW * sigma)
    k = torch.arange(-reach, reach + 1, dtype=torch.float64)
    gauss = torch.exp(-0.5 * (k / sigma) ** 2)
    gauss = gauss / gauss.sum()
    first = k * gauss
    second = (k**2 / sigma**2 - 1) * gauss
    second = second - second.sum() * gauss
    first, second = first / (first * k).sum(), second / (second * k**2 / 2).sum()
    return first.to(like), second.to(like)


def _window(following: Tensor, chosen: Tensor, reach: int) -> Tensor:
    """Return the indices of the `reach` points before, at and after each chosen one, (2 * reach + 1, m).

    Walking along all contours at once needs one step a neighbour, whatever their number and length; a contour
    that is shorter than the window is gone around several times.
    """
    before = torch.empty_like(following)
    before[following] = torch.arange(len(following), device=following.device)
    window = following.new_empty(2 * reach + 1, len(chosen))
    window[reach] = chosen
    for step in range(1, reach + 1):
        window[reach + step] = following.index_select(0, window[reach + step - 1])
        window[reach - step] = before.index_select(0, window[reach - step + 1])
    return window


def _smoothed(field: Tensor, sigma: float | int) -> Tensor:
    """Return the field after Gaussian smoothing, one pixel larger on every side."""
    h, w = field.shape[2:]
    return gaussian_matrix(h, sigma, field) @ field @ gaussian_matrix(w, sigma, field).T


def _squared_gradient(field: Tensor, image: Tensor, pixel: Tensor, smoothing_px: float | int) -> Tensor:
    """Return the squared gradient of the smoothed field at pixels (row, column) of images."""
    h, w = field.shape[2:]
    flat = _smoothed(field, smoothing_px).flatten()
    step = w + 2
    place = (image * (h + 2) + pixel[:, 0] + 1) * step + pixel[:, 1] + 1
    d_row, d_column = flat[place + step] - flat[place - step], flat[place + 1] - flat[place - 1]
    return (d_row * d_row + d_column * d_column) / 4


def _sample(contours: Contours, images: int, levels: int, max_points: int | None) -> tuple[Tensor, Tensor]:
    """Return the indices of points to evaluate and how many points each stands for."""
    field, pixels = contours.image, contours.pixels
    index = torch.arange(len(field), device=field.device)
    if max_points is None or len(field) <= max_points:
        return index, contours.points.new_ones(len(field))
    image = field % images
    part = max_points / torch.bincount(image, minlength=images).clamp(min=max_points)
    # The list has the points along rows of all fields, then those along columns. Counting from the start of
    # a field's own points makes its choice independent of the rest of the batch.
    group = field + images * levels * (pixels[:, 0, 0] != pixels[:, 1, 0])
    sizes = torch.bincount(group, minlength=2 * images * levels)
    rank = index - (sizes.cumsum(0) - sizes)[group]
    # Every second point would be all left sides of nuclei: left and right alternate along rows.
    chosen = (rank * GOLDEN % 2**32 < part[image] * 2**32).nonzero()[:, 0]
    return chosen, (1 / part[image[chosen]]).to(contours.points)
