"""What every test may rely on: the repository, real data where they are, quiet processors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from small_sam import fetch_small_sam

# Tests run side by side, and so do the commands that they start: one thread each is quickest for all.
# Set before the first import of numpy or torch.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Models of the Hugging Face hub are looked up in a folder of the tests' own, not in the user's nor in the
# network. Set before the first import of huggingface_hub.
_hub = tempfile.TemporaryDirectory(prefix="hub-")
os.environ.update(HF_HUB_CACHE=_hub.name, HF_HUB_OFFLINE="1")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the repository's root."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def fetched_sam() -> Path:
    """Let small random SAMs lie where the hub's command would have put the three sizes; return the base."""
    base, *_ = (
        fetch_small_sam(Path(_hub.name), f"facebook/sam-vit-{size}", seed=seed)
        for seed, size in enumerate(("base", "large", "huge"))
    )
    return base


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tiles SAM was asked for, call by call."""
    from common.foundation import FrozenSAM

    calls: list[int] = []
    own = FrozenSAM._encode

    def counted(self: FrozenSAM, tiles: Any) -> Any:
        calls.append(len(tiles))
        return own(self, tiles)

    monkeypatch.setattr(FrozenSAM, "_encode", counted)
    return calls


@pytest.fixture(autouse=True)
def _what_the_bundle_needs(request: pytest.FixtureRequest) -> None:
    """Give a test of every bundle, wherever it is, the weights that one of them wants from outside."""
    parameters = getattr(request.node, "callspec", None)
    if parameters is not None and "eunet3plus_sam" in map(str, parameters.params.values()):
        request.getfixturevalue("fetched_sam")


@pytest.fixture(scope="session")
def nuclei_data() -> Path:
    """Return the folder of real data sets, or skip the test and say so."""
    folder = os.environ.get("NUCLEI_DATA")
    if not folder:
        pytest.skip("NUCLEI_DATA names no folder of real data sets")
    if not Path(folder).is_dir():
        pytest.fail(f"NUCLEI_DATA is {folder}, which is no folder: name the one that holds the data sets")
    return Path(folder).resolve()
