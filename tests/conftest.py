"""What every test may rely on: the repository, real data where they are, quiet processors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side, and so do the commands that they start: one thread each is quickest for all.
# Set before the first import of numpy or torch.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the repository's root."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def nuclei_data() -> Path:
    """Return the folder of real data sets, or skip the test and say so."""
    folder = os.environ.get("NUCLEI_DATA")
    if not folder:
        pytest.skip("NUCLEI_DATA names no folder of real data sets")
    if not Path(folder).is_dir():
        pytest.fail(f"NUCLEI_DATA is {folder}, which is no folder: name the one that holds the data sets")
    return Path(folder).resolve()
