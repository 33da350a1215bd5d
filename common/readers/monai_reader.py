"""The readers as MONAI's LoadImaged takes them: arrays of (width, height[, channels]) with their meta."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import ImageReader
from monai.utils import ensure_tuple

from .channels import ChannelChoice
from .dataset_json import known_of
from .image_file import SUFFIXES, read_image
from .label_file import read_labels


class _LazyReader(ImageReader):
    """Hands the file name on from `read` to `get_data`.

    LoadImage catches whatever `read` raises and then tries MONAI's own readers, which would read a PNG
    without the channel that was asked for, or print ten tracebacks. It catches nothing from `get_data`.
    """

    def verify_suffix(self, filename: Sequence[Any] | Any) -> bool:
        """Tell whether every file has a suffix that can be read."""
        return all(str(name).lower().endswith(SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Sequence[Any] | Any, **kwargs: Any) -> Any:
        """Return the file name; `get_data` reads it."""
        return [str(name) for name in ensure_tuple(data)]

    @staticmethod
    def _only(names: Any) -> str:
        names = ensure_tuple(names)
        if len(names) != 1:
            raise ValueError(
                f"{len(names)} files are given for one image ({names[0]}, ...): save its channels in one TIFF"
            )
        return str(names[0])


class MicroscopyReader(_LazyReader):
    """Read an image of any format for `LoadImaged`, all its channels or a choice of them.

    Channel names come from `channel_names`, else from a `dataset.json` beside the image or one folder above
    (so training, inference and a server choose alike, though MONAI tells a reader nothing but the path), else
    from the file itself.

    Args:
        channels: all (None), a number, a name, several in a list, or one string such as "DAPI,CD3" or "0,2".
        channel_names: names of the channels of every image, or a table of image path -> names.

    Shapes:
        array: (W, H) of one channel, else (W, H, C), as MONAI's own readers return it.
    """

    def __init__(
        self,
        channels: ChannelChoice = None,
        channel_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Keep the choice; see the class."""
        super().__init__()
        self.channels = channels
        self.channel_names = channel_names

    def get_data(self, img: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """Read the file that `read` was given.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it cannot be read or lacks a channel.
        """
        path = self._only(img)
        known = known_of(Path(path))
        image = read_image(
            path, channels=self.channels, channel_names=self._given_names(path) or known.get("channels")
        )
        array = image.pixels.transpose(2, 1, 0)
        size = known.get("pixel_size_um") or image.pixel_size_um or math.nan  # None could not be collated
        extras = {"channel_names": image.channel_names, "pixel_size_um": float(size)}
        return _with_meta(array[..., 0] if array.shape[-1] == 1 else array, extras)

    def _given_names(self, path: str) -> Sequence[str] | None:
        if isinstance(self.channel_names, Mapping):
            return self.channel_names.get(path)
        return self.channel_names


class LabelReader(_LazyReader):
    """Read a label map for `LoadImaged`.

    Shapes:
        array: (W, H), int32. LoadImaged makes it float32 unless told otherwise, exact up to 16,777,216
            nuclei.
    """

    def get_data(self, img: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """Read the file that `read` was given.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it holds no labels.
        """
        return _with_meta(read_labels(self._only(img)).transpose(1, 0), {})


def _with_meta(array: np.ndarray, extras: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    meta = {
        "spatial_shape": np.asarray(array.shape[:2]),
        "original_channel_dim": math.nan if array.ndim == 2 else -1,
    }
    return array, meta | extras
