"""A process that torchrun started beside others refuses to train."""

from __future__ import annotations

import pytest

from common.commands import refuse_several, start


@pytest.mark.parametrize("size", [None, "", "1"])
def test_one_process_goes_on(monkeypatch: pytest.MonkeyPatch, size: str | None) -> None:
    if size is None:
        monkeypatch.delenv("WORLD_SIZE", raising=False)
    else:
        monkeypatch.setenv("WORLD_SIZE", size)
    assert not is_refused()


def is_refused() -> bool:
    try:
        refuse_several()
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("call", [refuse_several, start])
def test_several_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, call) -> None:
    for patched in ("install_excepthook", "end_like_interrupt", "show_logs"):
        monkeypatch.setattr(f"common.commands.{patched}", lambda *_: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"^WORLD_SIZE is 2: .* is not built, .*start it without torchrun"):
        call()
