"""The weights that travel in a packed bundle, and what their training used."""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from ..bundle_config import PLACES, as_json, bundle_parser, written
from ..engine.trained import refuse_other_bundle, shared_settings, trained_settings
from ..engine.trained.settings import settings_to_take
from ..engine.trained.weights import load_weights, read_weights
from ..messages import sentence
from .flat_config import HERE, FlatNames

__all__ = ["PackedWeights", "find_packed_weights"]

_log = logging.getLogger(__name__)
# What a network learns, and how large crops it is used to; how it learns, a bundle's own recipe says.
_TEACHING = ("targets", "loss", "before_cropping", "prepare_batch", "crop_px")
_FOLDERS = (*PLACES, "sam_cache")
_SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")


class PackedWeights:
    """A file of weights that fits its bundle.

    Args:
        file: the weights.
        settings: the configuration of their training, the decoder as it was tuned; may be empty.
        parser: the bundle's configuration, with the network of the training.

    Attributes:
        network: the network with these weights, in evaluation mode, in full precision.
        in_channels: channels of the network's image; None: any number.
        divisor: what height and width of its image must be multiples of.
        licence: SPDX name of the weights' own licence, as released weights have it in LICENSE beside them,
            because their training's data ask for it; None: they have none.
        decoder: maps -> label map, as it was tuned.
        finds_cells: whether it gives a label map of whole cells too.
        intensity: the transform that scales an image's intensities.

    Raises:
        ValueError: the network cannot be built, or the weights do not fit.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any], parser: ConfigParser) -> None:
        self.file, self.settings = file, dict(settings)
        beside = file.with_name("LICENSE")
        said = _SPDX.match(beside.read_text(encoding="utf-8")) if beside.is_file() else None
        self.licence = None if said is None else said[1]
        for name in {"network_def", "sam_weights", "inferer", "decoder", "intensity"} & self.settings.keys():
            parser[name] = self.settings[name]
        self.in_channels: int | None = parser["network_def"]["in_channels"]
        self.divisor = int(parser["inferer"]["divisor"])
        try:
            self.network: torch.nn.Module = parser.get_parsed_content("network_def").eval()
        except RuntimeError as error:  # MONAI's, around the sentence
            raise ValueError(f"{file}: its network cannot be built: {sentence(error)}") from error
        load_weights(self.network, file)
        self.decoder: Any = parser.get_parsed_content("decoder")
        self.finds_cells = bool(getattr(self.decoder, "finds_cells", False))
        self.intensity: Any = parser.get_parsed_content("intensity")
        intensity = self.settings.get("intensity")
        if isinstance(intensity, Mapping) and isinstance(intensity.get("reference"), str):
            # The image is its maker's: what was measured in it goes along.
            self.settings["intensity"] = {**intensity, "reference": self.intensity.reference()}
        # A name on the hub is everybody's, a folder with SAM's weights its maker's.
        if os.path.isdir(str(self.settings.get("sam_weights"))):
            del self.settings["sam_weights"]

    def put_into(self, config: Mapping[str, Any], names: FlatNames) -> dict[str, Any]:
        """Return a packed configuration in which the training's settings stand.

        Other programs run the parts of a bundle, not the command whose first step takes these settings. And a
        training that begins with these weights has to teach every map what it means already.

        Args:
            config: train.json or inference.json, flat.
            names: the packed bundle's.
        """
        # The training's data are its maker's: only its lists hold, where the bundle names the same data.
        taken = settings_to_take(self.settings, config, given={"dataset_dir"})
        taken |= {name: self.settings[name] for name in self._teaching() if name in config}
        return {**config, **names(as_json(taken))}

    def _teaching(self) -> set[str]:
        """Return the settings that say what maps shall be, with the numbers and words that these name."""
        found = {name for name in _TEACHING if name in self.settings}
        named = set(re.findall(r"@(\w+)", written({name: self.settings[name] for name in found})))
        plain = {name for name in named & self.settings.keys() if _is_plain(self.settings[name])}
        # Folders are the maker's; one that was left out of released settings is no number that is not given.
        return found | plain.difference(_FOLDERS)

    def write(self, models: Path, names: FlatNames) -> None:
        """Write `model.pt`, its licence, and `train.json` where the training's settings are known.

        Args:
            models: the packed bundle's folder of weights, made here.
            names: the packed bundle's.
        """
        models.mkdir()
        state = read_weights(self.file)
        content = torch.load(self.file, map_location="cpu", weights_only=True)
        if isinstance(content, Mapping) and content.keys() == state.keys():
            shutil.copyfile(self.file, models / "model.pt")
        else:  # a checkpoint of a training, with an optimizer that nobody needs
            # Into memory: torch writes a file's name into it.
            memory = io.BytesIO()
            torch.save({name: value.clone() for name, value in state.items()}, memory)
            (models / "model.pt").write_bytes(memory.getvalue())
        if self.licence is not None:
            shutil.copyfile(self.file.with_name("LICENSE"), models / "LICENSE")
        if self.settings:
            text = written(names(shared_settings(as_json(self.settings), HERE)))
            (models / "train.json").write_text(text, encoding="utf-8")


def _is_plain(value: Any) -> bool:
    """Tell numbers and words from what a configuration makes: objects, references and expressions."""
    parts = value if isinstance(value, list) else [value]
    return all(
        part is None
        or isinstance(part, (int, float))
        or (isinstance(part, str) and not part.startswith(("@", "$", "%")))
        for part in parts
    )


def find_packed_weights(folder: Path, weights: str | Path | None = None) -> PackedWeights | None:
    """Find the weights of a bundle that is packed, and look whether they fit.

    Args:
        folder: the bundle's folder in the repository.
        weights: a file named by the user; None: those released with the bundle, if there are any.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the weights are of another bundle, or do not fit the network of their training.
    """
    if weights is None:
        file = folder / "models" / "model.pt"
        if not file.is_file():
            _tell_of_training(folder)
            return None
    else:
        file = Path(weights)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file of weights {file}: give --weights an existing file")
    refuse_other_bundle(file, folder)
    return PackedWeights(file, trained_settings(file), bundle_parser(folder))


def _tell_of_training(folder: Path) -> None:
    own = ConfigParser.load_config_file(str(folder / "configs" / "inference.json")).get("ckpt_dir")
    if own and (file := Path(str(own)) / "model.pt").is_file():
        _log.info(
            "%s is packed without weights: add --weights %s for those of your training", folder.name, file
        )
