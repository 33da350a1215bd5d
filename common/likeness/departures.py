"""In what an image is unlike those of a training, the most striking first, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .ranges import COUNT, allowed_range, kind_of, on_even_scale

__all__ = ["Departure", "departures", "in_words"]

_MOST_IN_WORDS = 2


class Departure(NamedTuple):
    """A number of an image that lies far outside the range of the training's images.

    Attributes:
        name: as `describe_image` calls it.
        value: the image's.
        lowest: the lowest in the training's images.
        highest: the highest.
        excess: how far it lies beyond what is allowed, in lengths of the allowed range.
    """

    name: str
    value: float
    lowest: float
    highest: float
    excess: float

    @property
    def about(self) -> str:
        """What it concerns: "foreground", "nucleus size", "intensity", "texture" or "stain"."""
        return kind_of(self.name).about


def departures(numbers: Mapping[str, float], ranges: Mapping[str, Sequence[float]]) -> list[Departure]:
    """Return the numbers of an image that none of a training's images comes near, the farthest first.

    Args:
        numbers: `describe_image` of the image, with what was found in it.
        ranges: `training_ranges` of the training; empty where nothing is known.

    Example:
        >>> ranges = {"images": [100, 100], "foreground_share": [0.02, 0.19]}
        >>> [each.name for each in departures({"foreground_share": 0.41}, ranges)]
        ['foreground_share']
        >>> departures({"foreground_share": 0.21}, ranges)
        []
    """
    found = []
    for name, value in numbers.items():
        if name not in ranges or COUNT not in ranges:
            continue
        low, high = allowed_range(name, ranges)
        even = on_even_scale(name, value)
        excess = max(low - even, even - high) / (high - low)
        if excess > 0:
            found.append(Departure(name, value, ranges[name][0], ranges[name][1], excess))
    return sorted(found, key=lambda each: -each.excess)


def in_words(found: Sequence[Departure], *, channels: int = 1) -> str:
    """Return departures in words with their numbers: the two most striking that concern different things.

    Args:
        found: as `departures` returns them, at least one.
        channels: how many channels the image has; of one alone none is named.

    Example:
        >>> print(in_words([Departure("foreground_share", 0.41, 0.02, 0.19, 0.3)]))
        41 % of it is nuclei; in training images it was 2 to 19 %
    """
    chosen: dict[str, Departure] = {}
    for each in found:
        chosen.setdefault(each.about, each)
    return ", and ".join(_phrase(each, channels) for each in list(chosen.values())[:_MOST_IN_WORDS])


def _phrase(each: Departure, channels: int) -> str:
    kind, *numbers = each.name.split("_")
    where = f" of channel {numbers[0]}" if channels > 1 and numbers else ""
    unit, before = "", "in training images it was"
    value, low, high = (f"{number:.2f}" for number in (each.value, each.lowest, each.highest))
    if each.name == "foreground_share":
        value, low, high = (_percent(number) for number in (each.value, each.lowest, each.highest))
        said, unit = f"{value} % of it is nuclei", " %"
    elif each.name == "nuclei_per_megapixel":
        value, low, high = (_short(number) for number in (each.value, each.lowest, each.highest))
        said = f"it has {value} nuclei in a megapixel"
    elif each.name == "nucleus_diameter_px":
        value, low, high = (_short(number) for number in (each.value, each.lowest, each.highest))
        said, unit = f"its nuclei are {value} px wide, as the network sees them", " px"
        before = "in training images they were"
    elif kind == "contrast":
        said = f"its nuclei stand out{where} by {value} (1: as brightest from darkest, below 0: darker)"
    elif kind == "brightness":
        said = f"its mean intensity{where} is {value} (0: darkest, 1: brightest pixels)"
    elif kind == "spread":
        said = f"its intensities{where} spread by {value} (0: all are equal)"
    elif kind == "smoothness":
        said = f"its neighbouring pixels{where} go together by {value} (0: noise)"
    elif kind == "coarseness":
        said = f"its pixels{where} go together by {value} over 16 px (1: shades alone)"
    else:
        said = f"its channels {numbers[0]} and {numbers[1]} go together by {value} (1: one stain)"
    return f"{said}; {before} {low} to {high}{unit}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.01 or share == 0 else f"{100 * share:.1g}"
