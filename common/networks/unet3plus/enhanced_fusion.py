"""The enhanced fusion block: what a network knows of an image, joined with what a foundation model knows."""

from __future__ import annotations

from torch import Tensor, cat, nn
from torch.nn import functional

ATTENTIONS = ("cross", "self")


class EnhancedFusion(nn.Module):
    """Gated squeeze-and-excitation of both kinds of features, a gated unit, then attention.

    Everything happens in windows: the means of the excitation and the places that attention looks at are
    those of a square of so many features, which begins at a multiple of its side. So the block sees in a
    whole image what it saw in training crops of a window's size, and time grows with the image's area, not
    with its square. The result is added to the network's features.

    The paper calls the attention a cross-attention and describes a self-attention: both are here.

    Args:
        local_features: channels of the network's features.
        foundation_features: channels of the foundation model's.
        attention: "cross": queries are of the network's features, keys and values of the foundation model's;
            "self": all three are of both together.
        window: side of a window, in features.
        num_heads: of the attention.
        reduction: how many times narrower the excitation is in its middle.
        dropout: probability, of the features that attention gives.

    Shapes:
        local: (b, local_features, h, w).
        foundation: (b, foundation_features, h, w).
        returns: (b, local_features, h, w).

    Raises:
        ValueError: the options fit no such block.

    References:
        Swain, Cheoi and Ko, Enhancing nuclei segmentation in histology images by effectively merging
        task-specific and foundation models, Journal of Multimedia Information System, 2024, section III
        (enhanced fusion block). Hu, Shen and Sun, Squeeze-and-excitation networks, CVPR 2018, Eqs. 2 to 4.
    """

    def __init__(
        self,
        local_features: int,
        foundation_features: int,
        *,
        attention: str = "cross",
        window: int = 8,
        num_heads: int = 4,
        reduction: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if attention not in ATTENTIONS:
            raise ValueError(f"attention {attention!r} is unknown: choose {' or '.join(ATTENTIONS)}")
        if window < 1:
            raise ValueError(f"window is {window}: choose 1 or more (features)")
        if num_heads < 1 or local_features % num_heads:
            raise ValueError(
                f"{local_features} channels cannot be shared among {num_heads} heads: choose a number that "
                "divides them"
            )
        self.attention, self.window, self.num_heads = attention, window, num_heads
        self.local_norm = nn.LayerNorm(local_features)
        self.foundation_norm = nn.LayerNorm(foundation_features)
        self.project = nn.Linear(foundation_features, local_features)
        self.excitation = GatedExcitation(2 * local_features, reduction=reduction)
        cross = attention == "cross"
        width = local_features if cross else 2 * local_features
        self.query_unit = GatedUnit(width, local_features)
        self.value_unit = GatedUnit(width, local_features) if cross else self.query_unit
        self.query = nn.Linear(local_features, local_features, bias=False)
        self.key_value = nn.Linear(local_features, 2 * local_features, bias=False)
        self.out = nn.Linear(local_features, local_features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, local: Tensor, foundation: Tensor) -> Tensor:
        """Return the joined features."""
        height, width = local.shape[2:]
        both = []
        for features in (local, foundation):
            # The last windows may reach beyond the image: what they lack is the image's edge again.
            pad = (0, -width % self.window, 0, -height % self.window)
            both.append(functional.pad(features, pad, mode="replicate") if any(pad) else features)
        padded = both[0].shape[2:]
        joined = self._join(*(_in_windows(features, self.window) for features in both))
        return local + _from_windows(joined, self.window, *padded)[..., :height, :width]

    def _join(self, local: Tensor, foundation: Tensor) -> Tensor:
        """Return what is added to the network's features: tokens (windows, n, channels) of each window."""
        tokens = cat([self.local_norm(local), self.project(self.foundation_norm(foundation))], dim=2)
        tokens = self.excitation(tokens)
        if self.attention == "cross":
            ours, theirs = tokens.chunk(2, dim=2)
            asking, told = self.query_unit(ours), self.value_unit(theirs)
        else:
            asking = told = self.query_unit(tokens)
        query = _heads(self.query(asking), self.num_heads)
        key, value = (_heads(part, self.num_heads) for part in self.key_value(told).chunk(2, dim=2))
        seen = functional.scaled_dot_product_attention(query, key, value)
        return self.dropout(self.out(seen.transpose(1, 2).flatten(2)))


class GatedExcitation(nn.Module):
    """Weights each channel by what its mean and those of all others say, through a gated unit.

    Args:
        channels: of the tokens.
        reduction: how many times narrower the unit in the middle is.

    Shapes:
        tokens: (b, n, channels).
        returns: (b, n, channels), each channel times a number between 0 and 1.
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = GatedUnit(channels, max(1, channels // reduction))
        self.excite = nn.Linear(max(1, channels // reduction), channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the weighted tokens."""
        return tokens * self.excite(self.squeeze(tokens.mean(dim=1, keepdim=True))).sigmoid()


class GatedUnit(nn.Module):
    """A gated linear unit: `(W_l x + b_l) * sigmoid(W_a x + b_a)`.

    Args:
        in_channels: of the tokens.
        out_channels: of what comes out.

    Shapes:
        tokens: (..., in_channels).
        returns: (..., out_channels).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, 2 * out_channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what passes the gates."""
        return functional.glu(self.linear(tokens), dim=-1)


def _heads(tokens: Tensor, count: int) -> Tensor:
    """Turn (b, n, d) into (b, count, n, d / count)."""
    return tokens.unflatten(2, (count, -1)).transpose(1, 2)


def _in_windows(features: Tensor, side: int) -> Tensor:
    """Turn (b, c, h, w) into one sequence of tokens a window: (b * windows, side^2, c)."""
    b, c, h, w = features.shape
    split = features.reshape(b, c, h // side, side, w // side, side)
    return split.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, c)


def _from_windows(tokens: Tensor, side: int, height: int, width: int) -> Tensor:
    """Undo `_in_windows`."""
    rows, columns = height // side, width // side
    split = tokens.reshape(-1, rows, columns, side, side, tokens.shape[2])
    return split.permute(0, 5, 1, 3, 2, 4).reshape(-1, tokens.shape[2], height, width)
