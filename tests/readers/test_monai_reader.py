"""The readers inside LoadImaged: channel first, names and sizes known, errors that are not swallowed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import LoadImaged

from common.readers import LabelReader, MicroscopyReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in "ab":
        tifffile.imwrite(
            tmp_path / "images" / f"{name}.tif",
            np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30),
            photometric="minisblack",
        )
    entry = {
        "image": "images/a.tif",
        "label": "labels/a.tif",
        "channels": ["DAPI", "CD3", "CD8"],
        "pixel_size_um": 0.5,
    }
    (tmp_path / "dataset.json").write_text(json.dumps({"training": [entry]}))
    return tmp_path


@pytest.mark.parametrize("instance", [True, False])
@pytest.mark.parametrize(("channels", "count"), [(None, 3), (0, 1), ("CD8", 1), (["CD8", 0], 2)])
def test_channel_first_whatever_the_number_of_channels(
    folder: Path, instance: bool, channels: object, count: int
) -> None:
    options = (
        {"reader": MicroscopyReader(channels)}
        if instance
        else {"reader": "common.readers.MicroscopyReader", "channels": channels}
    )
    image = LoadImaged(keys="image", ensure_channel_first=True, **options)(
        {"image": folder / "images/a.tif"}
    )["image"]
    assert image.shape == (count, 30, 20)
    assert len(image.meta["channel_names"]) == count
    assert image.meta["pixel_size_um"] == 0.5
    assert image.meta["filename_or_obj"] == str(folder / "images/a.tif")
    assert image.meta["spatial_shape"].tolist() == [30, 20]


def test_names_come_from_dataset_json_or_from_the_caller(folder: Path) -> None:
    listed, unlisted = str(folder / "images/a.tif"), str(folder / "images/b.tif")
    names = ["x", "y", "z"]
    read = {
        "listed": MicroscopyReader().get_data([listed]),
        "unlisted": MicroscopyReader().get_data([unlisted]),
        "given": MicroscopyReader(channel_names=names).get_data([listed]),
        "table": MicroscopyReader(channel_names={unlisted: names}).get_data([unlisted]),
    }
    assert {key: "".join(meta["channel_names"]) for key, (_, meta) in read.items()} == {
        "listed": "DAPICD3CD8",
        "unlisted": "012",
        "given": "xyz",
        "table": "xyz",
    }
    assert math.isnan(read["unlisted"][1]["pixel_size_um"])


def test_a_changed_dataset_json_is_read_again(folder: Path) -> None:
    path = str(folder / "images/a.tif")
    MicroscopyReader().get_data([path])
    (folder / "dataset.json").write_text("no JSON: it costs the names, not the image")
    assert MicroscopyReader().get_data([path])[1]["channel_names"] == ("0", "1", "2")


def test_errors_are_not_hidden_behind_monais_own_readers(folder: Path) -> None:
    load = LoadImaged(keys="image", reader=MicroscopyReader("CD9"), ensure_channel_first=True)
    with pytest.raises(ValueError, match="a.tif has no channel CD9: did you mean CD"):
        load({"image": str(folder / "images/a.tif")})


def test_batches_can_be_collated_and_taken_apart(folder: Path) -> None:
    load = LoadImaged(keys="image", reader=MicroscopyReader("1,2"), ensure_channel_first=True)
    items = [{"image": str(folder / "images" / name)} for name in ("a.tif", "b.tif")]
    (batch,) = DataLoader(Dataset(items, load), batch_size=2)
    assert batch["image"].shape == (2, 2, 30, 20)
    assert [list(item["image"].meta["channel_names"]) for item in decollate_batch(batch)] == [
        ["CD3", "CD8"],
        ["1", "2"],
    ]


def test_suffixes_and_several_files() -> None:
    assert MicroscopyReader().verify_suffix(["a.TIF", "b.nii.gz"]) and not LabelReader().verify_suffix(
        "a.csv"
    )
    with pytest.raises(ValueError, match="2 files are given for one image"):
        MicroscopyReader().get_data(MicroscopyReader().read(["a.tif", "b.tif"]))
