"""The folders of CPDMI 2023 come back as the channels, nuclei and whole cells that they were made of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from openpyxl import Workbook
from PIL import Image

from common.conversions import DatasetImage, read_dataset

HEIGHT, WIDTH = 24, 32
NUCLEI, CELLS = np.zeros((2, HEIGHT, WIDTH), np.uint16)
NUCLEI[3:6, 4:8], NUCLEI[3:6, 10:14], NUCLEI[15:19, 20:24] = 1, 2, 3
CELLS[2:8, 3:9], CELLS[2:8, 10:16] = 1, 2
CHANNELS = ["CD3", "PanCK", "DAPI", "Autofluorescence", "CD8"]
STACK = np.random.default_rng(0).integers(0, 4000, (len(CHANNELS), HEIGHT, WIDTH), np.uint16)
CYCLES = np.random.default_rng(1).integers(0, 4000, (7, 4, HEIGHT, WIDTH), np.uint16)
INFO = "\n".join(
    [
        "MetaDataPhotometricInterpretation = Monochrome",
        *(f"Name #{number} = {name}" for number, name in enumerate(CHANNELS, start=1)),
        "NewSubfileType = 0",
        "XResolution = 20000.0",
    ]
)
FULL, PART = "P03-10005(46905.11217)0,600", "P07-10004(53024.13505)6,9"
COLUMNS = ["Annotation:", "Organ:", "Tissue Type:"]
ROWS = [
    ["P03-10005[46905,11217]0,600", "Lung", "Adenocarcinoma"],
    ["P07-10004[53024,13505]6,9", "Colon", "Adenocarcinoma"],
]


def xlsx(file: Path, rows: list[list[str]]) -> None:
    """Write a table as Excel does."""
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(file)


def mask(folder: Path, kind: str, labels: np.ndarray, name: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name or folder.name}-Crop_{kind}_Mask_Png.png"
    Image.fromarray((labels > 0).astype(np.uint8) * 255).save(file)
    return file


def picture(folder: Path, pixels: np.ndarray, axes: str, kind: str = "Tif", info: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{folder.name}-Crop_{kind}.tif"
    metadata: dict[str, Any] = {"axes": axes} | ({"Info": info} if info else {})
    tifffile.imwrite(file, pixels, imagej=True, metadata=metadata)
    return file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "cpdmi"
    vectra = folder / "Vectra" / "Lung and colon"
    mask(vectra / FULL, "Dapi", NUCLEI)
    mask(vectra / FULL, "Cell", CELLS)
    picture(vectra / FULL, STACK, "CYX", info=INFO)
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(vectra / FULL / f"{FULL}-Crop_Cell_Png.png")
    (vectra / FULL / f"{FULL}-Crop_Cell_Roi.zip").write_bytes(b"outlines, which nobody opens")
    # The masks of a part of the picture: nine rows from the top, six columns from the left.
    mask(vectra / PART, "Dapi", NUCLEI[9:, 6:])
    picture(vectra / PART, STACK, "CYX", kind="Cell_Tif", info=INFO)
    mask(folder / "Zeiss" / "ZP-9999 1", "Cell", CELLS)
    picture(folder / "Zeiss" / "ZP-9999 1", STACK, "CYX")
    mask(folder / "CODEX" / "LN 1", "Dapi", NUCLEI, name=" LN 1")
    mask(folder / "CODEX" / "LN 1", "Cell", CELLS, name=" LN 1")
    picture(folder / "CODEX" / "LN 1", CYCLES, "TCYX")
    xlsx(folder / "Annotation Panel Table.xlsx", [COLUMNS, *ROWS])
    return folder


VECTRA, CUT = "Vectra_P03-10005_46905_11217_0_600", "Vectra_P07-10004_53024_13505_6_9"
CODEX = "CODEX_LN_1"


def read(source: Path, **options: str) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset("cpdmi", source, **options)}


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_channels_nuclei_and_cells(
    source: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = source
    if kind == "archive":
        given = Path(shutil.make_archive(str(tmp_path / "downloaded"), "zip", source))
    found = read(given)
    assert sorted(found) == [CODEX, VECTRA, CUT]
    assert "1 of 4 crops have no mask of nuclei, and are left out" in caplog.text
    vectra, codex, cut = found[VECTRA], found[CODEX], found[CUT]
    assert (vectra.image == STACK).all() and (codex.image == CYCLES.reshape(28, HEIGHT, WIDTH)).all()
    for image in (vectra, codex):
        assert (image.label_map == NUCLEI).all() and image.label_map.dtype == np.uint16
        assert image.cell_map is not None and (image.cell_map == CELLS).all()
    assert (cut.image == STACK[:, 9:, 6:]).all() and cut.cell_map is None
    assert (cut.label_map == (NUCLEI[9:, 6:] > 0)).all()


def test_what_is_known_of_each_crop(source: Path) -> None:
    found = read(source)
    assert found[VECTRA].extras == {
        "platform": "Vectra",
        "tissue": "Lung",
        "diagnosis": "Adenocarcinoma",
        "slide": "P03-10005",
        "channels": CHANNELS,
        "pixel_size_um": 0.5,
    }
    codex = found[CODEX].extras
    assert codex["platform"] == "CODEX" and codex["pixel_size_um"] == 0.377 and "tissue" not in codex
    assert codex["channels"][:6] == [
        *("DAPI 1", "cycle 1 channel 2", "cycle 1 channel 3", "cycle 1 channel 4"),
        *("DAPI 2", "cycle 2 channel 2"),
    ]
    assert len(set(codex["channels"])) == 28
    (source / "Annotation Panel Table.xlsx").unlink()
    assert "tissue" not in read(source)[VECTRA].extras


def test_a_file_that_tells_less_costs_names_not_the_image(source: Path) -> None:
    folder = source / "Vectra" / "Lung and colon" / FULL
    picture(folder, STACK, "CYX", info=INFO.replace("Name #3 = DAPI\n", "").replace("20000.0", "0"))
    image = read(source)[VECTRA]
    assert (image.image == STACK).all() and not image.extras.keys() & {"channels", "pixel_size_um"}


@pytest.mark.parametrize("axes", ["ZCYX", "TZYX", "samples", "one cycle"])
def test_cycles_whatever_the_file_calls_them(source: Path, axes: str) -> None:
    folder = source / "CODEX" / "LN 1"
    if axes == "samples":  # four numbers a pixel, a page a cycle
        file = next(folder.glob("*Tif.tif"))
        tifffile.imwrite(
            file, np.moveaxis(CYCLES, 1, -1), photometric="minisblack", metadata={"axes": "QYXS"}
        )
    else:
        pixels = CYCLES[:1] if axes == "one cycle" else CYCLES
        picture(folder, pixels, "TCYX" if axes == "one cycle" else axes)
    image = read(source)[CODEX]
    expected = (CYCLES[:1] if axes == "one cycle" else CYCLES).reshape(-1, HEIGHT, WIDTH)
    assert isinstance(image.image, np.ndarray) and (image.image == expected).all()
    assert len(image.extras.get("channels", [])) == (0 if axes == "one cycle" else 28)


def test_a_platform_or_an_organ(source: Path) -> None:
    assert list(read(source, only="codex")) == [CODEX]
    assert list(read(source, only="Colon")) == [CUT]
    with pytest.raises(ValueError, match="cpdmi has no part 'vektra': did you mean Vectra"):
        read(source, only="vektra")
    assert list(read(source / "CODEX")) == [CODEX]


def test_of_two_pictures_the_one_of_the_masks_size_is_taken(source: Path) -> None:
    folder = source / "CODEX" / "LN 1"
    picture(folder, CYCLES[:, :, :10, :10], "TCYX", kind="Cell_Tif")
    assert (read(source)[CODEX].image == CYCLES.reshape(28, HEIGHT, WIDTH)).all()


def test_crops_without_a_mask_of_nuclei(source: Path) -> None:
    with pytest.raises(
        ValueError, match=r"none of the 1 crops of Zeiss in .* has a mask of nuclei"
    ) as caught:
        read(source, only="Zeiss")
    assert "\n" not in str(caught.value) and "ZP-9999 1" in str(caught.value)
    for file in source.rglob("*Dapi_Mask_Png.png"):
        file.unlink()
    with pytest.raises(ValueError, match=r"none of the 3 crops in .* has a mask of nuclei \(\*-Crop_Dapi"):
        read(source)


def test_pieces_that_touch_at_a_corner_are_one_nucleus(source: Path) -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[2:5, 2:5], labels[5:8, 5:8], labels[12:14, 3:6] = 1, 1, 1
    mask(source / "CODEX" / "LN 1", "Dapi", labels, name=" LN 1")
    found = read(source)[CODEX].label_map
    assert found.max() == 2 and found[3, 3] == found[6, 6] != found[12, 4]
    mask(source / "CODEX" / "LN 1", "Dapi", labels * 0, name=" LN 1")
    assert read(source)[CODEX].label_map.max() == 0


def no_picture(folder: Path) -> None:
    next(folder.glob("*Crop_Tif.tif")).unlink()


def two_masks(folder: Path) -> None:
    mask(folder, "Dapi", NUCLEI, name="another")


def grey_mask(folder: Path) -> None:
    Image.fromarray((NUCLEI * 50).astype(np.uint8)).save(next(folder.glob("*Dapi_Mask_Png.png")))


def white_mask(folder: Path) -> None:
    Image.fromarray((NUCLEI * 0 + 255).astype(np.uint8)).save(next(folder.glob("*Dapi_Mask_Png.png")))


def bright_background(folder: Path) -> None:
    Image.fromarray((NUCLEI * 0 + 255).astype(np.uint8) - (NUCLEI == 1)).save(
        next(folder.glob("*Dapi_Mask_Png.png"))
    )


def cells_of_another(folder: Path) -> None:
    mask(folder, "Cell", CELLS[:, :9])


def small_masks(folder: Path) -> None:
    mask(folder, "Dapi", NUCLEI[:10])
    next(folder.glob("*Cell_Mask_Png.png")).unlink()


def broken_picture(folder: Path) -> None:
    next(folder.glob("*Crop_Tif.tif")).write_bytes(b"nothing")


def colours(folder: Path) -> None:
    tifffile.imwrite(next(folder.glob("*Crop_Tif.tif")), STACK[:3].transpose(1, 2, 0), photometric="rgb")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (no_picture, r"has masks but no picture \(\*-Crop_Cell_Tif or \*-Crop_Tif.tif\): unpack or download"),
        (two_masks, r"has 2 masks Crop_Dapi_Mask_Png, .* and .*: keep one crop a folder"),
        (grey_mask, r"Mask_Png.png has 4 values, 0 to 150, and a published mask is black and one other"),
        (white_mask, r"Mask_Png.png has 1 values, 255 to 255, and a published mask is black and one other"),
        (bright_background, r"Mask_Png.png has 2 values, 254 to 255, and a published mask is black"),
        (
            cells_of_another,
            r"Cell_Mask_Png.png is 9 x 24 px, and the mask of nuclei beside it 32 x 24: remove",
        ),
        (small_masks, r"Mask_Png.png is 32 x 10 px, its picture 32 x 24, which does not fit there: download"),
        (broken_picture, r"Crop_Tif.tif cannot be read as TIFF \(.*\): download it again"),
        (
            colours,
            r"Crop_Tif.tif has 3 colours, no channels: give the file with all channels",
        ),
    ],
)
def test_crops_that_cannot_be_used(source: Path, change: Callable[[Path], None], said: str) -> None:
    folder = source / "Vectra" / "Lung and colon" / FULL
    change(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=said) as caught:
        read(source)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_a_small_mask_whose_folder_tells_no_place(source: Path) -> None:
    mask(source / "CODEX" / "LN 1", "Dapi", NUCLEI[:10], name=" LN 1")
    (source / "CODEX" / "LN 1" / " LN 1-Crop_Cell_Mask_Png.png").unlink()
    with pytest.raises(
        ValueError, match="is 32 x 10 px, its picture 32 x 24, and the folder's name tells no"
    ):
        read(source)


def test_sources_that_are_none(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no masks named \*-Crop_Dapi_Mask_Png.png in folders Vectra"):
        read(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="does not exist: give --source"):
        read(tmp_path / "nowhere")
    shutil.copytree(source / "CODEX" / "LN 1", tmp_path / "alone" / "LN 1")
    with pytest.raises(
        ValueError, match="LN 1 lies in no folder Vectra, Zeiss or CODEX, which tell the plat"
    ):
        read(tmp_path / "alone")
    (source / "Annotation Panel Table.xlsx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"Table.xlsx is no whole .xlsx file \(.*\): download it again"):
        read(source)
