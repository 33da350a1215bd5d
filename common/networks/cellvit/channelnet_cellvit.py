"""ChannelNetCellViT: any number of channels -> three maps by ChannelNet -> the maps of CellViT."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..image_size import check_size
from .cellvit import CellViT
from .channel_adapter import ChannelAdapter, repeat_channels
from .channelnet import ChannelNet

FRONTS = ("channelnet", "adapter", "adapter_channelnet")


class ChannelNetCellViT(nn.Module):
    """What makes three maps of an image's channels, and `CellViT` behind it.

    Only with the front `channelnet` is the number of channels free and their order without meaning.

    Args:
        in_channels: channels of the image, or after repeating them; None: any number, which is what
            `channelnet` takes whatever is said here.
        out_channels: maps.
        front: "channelnet"; "adapter", which learns what each channel at its place is good for; or
            "adapter_channelnet", the two one after the other, as published.
        repeat_to: repeat the channels in turn until they are so many, as published; 0: not at all.
        aggregate: see `ChannelNet`.
        channel_features: widths of `ChannelNet`.
        vector_channels: see `CellViT`, as all that follow.
        embed_dim: see `CellViT`.
        num_heads: see `CellViT`.
        skip_blocks: see `CellViT`.
        features: see `CellViT`.
        window: see `CellViT`.
        windowed: see `CellViT`.

    Shapes:
        input: (b, c, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Kontarou and Fredj-Zadoun, Computationally efficient stain agnostic nuclei segmentation, 2025, Fig. 6.
    """

    ENCODER = ("front", "cellvit.encoder")
    divisor, token_px = CellViT.divisor, CellViT.token_px

    def __init__(
        self,
        in_channels: int | None = None,
        out_channels: int = 1,
        *,
        front: str = "channelnet",
        repeat_to: int = 0,
        aggregate: bool = True,
        channel_features: Sequence[int] = (8, 16, 32),
        vector_channels: int = 2,
        embed_dim: int = 192,
        num_heads: int = 6,
        skip_blocks: Sequence[int] = (2, 4, 6, 8),
        features: Sequence[int] = (16, 32, 64, 96),
        window: int = 12,
        windowed: bool = True,
    ) -> None:
        super().__init__()
        if front not in FRONTS:
            raise ValueError(f"front is {front!r}: choose one of {', '.join(FRONTS)}")
        if repeat_to < 0:
            raise ValueError(f"repeat_to is {repeat_to}: choose 0 (not at all) or a number of channels")
        self.repeat_to = repeat_to
        channels = repeat_to or in_channels
        layers: list[nn.Module] = []
        if front != "channelnet":
            if channels is None:
                raise ValueError(
                    f"front {front!r} needs the number of channels: give in_channels, or repeat_to"
                )
            layers.append(ChannelAdapter(channels, 3))
        if front != "adapter":
            layers.append(ChannelNet(None, 3, features=channel_features, aggregate=aggregate))
        self.front = nn.Sequential(*layers)
        self.cellvit = CellViT(
            3,
            out_channels,
            vector_channels=vector_channels,
            embed_dim=embed_dim,
            num_heads=num_heads,
            skip_blocks=skip_blocks,
            features=features,
            window=window,
            windowed=windowed,
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        maps: Tensor = self.cellvit(self._three_maps(image))
        return maps

    def tokens(self, image: Tensor) -> Tensor:
        """Return the tokens of `CellViT`; see there."""
        check_size(image, self.divisor)
        return self.cellvit.tokens(self._three_maps(image))

    def _three_maps(self, image: Tensor) -> Tensor:
        if self.repeat_to:
            image = repeat_channels(image, self.repeat_to)
        maps: Tensor = self.front(image)
        return maps
