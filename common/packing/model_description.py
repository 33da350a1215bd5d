"""What `rdf.yaml` says of a model of label maps, for bioimage.io and for QuPath."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..files import sha256_of

__all__ = ["IMAGE", "LABELS", "PROGRAM", "channel_names", "description"]

PROGRAM, IMAGE, LABELS = "instanseg.pt", "image.npy", "labels.npy"
# The newest that names its document by a plain text, which is all that QuPath 0.6 and 0.7 read.
_VERSION = "0.5.10"


def description(
    part: Path,
    described: Mapping[str, Any],
    *,
    name: str,
    document: str,
    channels: list[str],
    labels: Sequence[str],
    percentiles: tuple[float, float],
    pixel_size_um: float | None,
    divisor: int,
    licence: str,
) -> dict[str, Any]:
    """Return what stands in `rdf.yaml`, by the specification of bioimage.io for models.

    Args:
        part: folder with the program, the image and the label map.
        described: the bundle's metadata.
        name: of the model.
        document: file name.
        channels: names of the image's channels.
        labels: what the label maps are of, nuclei first.
        percentiles: what becomes 0 and 1.
        pixel_size_um: of the model; None: not known.
        divisor: least height and width that are offered; the program pads others.
        licence: SPDX name.

    References:
        bioimage.io, model description 0.5.10: https://github.com/bioimage-io/spec-bioimage-io
    """
    scale = {} if pixel_size_um is None else {"scale": pixel_size_um, "unit": "micrometer"}

    def axes(channel_names: list[str], size: Any) -> list[dict[str, Any]]:
        space = [{"type": "space", "id": axis, "size": size(axis), **scale} for axis in ("y", "x")]
        return [{"type": "batch"}, {"type": "channel", "channel_names": channel_names}, *space]

    def file(source: str) -> dict[str, str]:
        return {"source": source, "sha256": sha256_of(part / source)}

    lower, upper = percentiles
    scaling = {"axes": ["y", "x"], "min_percentile": lower, "max_percentile": upper}
    return {
        "format_version": _VERSION,
        "type": "model",
        "name": name,
        "version": described["version"],
        "description": described["description"],
        "license": licence,
        "authors": [{"name": described["authors"]}],
        "documentation": document,
        "tags": ["nuclei", "instance-segmentation", "2d"],
        "inputs": [
            {
                "id": "image",
                "test_tensor": file(IMAGE),
                "preprocessing": [{"id": "scale_range", "kwargs": scaling}],
                "axes": axes(channels, lambda axis: {"min": divisor, "step": 1}),
            }
        ],
        "outputs": [
            {
                "id": "instance_segmentation",
                "test_tensor": file(LABELS),
                "axes": axes(list(labels), lambda axis: {"tensor_id": "image", "axis_id": axis}),
            }
        ],
        "weights": {"torchscript": {**file(PROGRAM), "pytorch_version": torch.__version__.split("+")[0]}},
    }


def channel_names(chosen: Any, described: Mapping[str, str], count: int) -> list[str]:
    """Return names of channels as bioimage.io takes them.

    Args:
        chosen: `channels` of the training: names, where its images have any.
        described: the metadata's names.
        count: channels of the image; names of another number are left out.

    Example:
        >>> channel_names("DAPI, CD-3", {"0": "nuclear stain"}, 2)
        ['DAPI', 'CD_3']
        >>> channel_names(0, {"0": "nuclear stain"}, 1), channel_names("0,2", {"0": "red"}, 2)
        (['nuclear_stain'], ['channel_0', 'channel_1'])
    """
    words = [word.strip() for word in chosen.split(",")] if isinstance(chosen, str) else []
    for names in (words, list(described.values())):
        if len(names) == count and not any(name.isdecimal() for name in names):
            return [re.sub(r"\W+", "_", name).strip("_") for name in names]
    return [f"channel_{number}" for number in range(count)]
