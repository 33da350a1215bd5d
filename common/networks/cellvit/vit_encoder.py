"""ViTEncoder: an image in patches through transformer blocks, in windows or all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.networks.blocks.transformerblock import TransformerBlock
from torch import Tensor, nn
from torch.nn import functional

_Count = Any  # a whole number, and a tensor of one while torch traces the network


class ViTEncoder(nn.Module):
    """A plain vision transformer that returns what it knows after some of its blocks, as maps.

    In windows each patch attends to those of its window, a square of so many patches that begins at a
    multiple of its side: windows look as training crops of their size do, positions included, and time grows
    with the image's area, not with its square. All at once each patch attends to the whole image, and the
    positions learnt are stretched over it.

    Args:
        in_channels: channels of the image.
        embed_dim: width of a patch's description.
        num_heads: of the attention.
        patch_px: side of a patch.
        returned: after which blocks to return, counted from 1, ascending; the last one is the last block.
        window: side of a window in patches, and of the grid of positions.
        windowed: attention in windows.
        mlp_ratio: width of each block's hidden layer, in units of `embed_dim`.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `patch_px`.
        returns: a list of (b, embed_dim, h / patch_px, w / patch_px), one for each of `returned`.

    Raises:
        ValueError: the options fit no such network.

    References:
        Dosovitskiy et al., An image is worth 16 x 16 words, ICLR 2021. Windows: Li, Mao, Girshick and He,
        Exploring plain vision transformer backbones for object detection, ECCV 2022.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        embed_dim: int = 192,
        num_heads: int = 6,
        patch_px: int = 16,
        returned: Sequence[int] = (2, 4, 6, 8),
        window: int = 12,
        windowed: bool = True,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        if list(returned) != sorted(set(returned)) or not returned or returned[0] < 1:
            raise ValueError(f"the blocks {list(returned)} must ascend from 1 or more, such as 2, 4, 6, 8")
        if window < 1:
            raise ValueError(f"window is {window}: choose 1 or more (patches)")
        self.returned, self.window, self.windowed = tuple(returned), window, windowed
        self.patches = nn.Conv2d(in_channels, embed_dim, kernel_size=patch_px, stride=patch_px)
        self.positions = nn.Parameter(torch.empty(1, embed_dim, window, window))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                embed_dim, mlp_ratio * embed_dim, num_heads, qkv_bias=True, use_flash_attention=True
            )
            for _ in range(returned[-1])
        )
        for block in self.blocks:
            block.norm_cross_attn = nn.Identity()  # MONAI makes it though there is no cross attention
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps of an image after the blocks asked for."""
        patches = self.patches(image)
        height, width = patches.shape[2:]
        side = self.window
        if self.windowed:
            # The last windows may reach beyond the image: what they lack is the image's edge again.
            pad = (0, -width % side, 0, -height % side)
            patches = functional.pad(patches, pad, mode="replicate") if any(pad) else patches
            rows, columns = patches.shape[2] // side, patches.shape[3] // side
            patches = patches + self.positions.repeat(1, 1, rows, columns)
        else:
            rows, columns = 1, 1
            patches = patches + self._stretched(height, width)
        tokens = _in_windows(patches, rows, columns)
        found = []
        for number, block in enumerate(self.blocks, 1):
            tokens = block(tokens)
            if number in self.returned:
                known = self.norm(tokens) if number == len(self.blocks) else tokens
                found.append(_from_windows(known, patches, rows, columns)[..., :height, :width])
        return found

    def _stretched(self, height: int, width: int) -> Tensor:
        if (height, width) == self.positions.shape[2:]:
            return self.positions
        return functional.interpolate(self.positions, size=(height, width), mode="bicubic")


def _in_windows(patches: Tensor, rows: _Count, columns: _Count) -> Tensor:
    """Turn maps (b, d, h, w) into sequences of tokens, one a window: (b * rows * columns, n, d)."""
    b, d, h, w = patches.shape
    split = patches.reshape(b, d, rows, h // rows, columns, w // columns)
    return split.permute(0, 2, 4, 3, 5, 1).reshape(b * rows * columns, -1, d)


def _from_windows(tokens: Tensor, like: Tensor, rows: _Count, columns: _Count) -> Tensor:
    """Undo `_in_windows`."""
    b, d, h, w = like.shape
    split = tokens.reshape(b, rows, columns, h // rows, w // columns, d)
    return split.permute(0, 5, 1, 3, 2, 4).reshape(b, d, h, w)
