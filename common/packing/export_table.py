"""What a bundle can be exported to, as rows of a table, and where that table stands in its document."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..bundle_config import bundle_parser, read_json
from ..files import MarkedPart, write_whole
from ..messages import sentence
from .exported_files import load_exported
from .image_to_labels import write_image_to_labels
from .label_model import LABEL_MODELS
from .model_description import PROGRAM
from .network_export import FORMATS, export_network

__all__ = ["ExportedBundle", "export_every_way", "put_table"]

_IN_CARD = MarkedPart(
    "<!-- exports: written by python -m scripts.benchmark export --write -->",
    "<!-- end of the exports -->",
    "the table of exports",
)
_HEADING = "## Exported files"
_EXAMPLE_PX = 256


class ExportedBundle(NamedTuple):
    """A bundle's network, and the files that it was exported to.

    Attributes:
        network: as it was built, with random weights.
        image: noise of the size that the files were made at, (1, c, h, w).
        rows: one for each file: its format, the sizes that it takes or why there is none, the difference.
        programs: the files that were written, as functions, by format; they hold what they need.
    """

    network: nn.Module
    image: Tensor
    rows: list[dict[str, Any]]
    programs: dict[str, Callable[[Tensor], Tensor]]


def export_every_way(
    folder: Path, formats: Sequence[str] = tuple(FORMATS), *, overlays: Sequence[str] = ()
) -> ExportedBundle:
    """Export a bundle's network, with random weights, in every format, and with its decoder.

    Args:
        folder: the bundle's folder in the repository.
        formats: those of the network.
        overlays: names of the bundle's overlays, as `bundle_overlays` has them.
    """
    parser = bundle_parser(folder, "train.json", overlays=overlays)
    metadata = read_json(folder / "configs" / "metadata.json")
    channels = parser["network_def"]["in_channels"]
    if channels is None:
        channels = metadata["network_data_format"]["inputs"]["image"]["num_channels"]
    divisor = int(parser["inferer"]["divisor"])
    side = divisor * round(_EXAMPLE_PX / divisor)
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def").eval()
    sizes = {"in_channels": channels, "size_px": side, "divisor": divisor}
    rows, programs = [], {}
    with tempfile.TemporaryDirectory() as place:
        for format in formats:
            file = Path(place) / FORMATS[format]
            row: dict[str, Any] = {"format": format, "file": f"`{file.name}`"}
            try:
                made = export_network(network, file, format=format, **sizes)
                programs[format] = load_exported(file)
                row |= {
                    "height and width": made.sizes(),
                    "difference": f"{made.difference:.0e}" if made.difference else "0",
                }
            except ValueError as error:
                row["height and width"] = f"none: {sentence(error)}"
            rows.append(row)
        row = {"format": ", ".join(LABEL_MODELS), "file": f"`{PROGRAM}`"}
        try:
            decoder = parser.get_parsed_content("decoder")
            write_image_to_labels(network, decoder, Path(place) / PROGRAM, **sizes)
            row |= {"height and width": "any", "difference": "same labels"}
        except ValueError as error:
            row["height and width"] = f"none: {sentence(error)}"
        rows.append(row)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, channels, side, side, generator=generator)
    return ExportedBundle(network, image, rows, programs)


def put_table(file: Path, text: str) -> None:
    """Put a text between the marks of a document, or with marks at its end where it has none.

    Args:
        file: Markdown.
        text: without marks.

    Raises:
        ValueError: the document has one mark without the other.
    """
    if _IN_CARD.read(file) is None:
        before = file.read_text(encoding="utf-8").rstrip()
        whole = f"{before}\n\n{_HEADING}\n\n{_IN_CARD.begin}\n{_IN_CARD.end}\n"
        write_whole(file, lambda part: part.write_text(whole, encoding="utf-8"))
    _IN_CARD.write(file, f"\n{text.strip()}\n\n")
