"""Channels are chosen by number or name, and one that is not there is refused with the nearest."""

from __future__ import annotations

import pytest

from common.readers import choose_channels

NAMES = ("DAPI", "CD3", "CD8", "cd3e", "PD-1, cell")


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (None, (0, 1, 2, 3, 4)),
        (2, (2,)),
        ("cd8", (2,)),
        ("DAPI, CD8", (0, 2)),
        ("0,2", (0, 2)),
        ([2, "dapi"], (2, 0)),
        ((0, 0), (0, 0)),
        ("pd-1, cell", (4,)),
        ("3", (3,)),
    ],
)
def test_choice(choice: object, numbers: tuple[int, ...]) -> None:
    assert choose_channels(choice, NAMES) == numbers


def test_a_name_of_digits_beats_the_number() -> None:
    assert choose_channels("0", ("1", "0")) == (1,)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("DAPY", "x.tif has no channel DAPY: did you mean DAPI"),
        (5, "x.tif has no channel 5: it has 0"),
        (-1, "no channel -1"),
        ([], "no channel was chosen"),
        (True, "neither a number nor a name"),
        ("CD3,", "no channel"),
    ],
)
def test_refusals(choice: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        choose_channels(choice, NAMES, path="x.tif")


def test_a_name_of_two_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="2 channels named dapi: choose by number, one of 0, 2"):
        choose_channels("dapi", ("DAPI", "CD3", "Dapi"))


def test_unnamed_channels_are_listed_by_number() -> None:
    with pytest.raises(ValueError, match=r"no channel DAPI: it has 0, 1$"):
        choose_channels("DAPI", ("0", "1"))


@pytest.mark.parametrize(
    ("choice", "name", "said"),
    [("DAPI", "0", "unnamed"), (1, "0", "unnamed"), ("DAPY", "DAPI", "named DAPI")],
)
def test_the_only_channel_is_told(choice: int | str, name: str, said: str) -> None:
    with pytest.raises(
        ValueError, match=rf"x.tif has no channel {choice}: its only channel is number 0, {said}$"
    ):
        choose_channels(choice, (name,), path="x.tif")
