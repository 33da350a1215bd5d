"""The images of a segmentation: one that cannot be loaded is told to the evaluator, and the others go on."""

from __future__ import annotations

from typing import Any

from monai.data import Dataset

from ...messages import sentence

__all__ = ["FAULT", "ImageDataset"]

FAULT = "fault"


class ImageDataset(Dataset):
    """A MONAI data set whose items have a "fault", a sentence, where they cannot be loaded.

    Args:
        data: items with the "image" file and its "name"; one that has a "fault" already is not tried.
        transform: loads an item and prepares it.
    """

    def _transform(self, index: int) -> Any:
        item = self.data[index]
        if FAULT in item:
            return item
        try:
            return super()._transform(index)
        except Exception as error:
            return {**item, FAULT: sentence(error)}
