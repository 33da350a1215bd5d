"""What tests of readers share."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """Every file that `Path.open` opens during the test."""
    files: list[IO[bytes]] = []
    open_one = Path.open

    def noted(self: Path, *options: Any, **more: Any) -> Any:
        files.append(open_one(self, *options, **more))
        return files[-1]

    monkeypatch.setattr(Path, "open", noted)
    return files
