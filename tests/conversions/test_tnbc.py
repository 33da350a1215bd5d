"""The layout of TNBC comes back as the images, label maps and patients that it was made of."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.conversions import read_dataset

TRUTH = np.zeros((24, 32), np.uint8)
TRUTH[2:8, 3:9], TRUTH[12:18, 20:29] = 1, 2
NAMES = {"01": ["01_1", "01_2", "01_10"], "11": ["11_1"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "TNBC_NucleiSegmentation"
    for patient, names in NAMES.items():
        for kind in ("Slide", "GT"):
            (folder / f"{kind}_{patient}").mkdir(parents=True)
        for name in names:
            colours = np.dstack([TRUTH * 90, TRUTH * 3, TRUTH + 200, TRUTH * 0 + 255])
            Image.fromarray(colours).save(folder / f"Slide_{patient}" / f"{name}.png")
            Image.fromarray((TRUTH > 0).astype(np.uint8) * 255).save(folder / f"GT_{patient}" / f"{name}.png")
    return folder


@pytest.mark.parametrize("kind", ["folder", "around", "archive", "folder of the archive"])
def test_folders_and_archives(source: Path, tmp_path: Path, kind: str) -> None:
    given = {"folder": source, "around": source.parent}.get(kind)
    if given is None:
        (tmp_path / "new").mkdir()
        packed = Path(shutil.make_archive(str(tmp_path / "new/x"), "zip", source.parent, source.name))
        given = packed if kind == "archive" else packed.parent
    images = list(read_dataset("tnbc", given))
    assert [image.stem for image in images] == sum(NAMES.values(), [])
    assert [image.extras["patient"] for image in images] == ["01", "01", "01", "11"]
    for image in images:
        assert (image.image == np.stack([TRUTH * 90, TRUTH * 3, TRUTH + 200])).all(), "alpha is dropped"
        assert (image.label_map == TRUTH).all() and image.split == ""


def test_mistakes(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (source / "Slide_01/01_2.png").unlink()
    with caplog.at_level(logging.WARNING):
        assert len(list(read_dataset("tnbc", source))) == 3
    assert "1 masks without an image are left out" in caplog.text
    Image.fromarray(TRUTH[1:]).save(source / "GT_11/11_1.png")
    with pytest.raises(ValueError, match=r"11_1.png is \(23, 32\) pixels but its image is \(24, 32\)"):
        list(read_dataset("tnbc", source))
    shutil.rmtree(source / "GT_11")
    with pytest.raises(FileNotFoundError, match=r"11_1.png has no mask GT_11/11_1.png: unpack or download"):
        list(read_dataset("tnbc", source))
    with pytest.raises(ValueError, match="holds no folders Slide_01, Slide_02 ... with pictures"):
        list(read_dataset("tnbc", source / "GT_01"))
    with pytest.raises(ValueError, match="tnbc has no part 'x'"):
        list(read_dataset("tnbc", source, only="x"))
