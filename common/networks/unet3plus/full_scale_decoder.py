"""The decoder of U-Net3+: each of its levels puts together features of all scales."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, cat, nn
from torch.nn import functional

from .activated_convolution import ActivatedConvolution


class FullScaleDecoder(nn.Module):
    """A level hears the encoder at its own and all finer scales, the decoder at all coarser ones.

    Each source is brought to the level's size and, by a convolution, to `branch_features` channels; the
    sources are concatenated and pass another convolution. The coarsest scale has no level of its own: there
    the encoder's features are the decoder's.

    Args:
        encoder_features: widths of the encoder at /1, /2, /4 ...
        branch_features: channels of each source; a level is as many times as wide as there are scales.
        activation: of every convolution.
        dropout: probability in every convolution.
        enlarge_first: coarse sources are enlarged and then convolved, as published. Otherwise they are
            convolved at their own size, which costs 4 to 256 times less for each.

    Shapes:
        input: a list, the i-th (b, encoder_features[i], h / 2^i, w / 2^i).
        output: a list of as many; all but the last have `level_features` channels.

    References:
        Huang et al., UNet 3+: a full-scale connected UNet for medical image segmentation, ICASSP 2020, Eq. 1.
    """

    def __init__(
        self,
        encoder_features: Sequence[int],
        *,
        branch_features: int,
        activation: str = "relu",
        dropout: float = 0.0,
        enlarge_first: bool = False,
    ) -> None:
        super().__init__()
        scales = len(encoder_features)
        self.enlarge_first = enlarge_first
        self.level_features = scales * branch_features

        def convolution(in_channels: int, out_channels: int) -> ActivatedConvolution:
            return ActivatedConvolution(in_channels, out_channels, activation=activation, dropout=dropout)

        def width(source: int, level: int) -> int:
            decoded = level < source < scales - 1
            return self.level_features if decoded else encoder_features[source]

        # branches[level][source], finest first
        self.branches = nn.ModuleList(
            nn.ModuleList(convolution(width(source, level), branch_features) for source in range(scales))
            for level in range(scales - 1)
        )
        self.fusions = nn.ModuleList(
            convolution(self.level_features, self.level_features) for _ in range(scales - 1)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the decoder's features, finest first."""
        sources = list(features)
        levels = zip(self.branches, self.fusions, strict=True)
        for level, (branches, fusion) in reversed(list(enumerate(levels))):
            brought = [
                self._bring(source, branch, finer=level - position)
                for position, (source, branch) in enumerate(zip(sources, branches.children(), strict=True))
            ]
            # From here on coarser and equal sources are the decoder's own.
            sources[level] = fusion(cat(brought, dim=1))
        return sources

    def _bring(self, source: Tensor, branch: nn.Module, *, finer: int) -> Tensor:
        """Return a source's branch at a level's size; `finer`: by how many halvings the source is finer."""
        if finer > 0:
            return branch(functional.max_pool2d(source, 2**finer))
        if finer == 0:
            return branch(source)
        factor = 2**-finer
        return branch(enlarge(source, factor)) if self.enlarge_first else enlarge(branch(source), factor)


def enlarge(features: Tensor, factor: int) -> Tensor:
    """Return features of `factor` times the height and width, interpolated between their pixels' centres."""
    return functional.interpolate(features, scale_factor=float(factor), mode="bilinear", align_corners=False)
