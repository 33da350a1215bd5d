"""The inference.json of a bundle: it follows from its train.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_whole
from .config_text import written
from .json_file import read_json
from .metadata_file import channels_described
from .network_maps import describe_maps

__all__ = ["PLACES", "check_follows", "inference_config", "rewrite_configs"]

_METHOD = ("network_def", "decoder", "intensity", "inferer")
PLACES = ("bundle_root", "dataset_dir", "output_dir", "ckpt_dir", "weights")
"""Settings that say where files lie."""
_OPTIONS = (
    *("seed", "channels", "pixel_size_um", "scale", "diameter_px", "model_diameter_px"),
    *("overlay", "table", "formats", "embeddings", "recursive", "skip_finished", "amp", "num_workers"),
)
# What a bundle with a foundation model has beside these.
_FOUNDATION = ("sam_weights", "sam_cache")
_SHARED = "common/configs"
# What training and inference have in common.
_AS_IN_TRAINING = ("device", "hardware", "network")


def inference_config(train: Mapping[str, Any], *, file: str | Path) -> dict[str, Any]:
    """Return what a bundle's inference.json holds: the method of its training, its options, and the wiring.

    Args:
        train: what the bundle's train.json holds.
        file: that file; as with MONAI's macros, folders begin at the repository's root.

    Raises:
        ValueError: train.json lacks something that inference needs.
    """
    file = Path(file).as_posix()
    own: dict[str, Any] = {"output_dir": f"{train.get('ckpt_dir')}/segmented", "overlay": True}
    own |= {"table": False, "formats": None, "embeddings": False}
    own |= {"recursive": False, "skip_finished": False}
    own |= {"sam_cache": None}  # images that are segmented come once
    if missing := sorted({*_METHOD, *PLACES, *_OPTIONS} - own.keys() - train.keys()):
        raise ValueError(f"{file}: {missing[0]} is missing, which inference takes from it")
    wiring = {name: f"%{_SHARED}/train.json::{name}" for name in _AS_IN_TRAINING}
    wiring |= {name: f"%{_SHARED}/inference.json::{name}" for name in read_json(f"{_SHARED}/inference.json")}
    return {
        **{name: f"%{file}::{name}" for name in _METHOD},
        **{name: {**train, **own}[name] for name in _FOUNDATION if name in train},
        **{name: {**train, **own}[name] for name in (*PLACES, *_OPTIONS)},
        **wiring,
        "initialize": f"%{_SHARED}/train.json::initialize",
    }


def check_follows(train: Path, inference: Path) -> None:
    """Look whether inference does what was trained: everything in inference.json follows from train.json.

    Args:
        train: the bundle's train.json.
        inference: its inference.json.

    Raises:
        ValueError: for the first item that differs.
    """
    expected, found = inference_config(read_json(train), file=train), read_json(inference)
    for name in {**expected, **found}:
        if name not in expected or name not in found or expected[name] != found[name]:
            raise ValueError(
                f"{inference.as_posix()}: {name}: does not follow from train.json: "
                f"run python -m scripts.check {train.parents[1].name} --mend"
            )


def rewrite_configs(configs: str | Path) -> None:
    """Write a bundle's inference.json and its metadata's maps anew from its train.json; all in one layout.

    Args:
        configs: the bundle's folder of configurations.
    """
    train = Path(configs) / "train.json"
    contents = {file: read_json(file) for file in sorted(Path(configs).rglob("*.json"))}
    maps, metadata = describe_maps(contents[train]), contents.get(train.with_name("metadata.json"))
    if maps is not None and metadata is not None:
        metadata["network_data_format"]["outputs"]["pred"] |= channels_described(maps)
    contents[train.with_name("inference.json")] = inference_config(contents[train], file=train)
    for file, content in contents.items():
        text = written(content)
        write_whole(file, lambda part, text=text: part.write_text(text, encoding="utf-8"))  # type: ignore[misc]
