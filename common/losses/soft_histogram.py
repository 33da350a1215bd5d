"""Curvatures and their weights -> one differentiable histogram an image: lengths, or their shares."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


def curvature_lengths(
    curvature: Float[Tensor, " b *places"],
    weight: Float[Tensor, " b *places"],
    *,
    image: Int[Tensor, " b"] | None = None,
    images: int | None = None,
    bins: int = 33,
    max_curvature: float | int = 0.7,
    prior_px: float | int = 30.0,
) -> Float[Tensor, "images bins"]:
    """Return how many pixels of contour each image has in each bin of curvature.

    Linear binning: each place shares its weight between the two nearest bin centres. `prior_px` pixels of
    contour are added, spread evenly over the bins: no bin is empty.

    Args:
        curvature: curvature in 1/px.
        weight: px of contour at each place, >= 0.
        image: number of the image that each row belongs to, from 0; None: one row an image.
        images: number of images, where `image` is given: the last ones may have no row.
        bins: number of bins; odd, so that a straight line falls on a centre.
        max_curvature: centre of the last bin in 1/px; sharper bends count as this sharp.
        prior_px: length of the even prior in px of contour, > 0.

    Returns:
        One histogram an image.

    Shapes:
        curvature, weight: (b, ...): maps (b, 1, h, w), or points (b,) with their `image`.
        image: (b,), integers from 0.
        lengths: (images, bins), px, > 0.

    Example:
        >>> lengths = curvature_lengths(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), bins=5, prior_px=5)
        >>> lengths[0].tolist()
        [1.0, 1.0, 65.0, 1.0, 1.0]
    """
    b = curvature.shape[0]
    if image is None:
        image = torch.arange(b, device=curvature.device)
    count = b if images is None else images
    # Not reshape(b, -1), whose -1 has no answer where there is no point at all.
    places = curvature[0].numel() if b else 1
    k, mass = curvature.reshape(b, places), weight.reshape(b, places)
    position = (k.clamp(-max_curvature, max_curvature) + max_curvature) * ((bins - 1) / (2 * max_curvature))
    # NaN goes on to the result, but never into an index, which would end the process on CUDA.
    lower = position.detach().floor().nan_to_num(0).clamp(max=bins - 2)
    upper_share = mass * (position - lower)
    # One flat index over the batch: only the one-dimensional scatter has a deterministic form on CUDA.
    index = (lower.long() + bins * image[:, None]).flatten()
    histogram = k.new_full((count * bins,), prior_px / bins)
    histogram = histogram.scatter_add(0, index, (mass - upper_share).flatten())
    return histogram.scatter_add(0, index + 1, upper_share.flatten()).reshape(count, bins)


def curvature_pdf(
    curvature: Float[Tensor, " b *places"], weight: Float[Tensor, " b *places"], **options: Any
) -> Float[Tensor, "images bins"]:
    """Return the distribution of curvature along the contours of each image: its lengths, as shares.

    An image with next to no contour tends to the uniform distribution of the prior, instead of blowing up
    what little there is.

    Args:
        curvature: curvature in 1/px.
        weight: px of contour at each place, >= 0.
        options: those of `curvature_lengths`.

    Shapes:
        curvature, weight: (b, ...), as in `curvature_lengths`.
        pdf: (images, bins), > 0, each row sums to 1.

    Example:
        >>> pdf = curvature_pdf(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), bins=5, prior_px=1e-3)
        >>> [round(float(x), 2) for x in pdf[0]]
        [0.0, 0.0, 1.0, 0.0, 0.0]
    """
    lengths = curvature_lengths(curvature, weight, **options)
    return lengths / lengths.sum(1, keepdim=True)
