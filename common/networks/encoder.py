"""Which parameters are a network's encoder, worth keeping from an earlier training, and its learning rate."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["encoder_names", "in_encoder", "parameter_groups"]


def encoder_names(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the modules that are a network's encoder, as its class tells.

    Args:
        network: a network whose class has a tuple ``ENCODER`` of its modules' names.

    Raises:
        ValueError: if the class does not say.

    Example:
        >>> class Net(nn.Module):
        ...     ENCODER = ("down",)
        >>> encoder_names(Net())
        ('down',)
    """
    names = getattr(network, "ENCODER", None)
    if not names:
        raise ValueError(
            f"{type(network).__name__} does not say which part is its encoder: give its class a tuple ENCODER"
            " of module names, or leave out --freeze_encoder_epochs and --encoder_learning_rate_factor"
        )
    return tuple(names)


def in_encoder(name: str, encoder: tuple[str, ...]) -> bool:
    """Return whether a parameter or module, by its full name, belongs to an encoder.

    Example:
        >>> in_encoder("down.0.weight", ("down",)), in_encoder("downwards.weight", ("down",))
        (True, False)
    """
    return any(name == part or name.startswith(f"{part}.") for part in encoder)


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
