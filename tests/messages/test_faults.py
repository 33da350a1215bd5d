"""All faults are told at once: one raises as it is, several with their number, the log lists them."""

from __future__ import annotations

import pytest

from common.messages import refuse_faults


def test_no_fault_and_one(caplog: pytest.LogCaptureFixture) -> None:
    refuse_faults([], 5, "files cannot be used")
    with pytest.raises(ValueError, match=r"^a\.tif is broken$"):
        refuse_faults(["a.tif is broken"], 5, "files cannot be used")
    assert not caplog.text


@pytest.mark.parametrize(("count", "listed", "more"), [(2, 2, None), (50, 50, None), (53, 50, "and 3 more")])
def test_several_are_listed_in_the_log(
    count: int, listed: int, more: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [f"{number}.tif is 100% broken" for number in range(count)]
    with pytest.raises(
        ValueError, match=rf"^{count} of 99 files .*\(the log lists them\); the first: 0.tif is 100%"
    ):
        refuse_faults(faults, 99, "files cannot be used")
    assert [record.levelname for record in caplog.records] == ["ERROR"] * len(caplog.records)
    assert caplog.messages == faults[:listed] + ([more] if more else [])
