"""One process trains: what starts several of them is refused."""

from __future__ import annotations

import os

__all__ = ["refuse_several"]


def refuse_several() -> None:
    """Refuse to be one of several processes, as `torchrun` starts them.

    Each would train alone, on all images, and write to the same folder: training on several devices is not
    built.

    Raises:
        ValueError: if the variable WORLD_SIZE, by which a process knows how many there are, is not 1.

    Example:
        >>> refuse_several()  # this process is alone
    """
    size = os.environ.get("WORLD_SIZE", "1").strip()
    if size not in ("", "1"):
        raise ValueError(
            f"WORLD_SIZE is {size}: training in several processes is not built, each would train alone in the"
            " same folder: start it without torchrun, or unset WORLD_SIZE"
        )
