"""The choice of channels, by number or by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from ..messages import nearest

ChannelChoice: TypeAlias = int | str | Sequence[int | str] | None


def choose_channels(
    channels: ChannelChoice, names: Sequence[str], *, path: str | Path = "the image"
) -> tuple[int, ...]:
    """Turn a choice of channels into their numbers, in the order that was asked for.

    Args:
        channels: None for all, a number from 0, a name (letter case does not matter), several of them in a
            list, or one string with commas such as "DAPI,CD3" or "0,2". A channel may be asked for twice.
        names: the names of the channels that are there.
        path: the file, for the error.

    Returns:
        Numbers of the chosen channels.

    Raises:
        ValueError: if a channel is not there, or a name belongs to several channels.

    Example:
        >>> names = ("DAPI", "CD3", "CD8")
        >>> choose_channels("cd8,DAPI", names), choose_channels([0, "CD3"], names)
        ((2, 0), (0, 1))
    """
    if channels is None:
        return tuple(range(len(names)))
    wanted = _asked_for(channels, names)
    if not wanted:
        raise ValueError(
            "no channel was chosen: give channel numbers or names, or leave the choice out for all"
        )
    return tuple(_number_of(channel, names, path) for channel in wanted)


def chosen_by_name(channels: ChannelChoice, names: Sequence[str]) -> bool:
    """Tell whether every channel of a choice is asked for by its name, not by its number.

    Args:
        channels: as for `choose_channels`.
        names: the names of the channels that are there.

    Example:
        >>> [chosen_by_name(choice, ("R", "G", "B")) for choice in ("b", "R,G", 0, "R,1", None)]
        [True, True, False, False, False]
    """
    known = {name.casefold() for name in names}
    return channels is not None and all(
        isinstance(channel, str) and channel.strip().casefold() in known
        for channel in _asked_for(channels, names)
    )


def _asked_for(channels: int | str | Sequence[int | str], names: Sequence[str]) -> list[int | str]:
    if isinstance(channels, str):
        whole = channels.strip().casefold() in {name.casefold() for name in names}
        return [channels] if whole else list(channels.split(","))
    return list(channels) if isinstance(channels, Sequence) else [channels]


def _number_of(channel: int | str, names: Sequence[str], path: str | Path) -> int:
    if isinstance(channel, bool) or not isinstance(channel, (int, str)):
        raise ValueError(
            f"channel {channel!r} is neither a number nor a name: choose one of {_listing(names)}"
        )
    wanted = str(channel).strip()
    if isinstance(channel, str):
        matches = [number for number, name in enumerate(names) if name == wanted] or [
            number for number, name in enumerate(names) if name.casefold() == wanted.casefold()
        ]
        if len(matches) > 1:
            raise ValueError(
                f"{path} has {len(matches)} channels named {wanted}: choose by number, one of "
                f"{', '.join(map(str, matches))}"
            )
        if matches:
            return matches[0]
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    if len(names) == 1:
        name = "unnamed" if names[0] == "0" else f"named {names[0]}"
        raise ValueError(f"{path} has no channel {wanted}: its only channel is number 0, {name}")
    named = [name for number, name in enumerate(names) if name != str(number)]
    near = None if wanted.lstrip("-").isdecimal() else nearest(wanted, named)
    guess = f": did you mean {near}? It has" if near else ": it has"
    raise ValueError(f"{path} has no channel {wanted}{guess} {_listing(names)}")


def _listing(names: Sequence[str]) -> str:
    """Name every channel with its number, as far as one sentence can hold them."""
    shown = [name if name == str(number) else f"{number} ({name})" for number, name in enumerate(names)]
    more = f" and {len(shown) - 40} more" if len(shown) > 40 else ""
    return ", ".join(shown[:40]) + more
