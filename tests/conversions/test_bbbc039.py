"""The layout of BBBC039 comes back as the images, label maps and lists that it was made of."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.conversions import DatasetImage, read_dataset

NAMES = {
    "training": ["IXMtest_A02_s1_w1051", "IXMtest_A02_s6_w1E5E"],
    "validation": ["IXMtest_B10_s2_w10B2"],
    "test": ["IXMtest_P24_s9_w1C4D"],
}
PIXELS = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 60
# Two nuclei that touch, one of the first one's colour apart from it, and one that touches by a corner.
TRUTH = np.zeros((24, 32), np.uint16)
TRUTH[2:8, 3:9], TRUTH[2:8, 9:14], TRUTH[12:18, 20:29], TRUTH[18:20, 29:31] = 1, 2, 3, 3
COLOURS = np.array([[0, 0, 0, 255], [1, 0, 0, 255], [2, 0, 0, 255], [1, 0, 0, 255]], np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "bbbc039"
    for kind in ("images", "masks", "metadata"):
        (folder / kind).mkdir(parents=True)
    for split, names in NAMES.items():
        (folder / "metadata" / f"{split}.txt").write_text("".join(f"{name}.png\n" for name in names))
        for name in names:
            tifffile.imwrite(folder / "images" / f"{name}.tif", PIXELS)
            colours = COLOURS[TRUTH]
            colours[21:24, 2:5, 0] = 1  # a speck of 9 pixels
            colours[:, ::2, 1] = TRUTH[:, ::2]  # of the channels the first one alone tells
            Image.fromarray(colours).save(folder / "masks" / f"{name}.png")
    return folder


def archives(source: Path, target: Path) -> Path:
    """Pack the folders as they are published, with what macOS adds."""
    target.mkdir()
    for kind in ("images", "masks", "metadata"):
        packed = shutil.make_archive(str(target / kind), "zip", source, kind)
        with zipfile.ZipFile(packed, "a") as archive:
            for file in (source / kind).iterdir():
                archive.writestr(f"__MACOSX/{kind}/._{file.name}", b"\x00\x05\x16\x07")
    return target


def read(source: Path) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset("bbbc039", source)}


@pytest.mark.parametrize("kind", ["folder", "archives", "one archive"])
def test_folders_and_archives(source: Path, tmp_path: Path, kind: str) -> None:
    given = source
    if kind == "archives":
        given = archives(source, tmp_path / "downloads")
    if kind == "one archive":
        given = Path(shutil.make_archive(str(tmp_path / "all"), "zip", source))
    found = {}
    for image in read_dataset("bbbc039", given):
        assert isinstance(image.image, Path) and (tifffile.imread(image.image) == PIXELS).all()
        assert (image.label_map == TRUTH).all() and image.label_map.dtype == np.uint16
        found.setdefault(image.split, []).append(image.stem)
    assert found == NAMES, "the published lists"


def test_sites_of_a_well_belong_together(source: Path) -> None:
    wells = {image.stem: image.extras for image in read(source).values()}
    assert [wells[name] for name in NAMES["training"]] == [{"slide": "A02"}] * 2
    assert wells[NAMES["test"][0]] == {"slide": "P24"}


def test_an_archive_beside_its_folder_is_not_read_twice(source: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(source / "images"), "zip", source, "images")
    assert len(read(source)) == 4


def test_mistakes(source: Path, tmp_path: Path) -> None:
    name = NAMES["validation"][0]
    mask = source / "masks" / f"{name}.png"
    Image.fromarray(COLOURS[TRUTH[:-1]]).save(mask)
    with pytest.raises(ValueError, match=rf"{name}.png is \(23, 32\) pixels but its image is \(24, 32\)"):
        read(source)
    mask.unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"lacks masks/{name}.png, which validation.txt lists: put m"
    ):
        read(source)
    shutil.rmtree(source / "images")
    with pytest.raises(
        FileNotFoundError, match=r"lacks images/.*tif, which training.txt lists: put images.zi"
    ):
        read(source)
    (source / "metadata/test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks test.txt: put metadata.zip, or its folder, beside"):
        read(source)
    with pytest.raises(ValueError, match="bbbc039 has no part 'x': leave --only out"):
        list(read_dataset("bbbc039", source, only="x"))


@pytest.mark.parametrize("damage", ["half", "middle"])
def test_a_damaged_archive(source: Path, tmp_path: Path, damage: str) -> None:
    archive = archives(source, tmp_path / "downloads") / "images.zip"
    content = archive.read_bytes()
    if damage == "half":
        archive.write_bytes(content[: len(content) // 2])
    else:
        start = content.index(b".tif") + 40
        archive.write_bytes(content[:start] + bytes(200) + content[start + 200 :])
    told = "neither a folder nor a whole archive" if damage == "half" else "images.zip cannot be unpacked"
    with pytest.raises(ValueError, match=f"{told}.*: download it again"):
        read(tmp_path / "downloads")
