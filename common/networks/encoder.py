"""Which parameters of a network are its encoder, the part that is worth keeping from an earlier training."""

from __future__ import annotations

from torch import nn

__all__ = ["encoder_names", "in_encoder"]


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
