"""A mark for functions that TorchScript compiles from their source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["no_type_check"]

Function = TypeVar("Function", bound=Callable[..., object])


def no_type_check(function: Function) -> Function:
    """Return a function as it is.

    The checker of shapes that runs in tests wraps all functions but those with a decorator of this name, and
    TorchScript does not find what a wrapped function imports. `typing.no_type_check` would blind mypy too.

    Args:
        function: any.
    """
    return function
