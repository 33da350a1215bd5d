"""Nuclei drawn as discs, and what segmentations do to them: masks (1, 1, height, width) for tests."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

SIZE = 96


def disc(radius: float, row: float = 48.0, column: float = 48.0, size: int = SIZE) -> Tensor:
    """A sharp disc."""
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
    return max_pool2d(mask, 3, stride=1, padding=1)


def merged(mask: Tensor, reach: int) -> Tensor:
    """The mask with gaps of up to about 2 * reach pixels filled (a closing), outlines kept."""
    width = 2 * reach + 1
    return -max_pool2d(-max_pool2d(mask, width, stride=1, padding=reach), width, stride=1, padding=reach)
