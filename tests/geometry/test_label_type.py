"""The type of stored label maps holds their highest number, and is no wider than it must be."""

from __future__ import annotations

import numpy as np
import pytest

from common.geometry import label_type


@pytest.mark.parametrize("highest", [0, 1, 65_535, 65_536, 2**32 - 1])
def test_it_holds_the_highest_number_in_16_bits_where_they_do(highest: int) -> None:
    assert np.array(highest).astype(label_type(highest)) == highest
    assert (np.dtype(label_type(highest)).itemsize == 2) is (highest < 2**16)
