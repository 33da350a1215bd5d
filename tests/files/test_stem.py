"""One rule for the name that an image and its outputs share."""

from __future__ import annotations

import pytest

from common.files import stem_of


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.png", "a"),
        ("b/c.1.ome.tiff", "c.1"),
        ("x.OME.tif", "x"),
        ("Y.NII.GZ", "Y"),
        ("d.e.tif", "d.e"),
        ("z", "z"),
        ("s.ome.btf", "s"),
    ],
)
def test_suffixes_go_and_nothing_else(name: str, stem: str) -> None:
    assert stem_of(name) == stem
