"""FusedUNet3Plus: a U-Net3+ whose coarsest features are joined with those of a frozen foundation model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, cat, nn
from torch.nn import functional

from .activated_convolution import ActivatedConvolution, matched_width
from .enhanced_fusion import ATTENTIONS, EnhancedFusion
from .unet3plus import UNet3Plus

FUSIONS = (*ATTENTIONS, "concat")


@runtime_checkable
class Foundation(Protocol):
    """A frozen model: image -> features.

    Attributes:
        in_channels: channels of its image; None: any number.
        features: channels of its features.
        digest: bytes that tell it from others.
    """

    in_channels: int | None
    features: int
    digest: bytes

    def __call__(self, image: Tensor, *, keep: bool = False) -> Tensor:
        """Return the features (b, features, h', w') of images; `keep`: the same will be asked again."""


class FusedUNet3Plus(UNet3Plus):
    """The eU-Net3+ fused with SAM, or with any other frozen model that tells more of an image.

    The frozen model is no part of the network: neither of its parameters nor of its state dict, which has its
    digest instead, so that weights are not run beside another model than they were trained with.

    Args:
        in_channels: channels of the image.
        out_channels: maps of each head.
        foundation: the frozen model, such as `common.foundation.FrozenSAM`; None: none, a plain `UNet3Plus`.
        fusion: "cross" or "self", see `EnhancedFusion`; "concat": without that block, both kinds of features
            side by side through a convolution.
        window: side of the block's windows at the coarsest scale; times `divisor` it is best the training
            crops' side.
        num_heads: of the block's attention.
        dropout: probability in every convolution, and in the block.
        features: see `UNet3Plus`, as are all that follow.
        branch_features: see there.
        activation: see there.
        deep_supervision: see there.
        enlarge_first: see there.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        features: (b, foundation.features, h', w'), the foundation model's for this image, where they are
            known already; brought to the coarsest scale.
        output: see `UNet3Plus`.

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Swain, Cheoi and Ko, Enhancing nuclei segmentation in histology images by effectively merging
        task-specific and foundation models, Journal of Multimedia Information System, 2024, section III.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        foundation: Foundation | None = None,
        fusion: str = "cross",
        window: int = 8,
        num_heads: int = 4,
        dropout: float = 0.0,
        features: Sequence[int] = (16, 32, 64, 128, 256),
        branch_features: int = 16,
        activation: str = "glu",
        deep_supervision: bool = False,
        enlarge_first: bool = False,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            features=features,
            branch_features=branch_features,
            activation=activation,
            deep_supervision=deep_supervision,
            dropout=dropout,
            enlarge_first=enlarge_first,
        )
        if fusion not in FUSIONS:
            raise ValueError(f"fusion {fusion!r} is unknown: choose one of {', '.join(FUSIONS)}")
        self.foundation = foundation
        self.fusion: nn.Module | None = None
        if foundation is None:
            return
        if foundation.in_channels not in (None, in_channels):
            raise ValueError(
                f"in_channels is {in_channels}, and the foundation model sees {foundation.in_channels}: give "
                f"it images of {foundation.in_channels} channels, or set foundation to null"
            )
        width = matched_width(features[-1], activation)
        if fusion == "concat":
            self.fusion = ActivatedConvolution(
                width + foundation.features, width, activation=activation, dropout=dropout
            )
        else:
            self.fusion = EnhancedFusion(
                width,
                foundation.features,
                attention=fusion,
                window=window,
                num_heads=num_heads,
                dropout=dropout,
            )

    def forward(self, image: Tensor, features: Tensor | None = None) -> Tensor:
        """Return the maps of an image, and in training those of the side heads, if there are any."""
        levels = self.features_of(image)
        if self.foundation is not None and self.fusion is not None:
            if features is None:
                # Training crops never come again.
                features = self.foundation(image, keep=not self.training)
            local = levels[-1]
            known = features.to(local)
            if known.shape[2:] != local.shape[2:]:
                known = functional.interpolate(
                    known, size=local.shape[2:], mode="bilinear", align_corners=False
                )
            if isinstance(self.fusion, EnhancedFusion):
                levels[-1] = self.fusion(local, known)
            else:
                levels[-1] = self.fusion(cat([local, known], dim=1))
        return self.maps_of(levels)

    def get_extra_state(self) -> Tensor:
        """Return what the state dict says of the foundation model: its digest, as bytes."""
        digest = b"" if self.foundation is None else self.foundation.digest
        return torch.tensor(list(digest), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuse weights that were trained beside another foundation model."""
        if not torch.equal(state.cpu(), self.get_extra_state()):
            raise ValueError(
                "these weights were trained with the features of another foundation model (another size of "
                "SAM, or other weights): give --sam_weights as in their training, see train.json beside them"
            )
