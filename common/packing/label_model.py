"""A folder with one TorchScript from image to label map, for QuPath's InstanSeg extension and bioimage.io."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..bundle_config import project_root
from ..files import write_whole, write_whole_folder
from .image_to_labels import drawn_image, write_image_to_labels
from .model_description import IMAGE, LABELS, PROGRAM, channel_names, description
from .packed_folder import write_archive, write_inventory
from .packed_weights import PackedWeights

__all__ = ["LABEL_MODELS", "check_label_model", "pack_label_model"]

_log = logging.getLogger(__name__)

LABEL_MODELS = ("qupath", "bioimageio")
"""Formats that are a model of label maps, in a folder or an archive of its own."""
_EXAMPLE_PX = 256
_NUCLEI = "0 = background, 1, 2, 3 ... = nuclei."
_CELLS = """the first map is of nuclei, the second of whole cells, 0 = background; a cell has the number of
its nucleus, and one without a nucleus a number beyond them. In QuPath they become cells with their nuclei."""
_README = """# {name}

{description}

The network and its decoder in one TorchScript, `{program}`: image in, label map out. It takes float32 of
(batch, {channels}, height, width), of any height and width, and gives float32 of
(batch, {maps}, height, width): {labels}

- Channels: {names}.
- Pixel size: {pixel_size}.
- Intensities: the percentile {lower:g} of each channel becomes 0 and {upper:g} becomes 1, as in training.

## QuPath

Needs QuPath 0.6 or later with its InstanSeg extension. In the folder of models that the extension is set to
is a folder `local`: put this folder there, and choose the model in *Extensions, InstanSeg, Run InstanSeg*.
The image needs a pixel size, and the channels that are named above must be chosen, in this order. QuPath
scales intensities by the percentiles 0.1 and 99.9 of the selected region and clips them to -0.5 to 1.5,
whatever the model was trained with.

## bioimage.io

    import bioimageio.core
    labels = bioimageio.core.predict(model="rdf.yaml", inputs={{"image": array}})

## Limits

{intended_use} A nucleus that is larger than what two tiles share, twice QuPath's padding, can be lost at a
seam.
{references}"""


def check_label_model(found: PackedWeights, format: str, pixel_size_um: float | None) -> float | None:
    """Refuse what cannot be told in such a folder, before anything is written.

    Args:
        found: the weights.
        format: one of `LABEL_MODELS`.
        pixel_size_um: width of the pixels that the network was trained on, where the user gives it.

    Returns:
        The pixel size in micrometres: the training's, else the user's; None where there is neither.

    Raises:
        ValueError: the intensities are scaled otherwise than by percentiles, the pixel size differs from the
            training's, or QuPath would have none.
    """
    scaling = type(found.intensity).__name__
    if scaling != "ScalePercentilesd":
        raise ValueError(
            f"--format {format} cannot be written, because intensities are scaled by {scaling}, and the"
            " programs that read it know percentiles alone: leave that format out"
        )
    own = found.settings.get("pixel_size_um")
    if not isinstance(own, (int, float)):
        own = None
    if pixel_size_um is not None and pixel_size_um <= 0:
        raise ValueError(f"--pixel_size_um is {pixel_size_um:g}: give the micrometres of a pixel, above 0")
    if own is not None and pixel_size_um not in (None, own):
        raise ValueError(
            f"--pixel_size_um {pixel_size_um:g} differs from the training's {own:g} ({found.file}):"
            " leave it out"
        )
    size = own if own is not None else pixel_size_um
    if format == "qupath" and size is None:
        raise ValueError(
            f"QuPath resizes images to the model's pixel size, and the training of {found.file} had none: add"
            " --pixel_size_um with the micrometres of a pixel in the images that were trained on"
        )
    return None if size is None else float(size)


def pack_label_model(
    place: Path,
    found: PackedWeights,
    described: Mapping[str, Any],
    *,
    format: str,
    bundle: str,
    in_channels: int,
    pixel_size_um: float | None,
) -> Path:
    """Make a model of label maps: a folder and its archive for QuPath, an archive alone for bioimage.io.

    Args:
        place: the folder; the archive has its name and `.zip`.
        found: the weights.
        described: the bundle's metadata.
        format: one of `LABEL_MODELS`.
        bundle: the bundle's name.
        in_channels: channels of the image.
        pixel_size_um: of the model; None: not known.

    Returns:
        The archive.

    Raises:
        ValueError: the decoder or the network cannot be written as one program, with the reason.
    """
    _log.info("making a program from image to label map for %s", format)

    def write(part: Path) -> None:
        _write(part, found, described, bundle=bundle, in_channels=in_channels, pixel_size_um=pixel_size_um)
        write_inventory(part, bundle=bundle, version=str(described["version"]))

    archive = place.with_name(f"{place.name}.zip")
    if format == "qupath":
        write_whole_folder(place, write)
        write_whole(archive, lambda part: write_archive(place, part, bundle=place.name))
    else:  # whose programs look for rdf.yaml at the top of the archive
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            write_whole(archive, lambda part: write_archive(Path(folder), part, bundle=None))
    _log.info("%s: pixels of %s", archive, _told(pixel_size_um))
    return archive


def _told(pixel_size_um: float | None) -> str:
    return "unknown size" if pixel_size_um is None else f"{pixel_size_um:g} micrometres"


def _write(
    part: Path,
    found: PackedWeights,
    described: Mapping[str, Any],
    *,
    bundle: str,
    in_channels: int,
    pixel_size_um: float | None,
) -> None:
    """Write the program, its description, a document, and an image with its label map."""
    program = write_image_to_labels(
        found.network, found.decoder, part / PROGRAM, in_channels=in_channels,
        size_px=found.divisor * round(_EXAMPLE_PX / found.divisor), divisor=found.divisor,
    )  # fmt: skip
    inputs = described["network_data_format"]["inputs"]["image"]
    dark = in_channels == 3 and inputs["modality"] != "fluorescence"
    image = torch.round(255 * drawn_image(in_channels, _EXAMPLE_PX, _EXAMPLE_PX, dark=dark))
    lower, upper = float(found.intensity.lower), float(found.intensity.upper)
    np.save(part / IMAGE, image.numpy())
    np.save(part / LABELS, program(_scaled(image, lower, upper)).numpy())
    text_of_licence = project_root() / "LICENSE" if found.licence is None else found.file.with_name("LICENSE")
    shutil.copyfile(text_of_licence, part / "LICENSE")
    labels = ("nuclei", "cells") if found.finds_cells else ("nuclei",)
    names = channel_names(found.settings.get("channels"), inputs["channel_def"], in_channels)
    # QuPath's extension shows the document of this name, whatever the description says.
    document = f"{bundle}_README.md"
    references = "\n".join(f"\n- {each}" for each in described.get("references", ()))
    text = _README.format(
        name=bundle, program=PROGRAM, channels=in_channels, names=", ".join(names), lower=lower, upper=upper,
        description=described["description"], intended_use=described["intended_use"],
        pixel_size=_told(pixel_size_um), maps=len(labels),
        labels=_CELLS if found.finds_cells else _NUCLEI,
        references=f"\n## References\n{references}\n" if references else "",
    )  # fmt: skip
    (part / document).write_text(text, encoding="utf-8")
    content = description(
        part, described, name=bundle, document=document, channels=names, labels=labels,
        percentiles=(lower, upper),
        pixel_size_um=pixel_size_um, divisor=found.divisor, licence=found.licence or "Apache-2.0",
    )  # fmt: skip
    # JSON is YAML, and looks alike whichever package writes it.
    (part / "rdf.yaml").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _scaled(image: Tensor, lower: float, upper: float) -> Tensor:
    """Scale by percentiles as bioimage.io's `scale_range` does."""
    low, high = np.percentile(image.numpy(), (lower, upper), axis=(2, 3), keepdims=True)
    return torch.from_numpy(((image.numpy() - low) / (high - low + 1e-6)).astype(np.float32))
