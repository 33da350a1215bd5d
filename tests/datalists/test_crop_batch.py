"""A batch of images that have different numbers of channels."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.data.utils import list_data_collate

from common.datalists import batch_crops


def crop(channels: int, value: int) -> dict[str, Any]:
    meta = {"channel_names": tuple("abc"[:channels]), "scale": value}
    image = MetaTensor(torch.full((channels, 4, 6), float(value)), meta=meta)
    return {"image": image, "label": torch.full((4, 4, 6), value), "slide": f"s{value}"}


def test_what_an_image_lacks_is_zero_and_has_no_name() -> None:
    crops = [crop(3, 3), crop(1, 1), crop(2, 2)]
    batch = batch_crops(crops)
    assert batch["image"].shape == (3, 3, 4, 6) and batch["label"].shape == (3, 4, 4, 6)
    by_channel = np.asarray(batch["image"].mean(dim=(2, 3)))
    np.testing.assert_array_equal(by_channel, [[3, 3, 3], [1, 0, 0], [2, 2, 0]])
    assert batch["image"].meta["scale"].tolist() == [3, 1, 2] and batch["slide"] == ["s3", "s1", "s2"]
    names = [each["image"].meta["channel_names"] for each in crops]
    assert names == [("a", "b", "c"), ("a",), ("a", "b")], "the data set's own images were changed"


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_one_number_of_channels_are_batched_as_monai_does(channels: int) -> None:
    crops = [crop(channels, 1), crop(channels, 2)]
    batch, monais = batch_crops(crops), list_data_collate(crops)
    assert batch.keys() == monais.keys() and torch.equal(batch["image"], monais["image"])
    assert batch["image"].meta["channel_names"] == monais["image"].meta["channel_names"]
