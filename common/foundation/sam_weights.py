"""SAM's image encoder, from a folder or from what the Hugging Face hub's own command has fetched."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["DEFAULT_WEIGHTS", "digest_of", "load_sam_encoder"]

DEFAULT_WEIGHTS = "facebook/sam-vit-base"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_KINDS = ("sam", "sam_vision_model")
_PATCH_PX, _CHANNELS = 16, 3
_WITHOUT = "the bundle eunet3plus is the same network without SAM"


def load_sam_encoder(weights: str | Path = DEFAULT_WEIGHTS) -> nn.Module:
    """Return SAM's image encoder with its weights, in evaluation mode, without gradients.

    Nothing is downloaded: a training that begins with 400 MB from the network, in each of several jobs at
    once, is nobody's wish. What is looked up is what `hf download` has fetched, or a folder.

    Args:
        weights: a folder with `config.json` and `model.safetensors` of a `SamModel` or a `SamVisionModel`, or
            the name of such on the hub: facebook/sam-vit-base, facebook/sam-vit-large, facebook/sam-vit-huge.

    Raises:
        FileNotFoundError: the weights are not on this machine, with what to fetch and where to put it.
        ModuleNotFoundError: the package transformers is not installed.
        ValueError: what is there is no SAM, or another than its configuration says, or damaged.

    References:
        Kirillov et al., Segment anything, ICCV 2023, section 3 (image encoder).
    """
    try:
        from transformers import SamVisionConfig, SamVisionModel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"SAM needs a package that is not installed ({error.name}): pip install -r requirements-sam.txt; "
            f"{_WITHOUT}"
        ) from error
    source = str(weights)
    folder = _find(source)
    settings = _settings(folder, source)
    try:
        with _quiet():
            model, found = SamVisionModel.from_pretrained(
                folder,
                config=SamVisionConfig.from_dict(settings),
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # of several libraries, none of whose sentences names the option
        raise ValueError(
            f"--sam_weights {source}: {folder / _WEIGHTS} is damaged or does not go with {_CONFIG}: fetch "
            "both again"
        ) from error
    if other := sorted(key for key, *_ in found["mismatched_keys"]):
        raise ValueError(
            f"--sam_weights {source}: {_WEIGHTS} is of another size than {_CONFIG} says ({other[0]}): take "
            "both from one model"
        )
    if missing := sorted(found["missing_keys"]):
        raise ValueError(
            f"--sam_weights {source}: {_WEIGHTS} lacks {missing[0]}: take it and {_CONFIG} from one SAM, "
            f"such as {DEFAULT_WEIGHTS}"
        )
    encoder: nn.Module = model.vision_encoder
    return encoder.eval().requires_grad_(False)


def digest_of(encoder: nn.Module) -> bytes:
    """Return 16 bytes that change with any weight, whatever file the weights come from.

    Args:
        encoder: any module, on the CPU.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> before = digest_of(layer)
        >>> _ = nn.init.constant_(layer.bias, 0.5)
        >>> len(before), digest_of(layer) == before
        (16, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().contiguous().numpy().data)
    return digest.digest()


def _fetch(name: str) -> str:
    return f"hf download {name} {_CONFIG} {_WEIGHTS}"


def _find(source: str) -> Path:
    """Return the folder that holds a model's files, whether it is named or the hub's command made it."""
    named = Path(source).expanduser()
    if named.is_dir():
        return named
    if named.exists():
        raise ValueError(
            f"--sam_weights {source} is a file: give the folder of {_CONFIG} and {_WEIGHTS}, as they are on "
            "the Hugging Face hub (Meta's own .pth files are another format)"
        )
    from huggingface_hub import constants, try_to_load_from_cache

    # A folder that was mistyped looks like a name, but for the folder that it should lie in.
    name = re.fullmatch(r"\w[\w-]*(\.\w[\w-]*)*/\w[\w-]*(\.\w[\w-]*)*", source)
    is_hub_name = name is not None and not named.parent.is_dir()
    if is_hub_name:
        config, file = (try_to_load_from_cache(source, each) for each in (_CONFIG, _WEIGHTS))
        if isinstance(config, str) and isinstance(file, str):
            return Path(config).parent
    wanted = source if is_hub_name else DEFAULT_WEIGHTS
    raise FileNotFoundError(
        f"--sam_weights {source}: there are no such weights of SAM on this machine: fetch {wanted} where "
        f"there is a network ({_fetch(wanted)}), which puts them into {constants.HF_HUB_CACHE}, or put these "
        f"two files into a folder and give it as --sam_weights FOLDER; {_WITHOUT}"
    )


def _settings(folder: Path, source: str) -> dict[str, Any]:
    """Return what config.json says of the image encoder."""
    for name in (_CONFIG, _WEIGHTS):
        if not (folder / name).is_file():
            others = sorted(file.name for file in folder.iterdir() if file.suffix in (".pth", ".bin", ".pt"))
            there = f" ({others[0]} is another format)" if others else ""
            raise FileNotFoundError(
                f"--sam_weights {source}: the folder {folder} has no {name}{there}: fetch it "
                f"({_fetch(DEFAULT_WEIGHTS)} --local-dir {folder}); {_WITHOUT}"
            )
    try:
        content = dict(json.loads((folder / _CONFIG).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"--sam_weights {source}: {folder / _CONFIG} is damaged: fetch it again") from error
    kind = content.get("model_type")
    if kind not in _KINDS:
        raise ValueError(
            f"--sam_weights {source} is a model of the type {kind!r}, not 'sam': give {DEFAULT_WEIGHTS}, "
            "facebook/sam-vit-large, facebook/sam-vit-huge or a folder with one of these"
        )
    settings: dict[str, Any] = dict(content.get("vision_config") or {}) if kind == "sam" else content
    found = settings.get("patch_size", _PATCH_PX), settings.get("num_channels", _CHANNELS)
    if found != (_PATCH_PX, _CHANNELS):
        raise ValueError(
            f"--sam_weights {source} has patches of {found[0]} px of {found[1]} channels: give a SAM with "
            f"patches of {_PATCH_PX} px of {_CHANNELS} channels, such as {DEFAULT_WEIGHTS}"
        )
    return settings


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what transformers tells on the way: a table of every weight of SAM's that is not needed."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
