"""One rule for the name that an image and its outputs share."""

from __future__ import annotations

from common import readers
from common.files import stem_of


def test_readers_and_writers_call_an_image_by_the_same_name() -> None:
    for name in ("a.png", "b/c.1.ome.tiff", "x.ome.tif", "y.nii.gz", "Y.NII.GZ", "d.e.tif", "z", "s.ome.btf"):
        assert stem_of(name) == readers.stem_of(name)
