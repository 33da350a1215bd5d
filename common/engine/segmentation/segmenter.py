"""An array -> its label map, by a trained bundle: the way in from Python."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Int32, Shaped
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.networks.utils import eval_mode

from ...bundle_config import bundle_folder, bundle_names, bundle_parser, packed_root, project_root
from ...geometry import finite_values
from ...messages import sentence, suggest
from ...readers import ChannelChoice, choose_channels
from ...readers.colour_picture import refuse_part_of_colours
from ...readers.image_record import RGB_NAMES
from ..trained import choose_weights, load_weights, take_trained_settings, trained_settings

__all__ = ["Segmentation", "Segmenter", "load_segmenter"]

Image: TypeAlias = Shaped[np.ndarray, "..."]
LabelMap: TypeAlias = Int32[np.ndarray, "h w"]
# What concerns files, which an array has not.
_OF_FILES = (
    "dataset_dir",
    "output_dir",
    "overlay",
    "table",
    "formats",
    "recursive",
    "skip_finished",
    "num_workers",
    "seed",
)


@dataclass(frozen=True)
class Segmentation:
    """What was found in an image.

    Attributes:
        label_map: 0 = background, i = nucleus i.
        cells: i = the cell of nucleus i, or, beyond the nuclei's numbers, one without a nucleus; None where
            the weights find nuclei alone.
        foreground: how sure the network is of each pixel, the probability of a nucleus.
        embeddings: what the network knows of each nucleus, where `load_segmenter` was given
            `embeddings=True`, else None; a row a nucleus, in the order of their numbers.

    Shapes:
        label_map, cells: (h, w) int32.
        foreground: (h, w) float32 in [0, 1].
        embeddings: (nuclei, d) float32.
    """

    label_map: LabelMap
    foreground: np.ndarray
    cells: LabelMap | None = None
    embeddings: np.ndarray | None = None


class Segmenter:
    """Finds the nuclei of images in memory as the bundle's inference.json finds those of files.

    Made by `load_segmenter`. Calling it again costs the network's time alone.

    Args:
        parser: the configuration, with the training's settings.
        weights: the file of weights.

    Attributes:
        bundle: name of the bundle.
        weights: the file of weights.
        network: the network on its device.
        device: the device.
        in_channels: how many channels the network takes; None: any number.
    """

    def __init__(self, parser: ConfigParser, weights: Path) -> None:
        get = parser.get_parsed_content
        self.bundle, self.weights = Path(str(parser["bundle_root"])).name, weights
        self.device: torch.device = get("hardware::device")
        self.network: torch.nn.Module = get("network").eval()
        self.in_channels: int | None = parser["network_def"]["in_channels"]
        self._channels: ChannelChoice = parser["channels"]
        self._to_tensor, self._to_label_map = get("array_to_tensor"), get("maps_to_label_map")
        self._inferer, self._mixed = get("evaluator::inferer"), bool(get("hardware::mixed_precision"))
        load_weights(self.network, weights)

    def __repr__(self) -> str:
        """Name the bundle and the weights."""
        return f"Segmenter({self.bundle!r}, weights={str(self.weights)!r}, device={str(self.device)!r})"

    def __call__(
        self,
        image: Any,
        *,
        axes: str | None = None,
        pixel_size_um: float | None = None,
        channels: ChannelChoice = None,
        channel_names: Sequence[str] | None = None,
    ) -> Any:
        """Segment one image, or several; `find` tells of whole cells too.

        Args:
            image: an array, or a list of arrays of any sizes, which the options are for all of.
            axes: what the array's axes are: "yx", "cyx", "yxc" (y rows, x columns, c channels); an array of
                two axes is "yx" by itself, one of three has to be told.
            pixel_size_um: edge of the image's pixel in micrometres, where it is known: a model that has a
                pixel size gets the image resized to its own.
            channels: which channels, by number from 0 or by name; by default those of the training. An image
                of one channel is that channel.
            channel_names: the names of the array's channels, where they are chosen by name.

        Shapes:
            image: (h, w), (c, h, w) or (h, w, c), numbers of any type and range; what is not finite counts as
                the lowest value of its channel.
            returns: (h, w) int32, 0 = background, i = nucleus i; a list of them for a list of images.

        Raises:
            TypeError: if it is no array of numbers.
            ValueError: if the axes are not told or do not fit, the network takes another number of channels,
                a channel is not there, or the image would be resized by more than 8.
        """
        options: dict[str, Any] = {"axes": axes, "pixel_size_um": pixel_size_um, "channels": channels}
        options["channel_names"] = channel_names
        if isinstance(image, (list, tuple)):
            return [self.find(one, **options).label_map for one in image]
        return self.find(image, **options).label_map

    def find(
        self,
        image: Any,
        *,
        axes: str | None = None,
        pixel_size_um: float | None = None,
        channels: ChannelChoice = None,
        channel_names: Sequence[str] | None = None,
    ) -> Segmentation:
        """Segment one image, and return all that was found: `label_map`, `foreground`, `cells`, `embeddings`.

        Args:
            image: see `__call__`, as all that follow; not a list.
            axes: what the array's axes are.
            pixel_size_um: edge of the image's pixel.
            channels: which channels.
            channel_names: their names.

        Shapes:
            image: see `__call__`.

        Raises:
            TypeError: see `__call__`.
            ValueError: see `__call__`.
        """
        pixels = _channels_first(np.asarray(image), axes)
        if (
            channel_names is None
            and (axes or "").lower().endswith("c")
            and pixels.shape[0] == 3
            and pixels.dtype == np.uint8
        ):
            channel_names = RGB_NAMES  # as pictures are stored
        pixels = self._chosen(pixels, channels, channel_names)
        meta = {"filename_or_obj": "the image", "pixel_size_um": pixel_size_um or math.nan}
        item = self._to_tensor({"image": MetaTensor(torch.from_numpy(pixels), meta=meta)})
        mixed = torch.autocast(self.device.type) if self._mixed else nullcontext()
        with eval_mode(self.network), mixed:
            maps = self._inferer(item["image"][None].to(self.device), self.network)
        made = self._to_label_map({**item, "pred": maps[0]})
        nuclei, *cells = np.asarray(made["pred_map"])
        known = made.get("embeddings")
        if known is not None:
            known = np.asarray(known)[np.unique(nuclei[nuclei > 0]) - 1]
        foreground = np.asarray(made["foreground"])[0]
        return Segmentation(nuclei, foreground, cells[0] if cells else None, known)

    def _chosen(self, pixels: np.ndarray, channels: ChannelChoice, names: Sequence[str] | None) -> np.ndarray:
        """Return the channels that the network takes, as `LoadImaged` gives them: float32."""
        count = len(pixels)
        if names is not None and len(names) != count:
            raise ValueError(f"the image has {count} channel(s), but {len(names)} channel_names are given")
        known = list(names) if names is not None else [str(number) for number in range(count)]
        choice = self._channels if channels is None else channels
        if count == 1 and self.in_channels in (1, None) and channels is None:
            choice = 0
        chosen = choose_channels(choice, known, path="the image")
        if self.in_channels not in (None, len(chosen)):
            raise ValueError(
                f"{len(chosen)} of the image's {count} channel(s) are chosen, but the network of"
                f" {self.weights} takes {self.in_channels}: choose as many by channels"
            )
        if tuple(names or ()) == RGB_NAMES:
            refuse_part_of_colours(pixels, chosen, choice, path="the image")
        return np.ascontiguousarray(finite_values(pixels[list(chosen)]), dtype=np.float32)


def _channels_first(image: np.ndarray, axes: str | None) -> np.ndarray:
    if image.dtype.kind not in "buif":
        raise TypeError(f"the image is an array of {image.dtype}: give numbers")
    if axes is None and image.ndim == 2:
        axes = "yx"
    if axes is None:
        raise ValueError(
            f'the image has the shape {image.shape}: say what its axes are, such as axes="cyx" or axes="yxc"'
        )
    order = axes.lower()
    if sorted(order) not in (["x", "y"], ["c", "x", "y"]) or len(order) != image.ndim:
        raise ValueError(
            f'axes is "{axes}" for an image of shape {image.shape}: write a letter an axis, y for rows, x for'
            f' columns and c for channels, such as "yx" or "cyx"'
        )
    if 0 in image.shape:
        raise ValueError(f"the image has the shape {image.shape}: it is empty")
    if "c" not in order:
        image, order = image[None], f"c{order}"
    return image.transpose([order.index(axis) for axis in "cyx"])


def load_segmenter(source: str | Path | None = None, **options: Any) -> Segmenter:
    """Load a trained bundle, once, to segment arrays with.

    Args:
        source: a bundle's name (its own training, `runs/<name>`, else the weights released with it), the
            folder of a training, or a file of weights; None: "logsage", or the packed bundle that this is
            imported from.
        options: those of the bundle's inference.json that concern the network and not files, such as
            `device="cuda"`, `channels="DAPI"`, `scale=0.5`, `weights=FILE`; by default those of the training.

    Returns:
        The segmenter: `segmenter(image)` gives a label map.

    Raises:
        FileNotFoundError: if there is no such bundle or training, or it has no weights.
        TypeError: if an option does not exist.
        ValueError: if an option cannot be used, or the weights are of another bundle.
    """
    root, where = _located(source or packed_root() or "logsage")
    parser = bundle_parser(root)
    known = [name for name in parser.get() if name not in _OF_FILES]
    for name in options:
        if name not in known:
            raise TypeError(f"load_segmenter has no option {name!r}: {suggest(name, known)}")
    parser.update({"bundle_root": str(root), **where, **options})
    config = parser.get()
    weights, _ = choose_weights(config["weights"], config["ckpt_dir"], root)
    take_trained_settings(parser, config, weights, set(options))
    try:
        return Segmenter(parser, weights)
    except RuntimeError as error:  # MONAI's, around the sentence
        raise ValueError(sentence(error)) from error


def _located(source: str | Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the bundle, and where its weights are."""
    if str(source) in bundle_names() or Path(source, "configs", "inference.json").is_file():
        root = bundle_folder(source)
        parser = bundle_parser(root)
        parser["bundle_root"] = str(root)  # a packed bundle's weights are below it
        return root, {"ckpt_dir": str(project_root() / parser.get_parsed_content("ckpt_dir"))}
    path = Path(source).expanduser()
    if path.is_file():
        where: dict[str, Any] = {"weights": str(path)}
    elif path.is_dir():
        where = {"ckpt_dir": str(path)}
    else:
        raise FileNotFoundError(
            f"{source} is no bundle, training or file of weights: {suggest(str(source), bundle_names())}"
        )
    weights, _ = choose_weights(where.get("weights"), where.get("ckpt_dir"))
    told = trained_settings(weights).get("bundle_root")
    if not told:
        raise ValueError(
            f"no train.json beside {weights} tells which bundle it is of: give the bundle's name as source"
            f" and this file as weights"
        )
    return bundle_folder(os.path.normpath(str(told))), where
