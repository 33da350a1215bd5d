"""Convolution, batch norm and an activation to choose: ReLU and its kin, or a gate that is learnt."""

from __future__ import annotations

from monai.networks.blocks import Convolution
from torch import Tensor, nn

ACTIVATIONS = ("relu", "leaky_relu", "swish", "glu", "glu_matched")
_GATED = ("glu", "glu_matched")


def check_activation(activation: str) -> None:
    """Refuse an activation that is none of `ACTIVATIONS`.

    Raises:
        ValueError: naming those that there are.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation {activation!r} is unknown: choose one of {', '.join(ACTIVATIONS)}")


def matched_width(width: int, activation: str) -> int:
    """Return the width at which a network has as many weights as one of `width` channels without gates.

    A gated unit has two convolutions. A convolution's weights grow with the product of its input and output
    channels, so that 1 / sqrt(2) of the width on both sides makes up for the second one.

    Args:
        width: channels.
        activation: all but "glu_matched" leave the width as it is.

    Example:
        >>> matched_width(64, "relu"), matched_width(64, "glu"), matched_width(64, "glu_matched")
        (64, 64, 45)
    """
    return max(1, round(width / 2**0.5)) if activation == "glu_matched" else width


class ChannelGate(nn.Module):
    """The gated linear unit of a map's channels: the first half times the sigmoid of the second half.

    `torch.nn.GLU` gives the same, but its gradient comes out channels-first even where the map lies
    channels-last, and on a CPU the batch norm before it then takes ten to twenty times as long to go back.

    Shapes:
        x: (b, 2 c, h, w).
        returns: (b, c, h, w).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return what passes the gates."""
        passed, gate = x.chunk(2, dim=1)
        return passed * gate.sigmoid()


class ActivatedConvolution(nn.Module):
    """A 3 x 3 convolution with batch norm, then its activation.

    `glu` is the gated linear unit `(W_l x + b_l) * sigmoid(W_a x + b_a)`: one convolution gives both streams,
    the first half of its channels is what passes, the second half says how much of it. The biases are those
    of the batch norm.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output; gated, the convolution has twice as many.
        activation: one of `ACTIVATIONS`; "glu_matched" is "glu" here, its width is the network's matter.
        dropout: probability, before the activation.

    Shapes:
        input: (b, in_channels, h, w).
        output: (b, out_channels, h, w).

    Raises:
        ValueError: the activation is unknown.

    References:
        Dauphin, Fan, Auli and Grangier, Language modeling with gated convolutional networks, ICML 2017,
        Eq. 1.

    Example:
        >>> import torch
        >>> unit = ActivatedConvolution(3, 4, activation="glu").eval()
        >>> image = torch.rand(1, 3, 8, 8)
        >>> passed, gate = unit.convolution(image).chunk(2, dim=1)
        >>> torch.allclose(unit(image), passed * torch.sigmoid(gate))
        True
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_activation(activation)
        gated = activation in _GATED
        self.convolution = Convolution(
            2,
            in_channels,
            2 * out_channels if gated else out_channels,
            kernel_size=3,
            norm="batch",
            act=None,
            dropout=dropout or None,
            bias=False,
        )
        self.activation: nn.Module = {
            "relu": nn.ReLU(),
            "leaky_relu": nn.LeakyReLU(),
            "swish": nn.SiLU(),
        }.get(activation, ChannelGate())

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated features."""
        activated: Tensor = self.activation(self.convolution(x))
        return activated
