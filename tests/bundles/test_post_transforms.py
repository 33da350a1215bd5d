"""What MONAI Label's own app runs of a bundle: `post_transforms` make a label map, and no file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose

from common.bundle_config import bundle_parser, read_json

from .conftest import ROOT


def test_a_label_map_as_the_app_writes_it(bundle: str, tmp_path: Path) -> None:
    parser = bundle_parser(ROOT / "bundles" / bundle)
    parser.update({"output_dir": str(tmp_path / "out")})
    _label_map_as_the_app_writes_it(parser, int(parser["network_def"].get("out_channels", 4)))
    assert not (tmp_path / "out").exists(), "nothing is written on the server"
    text = json.dumps(parser["post_transforms"])
    assert "Save" not in text


def test_of_whole_cells_it_writes_the_nuclei() -> None:
    folder = ROOT / "bundles" / "channelnet_cellvit"
    parser = bundle_parser(folder)
    overlay = read_json(folder / "configs" / "whole_cells.json")
    parser.update({"decoder": overlay["decoder"]})
    _label_map_as_the_app_writes_it(parser, overlay["network_def"]["out_channels"])


def _label_map_as_the_app_writes_it(parser: ConfigParser, maps: int) -> None:
    transforms = parser.get_parsed_content("post_transforms")
    assert isinstance(transforms, Compose)
    image = MetaTensor(torch.rand(1, 48, 64), meta={"filename_or_obj": "a.png"})
    pred = torch.randn(maps, 48, 64, generator=torch.Generator().manual_seed(0))
    found = transforms({"image": image, "pred": pred})
    # The app writes the first axis as columns, and by ITK, which has no other whole numbers for PNG.
    assert np.asarray(found["pred"]).shape == (64, 48) and np.asarray(found["pred"]).dtype == np.uint16
    assert np.array_equal(np.asarray(found["pred"]).T, np.asarray(found["pred_map"])[0])
