"""The last step of a pipeline: what a reader read comes out as files, the right way round."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged, Transposed
from PIL import Image

from common.export import SaveLabelMapd, SaveNucleid, display_image, read_table, record_of
from common.files import recorded
from common.readers import LabelReader, MicroscopyReader

RNG = np.random.default_rng(0)


def nuclei() -> np.ndarray:
    """Return a label map that no flip or turn leaves as it is."""
    label_map = np.zeros((30, 47), dtype=np.uint16)
    label_map[2:9, 3:20] = 1
    label_map[2:9, 20:24] = 2
    label_map[15:28, 5:10] = 3
    return label_map


def item(name: str = "folder/cells.png", channels: int = 1) -> dict[str, torch.Tensor]:
    image = MetaTensor(RNG.random((channels, 30, 47)), meta={"filename_or_obj": name})
    return {"image": image, "pred_map": torch.from_numpy(nuclei().astype(np.int64))[None]}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ome.tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_asymmetric_image_through_reader_and_writer(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = np.repeat((nuclei() * 60).astype(np.uint8)[None], channels, axis=0)
    image, label = tmp_path / f"cells{suffix}", tmp_path / "label.tif"
    if suffix == ".png":
        Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0)).save(image)
    else:
        tifffile.imwrite(image, pixels, photometric="minisblack", metadata={"axes": "CYX"})
    tifffile.imwrite(label, nuclei())
    run = Compose(
        [
            LoadImaged("image", reader=MicroscopyReader(), ensure_channel_first=True),
            LoadImaged("pred_map", reader=LabelReader(), ensure_channel_first=True),
            Transposed(("image", "pred_map"), indices=(0, 2, 1)),
            SaveLabelMapd(output_dir=tmp_path / "out"),
        ]
    )
    run({"image": str(image), "pred_map": str(label)})
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "cells.tif"), nuclei())
    with Image.open(tmp_path / "out" / "overlays" / "cells.png") as picture:
        shown = np.asarray(picture)
    assert shown.shape == (30, 47, 3)
    inside = np.s_[4:7, 5:18]  # no outline there
    assert np.array_equal(shown[inside], display_image(pixels)[inside])


def test_the_data_pass_through_unchanged(tmp_path: Path) -> None:
    data = item()
    result = SaveLabelMapd(output_dir=tmp_path)(data)
    assert result.keys() == data.keys() and all(result[key] is data[key] for key in data)


def test_label_maps_alone_lie_in_the_folder(tmp_path: Path) -> None:
    SaveLabelMapd(output_dir=tmp_path)(item())
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["cells.tif"]
    SaveLabelMapd(output_dir=tmp_path / "plain", overlay=False)(item())
    assert [file.name for file in (tmp_path / "plain").iterdir()] == ["cells.tif"]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint8, torch.float32])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_whole_numbers_of_any_type_are_labels(tmp_path: Path, dtype: torch.dtype, dimensions: int) -> None:
    data = item()
    data["pred_map"] = data["pred_map"].to(dtype)[0 if dimensions == 2 else slice(None)]
    SaveLabelMapd(output_dir=tmp_path)(data)
    assert np.array_equal(tifffile.imread(tmp_path / "cells.tif"), nuclei())


def test_the_truth_is_drawn_where_it_is_named(tmp_path: Path) -> None:
    data = item() | {"label_map": torch.zeros(1, 30, 47, dtype=torch.int64)}
    SaveLabelMapd(output_dir=tmp_path / "a")(data)
    data["label_map"][0, 20:25, 30:40] = 1
    SaveLabelMapd(output_dir=tmp_path / "b", truth_key="label_map")(data)
    one, other = ((tmp_path / folder / "overlays" / "cells.png").read_bytes() for folder in "ab")
    assert one != other


def test_the_pixel_size_is_passed_on(tmp_path: Path) -> None:
    data = item()
    data["image"].meta["pixel_size_um"] = 0.5
    SaveLabelMapd(output_dir=tmp_path)(data)
    with tifffile.TiffFile(tmp_path / "cells.tif") as file:
        count, per = file.pages[0].tags["XResolution"].value
    assert count / per == pytest.approx(20_000)  # pixels a centimetre


def test_maps_that_were_not_decoded_are_refused(tmp_path: Path) -> None:
    for maps in (torch.rand(1, 30, 47), torch.zeros(3, 30, 47, dtype=torch.int64)):
        with pytest.raises(ValueError, match="no label map: decode it first"):
            SaveLabelMapd(output_dir=tmp_path)(item() | {"pred_map": maps})


def test_a_label_map_of_another_size_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bring it back to the image's size"):
        SaveLabelMapd(output_dir=tmp_path)(item() | {"pred_map": torch.zeros(1, 47, 30, dtype=torch.int64)})
    assert not any(tmp_path.iterdir())


def test_an_image_without_a_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not name its file"):
        SaveLabelMapd(output_dir=tmp_path)(item() | {"image": torch.rand(1, 30, 47)})


def test_several_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give one"):
        SaveLabelMapd(["pred_map", "label_map"], output_dir=tmp_path)


def test_an_item_with_a_name_is_saved_under_it_and_notes_its_making(tmp_path: Path) -> None:
    image = tmp_path / "cells.png"
    Image.fromarray((nuclei() * 60).astype(np.uint8)).save(image)
    made = SaveLabelMapd(output_dir=tmp_path / "out", made_by="weights-settings", made_with=["overlay"])
    made({**item(str(image)), "name": "day1/cells"})
    assert (tmp_path / "out" / "overlays" / "day1" / "cells.png").is_file()
    noted = recorded(tmp_path / "out" / "day1" / "cells.tif")
    assert noted == {**record_of("weights-settings", image), "made_with": ["overlay"], "nuclei": 3}
    image.write_bytes(image.read_bytes() + b" ")
    assert record_of("weights-settings", image)["image"] != noted["image"]


def test_a_table_measures_every_channel_of_the_file_as_it_is_stored(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 9999, (2, 30, 47)).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "cells.ome.tif", pixels, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3"]}}
    )
    shown = item(str(tmp_path / "cells.ome.tif"))  # what a network got: one channel, scaled
    SaveNucleid(output_dir=tmp_path / "out", reader=MicroscopyReader(), formats=["geojson"])(shown)
    table = read_table(tmp_path / "out" / "cells.csv")
    for channel, name in enumerate(("mean_DAPI", "mean_CD3")):
        wanted = [pixels[channel][nuclei() == label].mean() for label in (1, 2, 3)]
        assert table[name] == pytest.approx(wanted, rel=1e-5)
    polygons = json.loads((tmp_path / "out" / "cells.geojson").read_text())["features"]
    measured = [each["properties"]["measurements"]["mean_CD3"] for each in polygons]
    assert measured == pytest.approx(table["mean_CD3"], rel=1e-5)
    SaveNucleid(output_dir=tmp_path / "none", reader=MicroscopyReader(), table=False)(shown)
    assert not (tmp_path / "none").exists()
