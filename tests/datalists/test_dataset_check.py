"""All files of a data set that cannot be used are named before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.datalists import check_dataset, item_fault


def pair(folder: Path, name: str, image: np.ndarray, label: np.ndarray) -> dict[str, str]:
    tifffile.imwrite(
        folder / f"{name}.tif", image, photometric="minisblack" if image.shape[-1] != 3 else "rgb"
    )
    tifffile.imwrite(folder / f"{name}_masks.tif", label)
    return {"image": str(folder / f"{name}.tif"), "label": str(folder / f"{name}_masks.tif")}


IMAGE, LABEL = np.zeros((2, 20, 30), np.uint8), np.zeros((20, 30), np.uint16)


@pytest.mark.parametrize(
    ("extras", "channels"), [({}, None), ({}, 1), ({"channels": ["DAPI", "CD3"]}, "CD3")], ids=str
)
def test_a_good_data_set_passes_and_with_one_bad_pair_does_not(
    tmp_path: Path, extras: dict, channels: int | str | None
) -> None:
    items = [pair(tmp_path, name, IMAGE, LABEL) | extras for name in "ab"]
    check_dataset(items, channels=channels)
    bad = pair(tmp_path, "c", IMAGE, LABEL[:10]) | extras
    with pytest.raises(ValueError, match="c_masks.tif is 10 x 30"):
        check_dataset([*items, bad], channels=channels)
    # Images alone have no label that could be wrong.
    del bad["label"]
    check_dataset([*items, bad], channels=channels)


@pytest.mark.parametrize(
    ("image", "label", "said"),
    [
        (
            IMAGE,
            LABEL[:10],
            r"label .*b_masks.tif is 10 x 30 pixels but its image .*b.tif is 20 x 30: export",
        ),
        (IMAGE, LABEL.T, "seems to be transposed"),
        (IMAGE, LABEL + np.float32(0.5), "b_masks.tif holds float32 numbers that are no labels"),
        (
            IMAGE[:, :, :, None].repeat(3, 3)[0],
            LABEL,
            r"b.tif has 3 channel\(s\) but .*a.tif has 2.*--channels 0",
        ),
        (IMAGE[0].astype(complex), LABEL, "b.tif has pixels of type complex"),
    ],
)
def test_the_only_bad_pair_is_named(tmp_path: Path, image: np.ndarray, label: np.ndarray, said: str) -> None:
    items = [pair(tmp_path, "a", IMAGE, LABEL), pair(tmp_path, "b", image, label)]
    with pytest.raises(ValueError, match=said):
        check_dataset(items)


def test_a_missing_channel_is_named(tmp_path: Path) -> None:
    items = [pair(tmp_path, "a", IMAGE, LABEL) | {"channels": ["DAPI", "CD3"]}]
    with pytest.raises(ValueError, match="a.tif has no channel DAP: did you mean DAPI"):
        check_dataset(items, channels="DAP")


def test_as_many_channels_as_the_network_takes(tmp_path: Path) -> None:
    items = [pair(tmp_path, "a", IMAGE, LABEL)]
    check_dataset(items, channels=1, in_channels=1)
    check_dataset(items, in_channels=2)
    with pytest.raises(ValueError, match=r"a.tif has 2 .* --channels 0,1, but the network takes 1"):
        check_dataset(items, channels=(0, 1), in_channels=1)


def test_labels_of_whole_numbers_stored_as_reals_pass(tmp_path: Path) -> None:
    item = pair(tmp_path, "a", IMAGE, LABEL.astype(np.float32))
    check_dataset([item])
    assert item_fault(item) is None


def bad_files(folder: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Return items, and what is said of those that cannot be used; every other one is good."""
    good = [pair(folder, f"good{number}", IMAGE, LABEL) for number in range(5)]
    sizes = pair(folder, "sizes", IMAGE, LABEL[:9])
    damaged = pair(folder, "damaged", IMAGE, LABEL)
    Path(damaged["image"]).write_bytes(b"II*")
    gone = {"image": str(folder / "gone.png"), "label": good[0]["label"]}
    fewer = pair(folder, "fewer", IMAGE[:1], LABEL)
    bad = [gone, sizes, damaged, fewer]
    said = [
        "gone.png does not exist",
        "sizes_masks.tif is 9 x 30",
        "damaged.tif cannot be read",
        "fewer.tif has",
    ]
    items = [item for couple in zip(good, [*bad, {}], strict=True) for item in couple if item]
    return items, said


def test_all_bad_files_are_listed_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    items, said = bad_files(tmp_path)
    with pytest.raises(
        ValueError, match=r"^4 of 9 images cannot be used \(the log lists them\); the first: .*gone"
    ):
        check_dataset(items)
    assert len(caplog.messages) == 4
    for message, expected in zip(caplog.messages, said, strict=True):
        assert expected in message
    assert {record.levelname for record in caplog.records} == {"ERROR"}


def test_a_first_image_that_is_bad_does_not_make_the_others_bad(tmp_path: Path) -> None:
    damaged = pair(tmp_path, "a", IMAGE[:1], LABEL)
    Path(damaged["image"]).write_bytes(b"")
    with pytest.raises(ValueError, match=r"^[^;]*a.tif cannot be read"):
        check_dataset([damaged, *(pair(tmp_path, name, IMAGE, LABEL) for name in "bc")])


def test_the_fault_of_one_item(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    items, said = bad_files(tmp_path)
    faults = [item_fault(item, channels=0, in_channels=1) for item in items]
    assert [fault is None for fault in faults[::2]] == [True] * 5
    for fault, expected in zip(faults[1::2], [*said[:3], None], strict=True):
        assert fault is None if expected is None else expected in fault
    assert (
        "as many" in str(item_fault(items[0], in_channels=1)) and item_fault(items[0], in_channels=2) is None
    )
    assert "ERROR" not in caplog.text  # it is for the caller to say


def test_a_colour_picture_and_a_network_of_one_channel(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((9, 8, 3), np.uint8), photometric="rgb")
    said = (
        "x.tif is a colour picture .R, G, B., but the network takes one channel: choose it with --channels R"
    )
    with pytest.raises(ValueError, match=said):
        check_dataset([{"image": str(tmp_path / "x.tif")}], in_channels=1)


def test_unnamed_pages_are_refused_by_the_header(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((5, 20, 30), np.uint8), photometric="minisblack")
    assert "5 pages and does not say" in str(item_fault({"image": str(tmp_path / "x.tif")}, channels=0))
    named = {"image": str(tmp_path / "x.tif"), "channels": list("abcde")}
    assert item_fault(named, channels=0) is None  # type: ignore[arg-type]


def test_labels_stored_as_jpeg_are_refused(tmp_path: Path) -> None:
    item = pair(tmp_path, "a", IMAGE, LABEL)
    item["label"] = str(tmp_path / "a.jpg")
    Image.fromarray(LABEL.astype(np.uint8)).save(item["label"])
    with pytest.raises(ValueError, match="a.jpg is compressed as JPEG"):
        check_dataset([item])
