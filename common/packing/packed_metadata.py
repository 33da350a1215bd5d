"""The metadata of a packed bundle: of the network that is packed, which may be another than the bundle's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..bundle_config import channels_described, describe_maps, finds_cells
from ..files import sha256_of

__all__ = ["packed_metadata"]

_TWO_MAPS = (
    "label maps: 0 background, 1..N nuclei; and whole cells, each with its nucleus' number, beyond these"
    " cells without a nucleus"
)


def packed_metadata(
    metadata: Mapping[str, Any],
    own: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    weights: Path,
    folder: Path,
) -> dict[str, Any]:
    """Return the metadata of a bundle that is packed with weights.

    Maps, channels and sizes are those of the training; scores stay only beside the weights that have them.

    Args:
        metadata: the bundle's.
        own: the bundle's train.json, macros resolved.
        settings: the configuration of the weights' training; empty where it is not known.
        weights: the file.
        folder: the bundle's folder in the repository.
    """
    trained = {**own, **settings}
    formats = metadata["network_data_format"]
    image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    size = [f"{int(trained['inferer']['divisor'])}*n"] * 2
    image = {**image, **_image_of(image, own, trained), "spatial_shape": size}
    pred = {**pred, **_maps_of(pred, own, trained), "spatial_shape": size}
    found = {**metadata}
    found["network_data_format"] = {
        "inputs": {**formats["inputs"], "image": image},
        "outputs": {**formats["outputs"], "pred": pred},
    }
    if finds_cells(trained):
        found |= {"label_classes": _TWO_MAPS, "pred_classes": _TWO_MAPS}
    if _is_another(own, trained):
        decoder = str(trained["decoder"].get("_target_")).rsplit(".", 1)[-1]
        maps = "; ".join(pred["channel_def"].values())
        count = pred["num_channels"]
        found["description"] = (
            f"{metadata['description']} The weights that are packed here are of a variant:"
            f" {count} map{'s' if count > 1 else ''} ({maps}), decoded by {decoder}."
        )
    released = folder / "models" / "model.pt"
    if not (released.is_file() and sha256_of(released) == sha256_of(weights)):
        found |= {"eval_metrics": {}, "data_source": "images of whoever trained the weights"}
    return found


def _is_another(own: Mapping[str, Any], trained: Mapping[str, Any]) -> bool:
    """Tell whether maps have another meaning, or another way to become nuclei, than the bundle's own."""
    decoders = [config["decoder"].get("_target_") for config in (own, trained)]
    maps = [(config["network_def"].get("out_channels"), describe_maps(config)) for config in (own, trained)]
    return decoders[0] != decoders[1] or maps[0] != maps[1]


def _maps_of(pred: Mapping[str, Any], own: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    words, count = describe_maps(trained), trained["network_def"].get("out_channels", pred["num_channels"])
    if words is None:
        if describe_maps(own) is None and count == pred["num_channels"]:
            return {}  # maps of one's own, in one's own words
        words = [f"map {number}, see targets and loss in models/train.json" for number in range(count)]
    return channels_described(words)


def _image_of(image: Mapping[str, Any], own: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    """Return number and names of the channels, and the modality, where the training's are others."""
    named = _chosen(trained.get("channels"))
    # A network of any number is described by as many as its training chose, else by the bundle's example.
    count = trained["network_def"].get("in_channels") or len(named) or image["num_channels"]
    modality = _modality(image["modality"], trained)
    if len(named) == count and not any(name.isdecimal() for name in named):
        words = named
    elif count == image["num_channels"]:
        words = list(image["channel_def"].values())
    elif count == 3 and modality != "fluorescence":
        words = ["red", "green", "blue"]
    elif count == 1:
        words = ["nuclear stain"]
    else:
        words = [f"channel {name}" for name in (named if len(named) == count else range(count))]
    return {**channels_described(words), "modality": modality}


def _chosen(channels: Any) -> list[str]:
    if channels is None:
        return []
    words = channels.split(",") if isinstance(channels, str) else channels
    return [str(word).strip() for word in (words if isinstance(words, (list, tuple)) else [words])]


def _modality(described: str, trained: Mapping[str, Any]) -> str:
    """Return the bundle's, unless the training measured the contrary: dark nuclei, or bright ones."""
    measured = trained.get("training_images") or {}
    contrasts = [sum(limits) for name, limits in measured.items() if name.startswith("contrast_")]
    if not contrasts or (sum(contrasts) > 0) == (described == "fluorescence"):
        return described
    return "fluorescence" if sum(contrasts) > 0 else "bright field"
