"""A data set's first bad pair of files is named before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import check_dataset


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
        (IMAGE, LABEL.astype(np.float32), "b_masks.tif holds float32"),
        (
            IMAGE[:, :, :, None].repeat(3, 3)[0],
            LABEL,
            r"b.tif has 3 channel\(s\) but .*a.tif has 2.*--channels 0",
        ),
        (IMAGE[0].astype(complex), LABEL, "b.tif has pixels of type complex"),
    ],
)
def test_the_first_bad_pair_is_named(tmp_path: Path, image: np.ndarray, label: np.ndarray, said: str) -> None:
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
