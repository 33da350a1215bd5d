"""Maps -> label map by connected components, in torch operations that TorchScript compiles."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .no_type_check import no_type_check
from .tensor_clean import clean_label_tensor, connected_pieces

__all__ = ["ComponentsModule"]


@no_type_check
def opened(mask: Tensor, side_px: int) -> Tensor:
    """Return a mask without what a square does not fit into; beyond the image the mask goes on.

    Args:
        mask: the foreground.
        side_px: side of the square.

    Shapes:
        mask: (h, w) bool.
        returns: (h, w) bool.

    Example:
        >>> opened(torch.tensor([[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0]]).bool(), 3).any().item()
        False
    """
    before = side_px // 2
    after = side_px - 1 - before
    missing = functional.pad((~mask)[None, None].float(), [before, after, before, after])
    kept = 1 - functional.max_pool2d(missing, side_px, stride=1)
    grown = functional.max_pool2d(functional.pad(kept, [after, before, after, before]), side_px, stride=1)
    return grown[0, 0] > 0


class ComponentsModule(nn.Module):
    """`ComponentsDecoder` or `ContourDecoder` on tensors: the same labels, compiled by `torch.jit.script`.

    Made by their `as_module`, whose options it has.

    Args:
        foreground: channel of the foreground's logit.
        logit: logit from which a pixel is foreground.
        contour: channel of the contours' logit; -1: nothing is cut.
        contour_logit: logit from which a pixel is contour.
        opening_px: side of the square by which the foreground is opened; 0 or 1: not at all.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: rounds of growth at the end.

    Shapes:
        maps: (b, k, h, w) float.
        returns: (b, 1, h, w) int32, 0 = background, each image's nuclei 1..N.
    """

    def __init__(
        self,
        *,
        foreground: int,
        logit: float,
        contour: int = -1,
        contour_logit: float = 0.0,
        opening_px: int = 0,
        min_area_px: int,
        grow_px: int,
    ) -> None:
        super().__init__()
        self.foreground, self.logit = foreground, float(logit)
        self.contour, self.contour_logit, self.opening_px = contour, float(contour_logit), opening_px
        self.min_area_px, self.grow_px = math.ceil(min_area_px), grow_px

    @no_type_check
    def forward(self, maps: Tensor) -> Tensor:
        """Return the label maps."""
        return torch.stack([self.decode(each).to(torch.int32) for each in maps.float()])[:, None]

    @no_type_check
    def decode(self, maps: Tensor) -> Tensor:
        """Return the label map of one image, (h, w) int64."""
        mask = maps[self.foreground] > self.logit
        if self.contour >= 0:
            mask = mask & ~(maps[self.contour] > self.contour_logit)
        if self.opening_px > 1:
            mask = opened(mask, self.opening_px)
        labels = torch.where(mask, connected_pieces(mask.long(), False) + 1, 0)
        return clean_label_tensor(labels, self.min_area_px, self.grow_px)
