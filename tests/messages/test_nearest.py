"""A misspelt name is offered the right one, and a foreign one nothing."""

from __future__ import annotations

import pytest

from common.messages import nearest, suggest

KNOWN = ["training", "validation", "test", "DAPI", "CD3"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_name_is_nearest_to_itself_in_any_case_and_with_a_slip(name: str) -> None:
    slips = [name, name.lower(), name.upper(), name[:-1], name[::-1][::-1] + "s", f" {name} "]
    assert {nearest(slip, KNOWN) for slip in slips} == {name}


@pytest.mark.parametrize("name", ["", "x", "foo", "7", "-1", "marker"])
def test_a_name_like_none_is_offered_all(name: str) -> None:
    assert nearest(name, KNOWN) is None
    assert all(word in suggest(name, KNOWN) for word in KNOWN)
    assert "did you mean" not in suggest(name, KNOWN)
