"""Closed 0.5 contours of a batch of fields by marching squares, as points that carry the gradient."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

LEVEL = 0.5
SOFT = 0.01  # difference of two pixels below which a crossing's place hardly depends on them any more


class Contours(NamedTuple):
    """All contours of a batch in one list of points; each point knows the next one of its contour.

    Shapes:
        points: (n, 2), row and column in pixels; carries the gradient.
        following: (n,), index of the next point: a permutation whose cycles are the contours.
        image: (n,), number of the image in the batch.
        pixels: (n, 2, 2), row and column of the pixel inside and of the pixel outside; those of the padding
            are -1 and h or w.
    """

    points: Float[Tensor, "n 2"]
    following: Int[Tensor, " n"]
    image: Int[Tensor, " n"]
    pixels: Int[Tensor, "n 2 2"]


def trace_contours(field: Float[Tensor, "b 1 h w"]) -> Contours:
    """Find the lines on which a field is 0.5, the inside always to their left.

    Beyond the image the field counts as 0, so that every contour is closed; the parts along the image's end
    can be told by `pixels`. Which pairs of neighbouring pixels a contour passes between, and in which order,
    has no gradient; where between them it passes has: `t = (0.5 - p0) / (p1 - p0)`. Two nuclei that touch by
    a corner have two contours.

    Args:
        field: probability or mask in [0, 1].

    Shapes:
        field: (b, 1, h, w).

    References:
        Lorensen and Cline, Marching Cubes, SIGGRAPH 1987 (here in two dimensions).

    Example:
        >>> field = torch.zeros(1, 1, 5, 5)
        >>> field[..., 2, 2] = 1
        >>> contours = trace_contours(field)
        >>> contours.points[contours.following[0]].tolist()
        [2.5, 2.0]
    """
    b, _, h, w = field.shape
    flat = functional.pad(field, (1, 1, 1, 1)).flatten()
    row_step, size = w + 2, (h + 2) * (w + 2)
    bright = flat.detach() > LEVEL
    inside, outside = _crossed_pairs(bright, row_step)
    following = _following(bright, inside, outside, row_step)
    p_inside, p_outside = flat[inside], flat[outside]
    contrast = p_inside - p_outside
    # The share of the way from inside to outside: (p_inside - 0.5) / contrast, written around the middle so
    # that it tends to 1/2, with a bounded derivative, where two pixels hardly differ.
    middle = (p_inside + p_outside) / 2
    share = 0.5 + (middle - LEVEL) * contrast / (contrast * contrast + SOFT**2)
    pixels = torch.stack([_place(inside % size, row_step), _place(outside % size, row_step)], dim=1)
    start, end = pixels.to(flat.dtype).unbind(1)
    points = start + share[:, None] * (end - start)
    return Contours(points, following, inside.div(size, rounding_mode="floor"), pixels)


def _place(pixel: Tensor, row_step: int) -> Tensor:
    """Return row and column, (n, 2), of pixels of a padded image; without the padding."""
    row = pixel.div(row_step, rounding_mode="floor")
    return torch.stack([row - 1, pixel - row * row_step - 1], dim=1)


def _crossed_pairs(bright: Bool[Tensor, " pixels"], row_step: int) -> tuple[Tensor, Tensor]:
    """Return the inner and the outer pixel of every neighbouring pair that a contour passes between.

    Neighbours along a row first. Padding separates rows and images, so one flat difference serves them all.
    """
    pairs = []
    for step in (1, row_step):
        first = (bright[:-step] != bright[step:]).nonzero()[:, 0]
        pairs.append(torch.stack([first, first + step]))
    first, second = torch.cat(pairs, dim=1)
    is_first = bright[first]
    return torch.where(is_first, first, second), torch.where(is_first, second, first)


def _following(bright: Tensor, inside: Tensor, outside: Tensor, row_step: int) -> Tensor:
    """Return for each crossed pair the one that the contour passes next, the inside to its left."""
    across = outside - inside
    # "Inside to outside" turned left: right -> up, down -> right, left -> down, up -> left.
    ahead = torch.where(across.abs() == 1, -across * row_step, across.div(row_step, rounding_mode="trunc"))
    left, right = inside + ahead, outside + ahead
    turn_left, turn_right = ~bright[left], bright[left] & bright[right]
    next_inside = torch.where(turn_left, inside, torch.where(turn_right, right, left))
    next_outside = torch.where(turn_left, left, torch.where(turn_right, outside, right))
    # A pair is known by its first pixel and its direction; only places of crossed pairs are ever read.
    number = inside.new_empty(2 * bright.numel())
    number[_pair_key(inside, outside)] = torch.arange(len(inside), device=inside.device)
    return number[_pair_key(next_inside, next_outside)]


def _pair_key(inside: Tensor, outside: Tensor) -> Tensor:
    return 2 * torch.minimum(inside, outside) + ((inside - outside).abs() > 1)
