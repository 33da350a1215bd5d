"""A bundle as it was trained: its network with weights, and the way from an image to its label map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.bundle import ConfigParser

from ...files import sha256_of
from .other_bundle import refuse_other_bundle
from .settings import trained_settings
from .weights import find_weights, load_weights

__all__ = ["Prediction", "TrainedBundle", "training_config", "trained_bundle"]

_MACRO = "%"


class Prediction(NamedTuple):
    """What a bundle finds in an image.

    Shapes:
        label_map: (H, W) int32, on the image's own grid.
        foreground: (H, W) float32, a probability, on the image's own grid.
        image: (c, h, w) float32, as the network gets it, on the network's grid.
        maps: (k, h, w) float32, the network's, on the network's grid.
        targets: (t, h, w) float32, what the maps should be, on the network's grid.
    """

    label_map: np.ndarray
    foreground: np.ndarray
    image: torch.Tensor
    maps: torch.Tensor
    targets: torch.Tensor


class TrainedBundle:
    """A network with its weights, in evaluation mode, and the steps around it.

    Args:
        parser: the configuration of the training.
        weights: the file of weights.

    Attributes:
        parser: the configuration; `parser["loss"]` is text, `parser.get_parsed_content("loss")` the object.
        weights: the file of weights.
        network: the network on its device.
        device: the device.
        sha256: checksum of the file as it was loaded; a training may replace it later.
    """

    def __init__(self, parser: ConfigParser, weights: Path) -> None:
        self.parser, self.weights = parser, weights
        self.network: torch.nn.Module = parser.get_parsed_content("network").eval()
        self.device: torch.device = parser.get_parsed_content("hardware::device")
        # First, so that it is never that of weights which came after those in the network.
        self.sha256 = sha256_of(weights)
        load_weights(self.network, weights)

    def prepare(self, item: Mapping[str, Any], *, targets: bool = True) -> dict[str, Any]:
        """Load an image and its label as validation does: at the network's pixel size, intensities scaled.

        Args:
            item: {"image": file, "label": file, ...}, as a data list has it.
            targets: make the targets from the label, which takes longer than the rest.

        Returns:
            The item with the (c, h, w) "image" that the network gets and the (t, h, w) targets, or the label
            map, as "label".

        Raises:
            ValueError: if the image has not as many channels as the network takes.
        """
        job = "validate" if targets else "evaluate"
        prepared: dict[str, Any] = self.parser.get_parsed_content(f"{job}::preprocessing")(dict(item))
        count, wanted = len(prepared["image"]), self.parser["network_def"].get("in_channels")
        if wanted is not None and count != wanted:
            raise ValueError(
                f"{item['image']} gives {count} channels, but the network of {self.weights} takes {wanted}: "
                "choose them with --channels"
            )
        return prepared

    def maps(self, image: torch.Tensor) -> torch.Tensor:
        """Return the network's maps (k, h, w) of one prepared image (c, h, w), in tiles where it is large."""
        images = torch.as_tensor(image)[None].to(self.device)
        with torch.no_grad():
            found: torch.Tensor = self.parser.get_parsed_content("inferer")(images, self.network)
        return found[0].as_subclass(torch.Tensor).float()

    def predict(self, item: Mapping[str, Any]) -> Prediction:
        """Segment one image as evaluation does.

        Args:
            item: {"image": file, "label": file, ...}, as a data list has it.

        Raises:
            ValueError: see `prepare`.
        """
        prepared = self.prepare(item)
        maps = self.maps(prepared["image"]).cpu()
        image, targets = (
            torch.as_tensor(prepared[key]).as_subclass(torch.Tensor).float() for key in ("image", "label")
        )
        done = self.parser.get_parsed_content("validate::postprocessing")({**prepared, "pred": maps})
        label_map, foreground = (np.asarray(done[key])[0] for key in ("pred_map", "foreground"))
        return Prediction(label_map.astype(np.int32), foreground.astype(np.float32), image, maps, targets)


def training_config(bundle_root: str | Path, weights: str | Path | None = None) -> ConfigParser:
    """Return the configuration of a training: today's wiring, with the settings saved beside the weights.

    Args:
        bundle_root: the bundle's folder.
        weights: a file of weights; None, or no `train.json` beside it: the bundle's own settings.

    Raises:
        FileNotFoundError: if the folder holds no bundle.
    """
    file = Path(bundle_root) / "configs" / "train.json"
    if not file.is_file():
        raise FileNotFoundError(f"there is no bundle in {bundle_root}: {file} is missing")
    own = ConfigParser.load_config_file(str(file))
    parser = ConfigParser()
    parser.read_config(str(file))
    for name, value in (trained_settings(weights) if weights else {}).items():
        # Shared wiring stays today's: the saved one may name what the code no longer has.
        if not str(own.get(name, "")).startswith(_MACRO):
            parser[name] = value
    return parser


def trained_bundle(
    bundle: str | None = None,
    *,
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    channels: Any = None,
    amp: bool | None = None,
    device: str | int | None = None,
) -> TrainedBundle:
    """Find the weights of a bundle and build its network and pipeline with the settings of that training.

    Args:
        bundle: name of the bundle; None: the one that the `train.json` beside the weights names.
        weights: a file named by the user, see `find_weights`.
        ckpt_dir: folder of a training; None: the bundle's own, `runs/BUNDLE` mostly.
        channels: which channels of the images; None: those of the training.
        amp: whether lower precision may be used; None: as in the training. Gradients want False.
        device: where it runs, see `choose_device`; None: a GPU where there is one.

    Raises:
        FileNotFoundError: if there are no weights, or no such bundle.
        ValueError: if neither `bundle` nor a `train.json` tells the bundle, or the weights do not fit.
        RuntimeError: MONAI's, around the sentence of `choose_device`, if there is no such device.
    """
    root = Path("bundles") / bundle if bundle is not None else None
    if root is not None and not weights and ckpt_dir is None:
        ckpt_dir = training_config(root)["ckpt_dir"]
    path = find_weights(weights, ckpt_dir, root)
    if root is None:
        told = trained_settings(path).get("bundle_root")
        if not told:
            raise ValueError(
                f"no train.json beside {path} tells which bundle it is of: name weights that have one"
            )
        root = Path(told)
    refuse_other_bundle(path, root)
    parser = training_config(root, path)
    parser["bundle_root"], parser["weights"], parser["ckpt_dir"] = str(root), str(path), None
    if channels is not None:
        parser["channels"] = channels
    if amp is not None:
        parser["amp"] = amp
    if device is not None:
        parser["device"] = device
    return TrainedBundle(parser, path)
