"""CellViT: a vision transformer as encoder, a U-shaped decoder for each branch, skips at every scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import UnetrBasicBlock, UnetrPrUpBlock, UnetrUpBlock
from torch import Tensor, nn

from ..image_size import check_size
from .vit_encoder import ViTEncoder


class CellViT(nn.Module):
    """Transformer encoder with skips after four blocks; one decoder for nuclei, one for what parts them.

    The last `vector_channels` maps are the second decoder's (horizontal and vertical maps, or offsets to the
    centre), all others the first one's. Both share what brings the encoder's knowledge to each scale. The
    blocks are MONAI's.

    Args:
        in_channels: channels of the image.
        out_channels: maps of both decoders together.
        vector_channels: how many of them are the second decoder's; 0: there is one decoder alone. One map
            alone is always of nuclei, without a second decoder.
        embed_dim: see `ViTEncoder`.
        num_heads: see `ViTEncoder`.
        skip_blocks: the four blocks after which there is a skip, for /2, /4, /8 and /16; the last one is the
            last block.
        features: widths of the decoders at /1, /2, /4 and /8.
        window: see `ViTEncoder`.
        windowed: see `ViTEncoder`.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Hörst et al., CellViT: vision transformers for precise cell segmentation and classification, Medical
        Image Analysis, 2024, after Hatamizadeh et al., UNETR, WACV 2022. Their texts were not at hand.
    """

    ENCODER = ("encoder",)
    divisor = 16
    token_px = 16

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        vector_channels: int = 2,
        embed_dim: int = 192,
        num_heads: int = 6,
        skip_blocks: Sequence[int] = (2, 4, 6, 8),
        features: Sequence[int] = (16, 32, 64, 96),
        window: int = 12,
        windowed: bool = True,
    ) -> None:
        super().__init__()
        for name, numbers in (("skip_blocks", skip_blocks), ("features", features)):
            if len(numbers) != 4:
                raise ValueError(f"{name} are {len(numbers)} numbers, {list(numbers)}: give four")
        if vector_channels < 0:
            raise ValueError(f"vector_channels is {vector_channels}: choose 0 or more")
        vectors = min(vector_channels, out_channels - 1)
        self.encoder = ViTEncoder(
            in_channels,
            embed_dim=embed_dim,
            num_heads=num_heads,
            patch_px=self.token_px,
            returned=skip_blocks,
            window=window,
            windowed=windowed,
        )
        self.detail = UnetrBasicBlock(
            2, in_channels, features[0], kernel_size=3, stride=1, norm_name="batch", res_block=False
        )
        self.skips = nn.ModuleList(
            UnetrPrUpBlock(
                2,
                embed_dim,
                width,
                num_layer=ups,
                kernel_size=3,
                stride=1,
                upsample_kernel_size=2,
                norm_name="batch",
            )
            for width, ups in zip(features[1:], (2, 1, 0), strict=True)
        )
        widths = (embed_dim, *features[::-1])
        self.nuclei = Branch(widths, out_channels - vectors)
        self.vectors = Branch(widths, vectors) if vectors else None

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        *known, deepest = self.encoder(image)
        finer = [self.detail(image), *(skip(x) for skip, x in zip(self.skips, known, strict=True))]
        maps: Tensor = self.nuclei(deepest, finer)
        if self.vectors is not None:
            maps = torch.cat([maps, self.vectors(deepest, finer)], dim=1)
        return maps

    def tokens(self, image: Tensor) -> Tensor:
        """Return what the encoder knows after its last block, normalized, patch by patch.

        Shapes:
            image: as `forward` takes it.
            returns: (b, embed_dim, h / token_px, w / token_px).
        """
        check_size(image, self.divisor)
        deepest: Tensor = self.encoder(image)[-1]
        return deepest


class Branch(nn.Module):
    """A decoder: from the coarsest scale up, at each step joined with the skip of that scale.

    Args:
        widths: from the coarsest scale to the finest.
        out_channels: maps.

    Shapes:
        deepest: (b, widths[0], h / 16, w / 16).
        finer: from the finest scale to the coarsest, (b, widths[-1], h, w) to (b, widths[1], h / 8, w / 8).
        returns: (b, out_channels, h, w).
    """

    def __init__(self, widths: Sequence[int], out_channels: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(
            UnetrUpBlock(
                2, below, width, kernel_size=3, upsample_kernel_size=2, norm_name="batch", res_block=False
            )
            for below, width in zip(widths, widths[1:], strict=False)
        )
        self.head = nn.Conv2d(widths[-1], out_channels, kernel_size=1)

    def forward(self, deepest: Tensor, finer: Sequence[Tensor]) -> Tensor:
        """Return the maps."""
        x = deepest
        for up, skip in zip(self.ups, reversed(finer), strict=True):
            x = up(x, skip)
        maps: Tensor = self.head(x)
        return maps
