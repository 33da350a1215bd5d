"""The layout of Coelho 2009 comes back as the pictures, label maps and cells that it was made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.conversions import read_dataset

TRUTH = np.zeros((24, 32), np.uint8)
TRUTH[2:8, 3:9], TRUTH[2:8, 9:14], TRUTH[12:18, 20:29] = 1, 2, 7
FOUND = np.where(TRUTH == 7, 3, TRUTH)
GREY = TRUTH * 20 + 5
NAMES = {"gnf": ["dna-0", "dna-2", "dna-10"], "ic100": ["dna-0"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    data = tmp_path / "clone/data"
    for folder, names in NAMES.items():
        for kind in ("images/dna-images", "preprocessed-data"):
            (data / kind / folder).mkdir(parents=True)
        for name in names:
            Image.fromarray(np.dstack([GREY] * 3)).save(data / f"images/dna-images/{folder}/{name}.png")
            Image.fromarray(TRUTH).save(data / f"preprocessed-data/{folder}/{name}.png")
        # A picture whose nuclei nobody could draw, and the drawings before they were processed.
        Image.fromarray(np.dstack([GREY] * 3)).save(data / f"images/dna-images/{folder}/dna-49.png")
        (data / "images/segmented-lpc" / folder).mkdir(parents=True)
        Image.fromarray(TRUTH).save(data / f"images/segmented-lpc/{folder}/dna-0.png")
    return data.parent


@pytest.mark.parametrize("archive", [False, True])
def test_every_label_map_with_its_picture(source: Path, tmp_path: Path, archive: bool) -> None:
    given = Path(shutil.make_archive(str(tmp_path / "clone"), "zip", source)) if archive else source
    images = list(read_dataset("coelho2009", given))
    told = ["U2OS_dna-0", "U2OS_dna-2", "U2OS_dna-10", "NIH3T3_dna-0"]
    assert [image.stem for image in images] == told
    assert [image.extras for image in images] == [{"platform": name.split("_")[0]} for name in told]
    for image in images:
        assert (image.image == GREY[None]).all() and (image.label_map == FOUND).all()
    assert [image.stem for image in read_dataset("coelho2009", source / "data", only="NIH3T3")] == told[3:]


def test_a_source_may_be_the_folder_that_one_is_in(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(GREY).save(source / "data/overview.png")
    monkeypatch.chdir(source / "data")
    assert len(list(read_dataset("coelho2009", "."))) == 4


def test_mistakes(source: Path) -> None:
    with pytest.raises(ValueError, match="coelho2009 has no cells 'U2O'.* U2OS"):
        list(read_dataset("coelho2009", source, only="U2O"))
    Image.fromarray(TRUTH[1:]).save(source / "data/preprocessed-data/gnf/dna-10.png")
    with pytest.raises(ValueError, match=r"dna-10.png is \(23, 32\) pixels but its picture is \(24, 32\)"):
        list(read_dataset("coelho2009", source))
    (source / "data/images/dna-images/ic100/dna-0.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no picture dna-images/ic100/dna-0.png: clone"):
        list(read_dataset("coelho2009", source, only="NIH3T3"))
    with pytest.raises(ValueError, match=r"holds no preprocessed-data/gnf with .png files: give --source"):
        list(read_dataset("coelho2009", source / "data/images"))
