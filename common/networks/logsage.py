"""LoGSAGE: a Swin Transformer on the image and a U-Net encoder on its LoG saliency, fused at every scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets.basic_unet import Down, TwoConv, UpCat
from monai.networks.nets.swin_unetr import SwinTransformer
from torch import Tensor, nn

from .image_size import check_size
from .log_filter import LoGFilter


class LoGSAGE(nn.Module):
    """LoG-based saliency for guided encoding: two encoders, fusion, U-Net decoder, 1x1 head.

    The Swin encoder gives features at /4, /8, ... ; the saliency encoder at /1, /2, /4, ... They are fused at
    each scale that both have by concatenation and a 1x1 convolution. The image is the only input: the LoG is
    computed inside.

    Args:
        in_channels: channels of the image.
        out_channels: maps of the head.
        sigmas: LoG scales in pixels; 9 is the paper's best and answers to a radius of 12.7 px. None together
            with `see_image` makes a plain U-Net encoder.
        see_image: give the saliency encoder the image beside its LoG. The LoG at sigma 9 has no trace of the
            outline left, and Swin starts at /4, so without the image nothing sees fine outlines. False = the
            paper.
        use_saliency: False leaves the saliency encoder out: Swin alone, the paper's baseline.
        saliency_features: widths of the saliency encoder and decoder at /1, /2, /4 ...: three more than Swin
            has stages.
        embed_dim: width of the first Swin stage; it doubles at each stage (Swin-T: 96).
        depths: blocks of each Swin stage (Swin-T: 2, 2, 6, 2).
        num_heads: attention heads of each stage.
        window_size: attention window in tokens.
        dropout: probability in convolution blocks.
        drop_path_rate: stochastic depth of Swin.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: widths and depths do not fit together, or the image does not fit the network.

    References:
        Mohammed et al., LoGSAGE, 2025, section 2.2 and Fig. 2.
    """

    PATCH = 4
    ENCODER = ("swin", "stem", "down")

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        sigmas: Sequence[float] = (9,),
        see_image: bool = True,
        use_saliency: bool = True,
        saliency_features: Sequence[int] = (16, 32, 64, 128, 160, 192),
        embed_dim: int = 48,
        depths: Sequence[int] = (2, 2, 2),
        num_heads: Sequence[int] = (3, 6, 12),
        window_size: int = 8,
        dropout: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        scales = len(depths) + 3  # /1, /2, then Swin's /4 and one more a stage
        if len(saliency_features) != scales or len(num_heads) != len(depths):
            raise ValueError(
                f"{len(depths)} Swin stages need {scales} saliency_features and {len(depths)} num_heads, "
                f"got {len(saliency_features)} and {len(num_heads)}"
            )
        self.divisor = 2 ** (scales - 1)
        self.in_channels = in_channels
        features = list(saliency_features)
        norm: tuple[str, dict[str, Any]] = ("batch", {})
        act = ("relu", {"inplace": True})

        self.swin = _swin(in_channels, embed_dim, depths, num_heads, window_size, drop_path_rate)
        self.see_image = see_image
        self.log = LoGFilter(sigmas) if sigmas and use_saliency else None
        self.stem: nn.Module | None = None
        self.down = nn.ModuleList()
        if use_saliency:
            seen = in_channels * (len(sigmas) + see_image)
            if not seen:
                raise ValueError("the saliency encoder sees nothing: give sigmas, or see_image true")
            self.stem = TwoConv(2, seen, features[0], act, norm, False, dropout)
            self.down.extend(
                Down(2, features[i - 1], features[i], act, norm, False, dropout) for i in range(1, scales)
            )
        self.fuse = nn.ModuleList(
            Convolution(
                2,
                features[i] * use_saliency + embed_dim * 2 ** (i - 2),
                features[i],
                kernel_size=1,
                act=act,
                norm=norm,
                bias=False,
            )
            for i in range(2, scales)
        )
        # Swin alone has nothing to hand over at /1 and /2.
        skips = [features[i] if use_saliency or i >= 2 else 0 for i in range(scales)]
        self.up = nn.ModuleList(
            UpCat(2, features[i], skips[i - 1], features[i - 1], act, norm, False, dropout, is_pad=False)
            for i in range(scales - 1, 0, -1)
        )
        self.head = nn.Conv2d(features[0], out_channels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        saliency = self._saliency(image)
        features: list[Tensor | None] = [*saliency[:2]]
        for fuse, context, salient in zip(self.fuse, self.swin(image), saliency[2:], strict=False):
            features.append(fuse(context if salient is None else torch.cat([salient, context], dim=1)))
        x = features.pop()
        for up in self.up:
            x = up(x, features.pop())
        return self.head(x)

    def _saliency(self, image: Tensor) -> list[Tensor | None]:
        """Return the saliency encoder's features at /1, /2, ...; None for each scale where there is none."""
        if self.stem is None:
            return [None] * (len(self.fuse) + 2)
        seen = [image] if self.see_image else []
        if self.log is not None:
            seen.append(self.log(image))
        features = [self.stem(torch.cat(seen, dim=1))]
        for down in self.down:
            features.append(down(features[-1]))
        return features


def _swin(
    in_channels: int,
    embed_dim: int,
    depths: Sequence[int],
    num_heads: Sequence[int],
    window_size: int,
    drop_path_rate: float,
) -> SwinTransformer:
    """Build MONAI's Swin with three or four stages."""
    if len(depths) not in (3, 4):
        raise ValueError(f"depths {list(depths)} has {len(depths)} stages: MONAI's Swin takes 3 or 4")
    missing = 4 - len(depths)
    swin = SwinTransformer(
        in_chans=in_channels,
        embed_dim=embed_dim,
        window_size=(window_size, window_size),
        patch_size=(LoGSAGE.PATCH, LoGSAGE.PATCH),
        depths=[*depths, *[1] * missing],
        num_heads=[*num_heads, *[1] * missing],
        drop_path_rate=drop_path_rate,
        spatial_dims=2,
    )
    if missing:
        # MONAI always builds a fourth stage, whose only output is /64: half the weights for a scale at which
        # a nucleus is less than a pixel.
        swin.layers4 = nn.ModuleList([nn.Identity()])
    return swin
