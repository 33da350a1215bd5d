"""Labels come back as they were written, the right way up; what cannot be labels is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import pytest
import tifffile
from monai.transforms import Compose, LoadImaged, Transposed
from PIL import Image

from common.readers import LabelReader, probe, probe_labels, read_labels

LABELS = np.zeros((20, 32), np.uint16)
LABELS[2:5, 3:9], LABELS[10:18, 20:25], LABELS[0, 31] = 1, 2, 7


def write(path: Path, labels: np.ndarray) -> None:
    if path.suffix == ".tif":
        tifffile.imwrite(path, labels, compression="zlib")
    elif path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(labels))
    elif path.suffix == ".bmp":
        Image.fromarray(labels).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(labels.T, np.eye(4), dtype=labels.dtype), path)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *(
            (name, dtype)
            for name in ("x.tif", "x.nii.gz")
            for dtype in ("uint8", "uint16", "int32", "uint32", "int64")
        ),
        ("x.png", "uint8"),
        ("x.png", "uint16"),
        ("x.bmp", "uint8"),
    ],
)
def test_labels_come_back_the_right_way_up(tmp_path: Path, name: str, dtype: str) -> None:
    write(tmp_path / name, LABELS.astype(dtype))
    assert read_labels(tmp_path / name).dtype == np.int32
    assert (read_labels(tmp_path / name) == LABELS).all()

    load = LoadImaged(keys="label", reader=LabelReader(), ensure_channel_first=True)
    loaded = Compose([load, Transposed(keys="label", indices=(0, 2, 1))])({"label": str(tmp_path / name)})[
        "label"
    ]
    assert (loaded.numpy() == LABELS[None]).all()


def test_more_nuclei_than_16_bits_can_number(tmp_path: Path) -> None:
    labels = np.arange(300 * 300, dtype=np.uint32).reshape(300, 300)
    write(tmp_path / "x.tif", labels)
    assert (read_labels(tmp_path / "x.tif") == labels).all()


def loaded_as_in_a_bundle(path: Path) -> np.ndarray:
    """Load a label as `data::loading` of every bundle does: float32."""
    load = LoadImaged(keys="label", reader=LabelReader(), ensure_channel_first=True)
    item = Compose([load, Transposed(keys="label", indices=(0, 2, 1))])({"label": str(path)})
    return np.asarray(item["label"])[0]


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("ids", [(2**31 - 2, 2**31 - 1), (2**24, 2**24 + 1), (3, 2**24 + 5)])
def test_nuclei_of_large_ids_stay_as_many_after_loading(
    tmp_path: Path, ids: tuple[int, int], background: bool
) -> None:
    labels = np.full((20, 32), 0 if background else ids[0], np.uint32)
    labels[2:9, 3:9], labels[2:9, 9:15] = ids
    write(tmp_path / "x.tif", labels)
    found = loaded_as_in_a_bundle(tmp_path / "x.tif")
    order = np.searchsorted(ids, labels) + 1
    assert (found == np.where(labels == 0, 0, order)).all()


def test_ids_that_a_float_tells_apart_stay_as_stored(tmp_path: Path) -> None:
    labels = LABELS.astype(np.uint32) * 2_000_000
    write(tmp_path / "x.tif", labels)
    assert (loaded_as_in_a_bundle(tmp_path / "x.tif") == labels).all()


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_colour_tables_of_labels_are_left_alone(tmp_path: Path, name: str) -> None:
    picture = Image.fromarray(LABELS.astype(np.uint8))
    picture.putpalette((np.arange(768) * 37 % 256).astype(np.uint8).tobytes())
    picture.save(tmp_path / name)
    assert (read_labels(tmp_path / name) == LABELS).all()


def test_a_mask_is_one_nucleus_and_says_so_once_per_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.png", "b.png"):
        write(tmp_path / name, (LABELS > 0).astype(np.uint8) * 255)
        assert set(np.unique(read_labels(tmp_path / name))) == {0, 255}
    assert caplog.text.count("reads as ONE nucleus") == 1
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_a_bilevel_mask(tmp_path: Path) -> None:
    for name in ("x.png", "x.tif"):
        Image.fromarray(LABELS == 1).save(tmp_path / name)
        assert (read_labels(tmp_path / name) == (LABELS == 1)).all()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            LABELS.astype(np.float32) / 2,
            "x.tif holds float32 numbers that are no labels, such as 3.5: labels are",
        ),
        (np.where(LABELS > 0, np.nan, 1.0), "x.tif holds float64 numbers that are no labels, such as nan"),
        (
            LABELS.astype(np.float32) + 2**25,
            "x.tif holds the label 33554.* as float32, .* up to 16777216: save",
        ),
        (np.where(LABELS > 0, np.inf, 1.0), "x.tif holds the label inf"),
        (-LABELS.astype(np.float32), "x.tif holds the negative label -7"),
        (np.stack([LABELS.astype(np.uint8)] * 3, axis=-1), "x.tif is an RGB picture, not a label map"),
        (np.stack([LABELS] * 2), "x.tif is an image of 2 channels"),
        (LABELS.astype(np.int16) - 1, "x.tif holds the negative label -1"),
        (LABELS.astype(np.uint32) + np.uint32(2**31), "too large: number the nuclei from 1"),
    ],
)
def test_what_cannot_be_labels_is_refused(tmp_path: Path, labels: np.ndarray, said: str) -> None:
    tifffile.imwrite(tmp_path / "x.tif", labels)
    with pytest.raises(ValueError, match=said) as caught:
        read_labels(tmp_path / "x.tif")
    assert "astype" not in str(caught.value) and "imwrite" not in str(
        caught.value
    )  # no program for a sentence


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["x.tif", "x.nii.gz"])
def test_whole_numbers_stored_as_reals_are_labels(tmp_path: Path, name: str, dtype: str) -> None:
    if (name, dtype) == ("x.nii.gz", "float16"):
        dtype = "float32"  # NIfTI has no half precision
    write(tmp_path / name, LABELS.astype(dtype))
    assert (read_labels(tmp_path / name) == LABELS).all()


def test_the_largest_label_that_a_real_number_tells_apart(tmp_path: Path) -> None:
    labels = LABELS.astype(np.float32)
    labels[0, 0] = 2**24
    write(tmp_path / "x.tif", labels)
    assert read_labels(tmp_path / "x.tif")[0, 0] == 2**24


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg", "x.png", "x.tif"])
def test_labels_that_were_compressed_with_loss_are_refused(tmp_path: Path, name: str) -> None:
    path, labels = tmp_path / name, LABELS.astype(np.uint8)
    if name == "x.tif":
        tifffile.imwrite(path, labels, compression="jpeg")
    else:  # also where the name says PNG
        Image.fromarray(labels).save(path, format="JPEG")
    for read in (probe_labels, read_labels):
        with pytest.raises(
            ValueError, match=f"{name} is compressed as JPEG, which changes .*: save the labels"
        ):
            read(path)
    assert probe(path).shape == (1, *LABELS.shape)  # as an image it is fine


@pytest.mark.parametrize("compression", ["zlib", "lzw", None])
def test_labels_compressed_without_loss_are_not(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "x.tif", LABELS.astype(np.uint8), compression=compression)
    assert (read_labels(tmp_path / "x.tif") == LABELS).all()
