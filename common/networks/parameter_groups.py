"""A network's parameters as the optimizer takes them, the encoder with a learning rate of its own."""

from __future__ import annotations

from typing import Any

from torch import nn

from .encoder import encoder_names, in_encoder

__all__ = ["parameter_groups"]


def parameter_groups(
    network: nn.Module, *, learning_rate: float, encoder_factor: float = 1.0
) -> list[dict[str, Any]]:
    """Return one group of parameters, or two: the encoder learns at `encoder_factor` times the learning rate.

    Args:
        network: the network.
        learning_rate: that of everything else.
        encoder_factor: below 1 for an encoder that was trained before; 1 needs no encoder.

    Returns:
        Groups for an optimizer of torch, each parameter in one of them; the encoder's last.

    Raises:
        ValueError: if the factor is not positive, or the network does not say what its encoder is.
    """
    if not encoder_factor > 0:
        raise ValueError(f"--encoder_learning_rate_factor must be above 0, not {encoder_factor}")
    if encoder_factor == 1:
        return [{"params": list(network.parameters()), "lr": learning_rate}]
    encoder = encoder_names(network)
    rest = [p for name, p in network.named_parameters() if not in_encoder(name, encoder)]
    inside = [p for name, p in network.named_parameters() if in_encoder(name, encoder)]
    return [{"params": rest, "lr": learning_rate}, {"params": inside, "lr": learning_rate * encoder_factor}]
