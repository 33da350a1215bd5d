"""A network as one file that runs without this project: ONNX, TorchScript or torch.export.

Nobody lists which networks can: each is exported with free height and width, the file is run at other sizes
than the one it was made at, and where it refuses or finds something else it is made anew for one size. A file
that differs from the network then is an error.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..files import write_whole
from ..messages import sentence
from .exported_files import load_exported, write_onnx, write_torch_export, write_torchscript

__all__ = ["FORMATS", "TOLERANCE", "Exported", "check_formats", "export_network"]

_log = logging.getLogger(__name__)

FORMATS = {"onnx": "model.onnx", "torchscript": "model.ts", "torch_export": "model.pt2"}
"""The file in `models` that each format is written to."""
TOLERANCE = 1e-4
"""Largest difference of any number of a map from the network's own, relative to the largest of the map."""
_WRITERS: dict[str, Callable[[nn.Module, Tensor, Any, Path], None]] = {
    "onnx": write_onnx,
    "torchscript": write_torchscript,
    "torch_export": write_torch_export,
}


class Exported(NamedTuple):
    """What an exported file takes.

    Attributes:
        file: its name.
        free_size: whether it takes images of any height and width that are multiples of `divisor`.
        size_px: height and width it was made at; without `free_size` the only ones.
        divisor: what height and width must be multiples of.
        difference: largest difference found from the network's maps, relative to their largest number.
    """

    file: str
    free_size: bool
    size_px: int
    divisor: int
    difference: float

    def told(self) -> str:
        """Return the sizes in words."""
        return f"any batch, height and width {self.sizes()}"

    def sizes(self) -> str:
        """Return height and width in words."""
        return f"any multiples of {self.divisor} px" if self.free_size else f"{self.size_px} px alone"


def check_formats(formats: str, more: Sequence[str] = ()) -> list[str]:
    """Return the formats that a comma-separated word names, sorted.

    Args:
        formats: such as "onnx,torchscript".
        more: formats that there are beside those of a network.

    Raises:
        ValueError: there is no such format.

    Example:
        >>> check_formats("torchscript,onnx")
        ['onnx', 'torchscript']
        >>> check_formats("onix")
        Traceback (most recent call last):
        ValueError: there is no --format 'onix': choose one or several of onnx, torchscript, torch_export
    """
    named = [word.strip() for word in str(formats).strip("()[]").replace("'", "").split(",") if word.strip()]
    known = [*FORMATS, *more]
    for word in named:
        if word not in known:
            raise ValueError(f"there is no --format {word!r}: choose one or several of {', '.join(known)}")
    return sorted(set(named))


def export_network(
    network: nn.Module, file: Path, *, format: str, in_channels: int, size_px: int, divisor: int
) -> Exported:
    """Write a network as one file, and hold what it computes against the network.

    Args:
        network: as it was built, not `prepare`d: lower precision would be written in. It is put into
            evaluation mode, on the CPU.
        file: what is written.
        format: one of `FORMATS`.
        in_channels: channels of the image.
        size_px: height and width of the example image, a multiple of `divisor`.
        divisor: what heights and widths must be multiples of.

    Raises:
        ModuleNotFoundError: the packages that ONNX needs are not installed.
        ValueError: the network cannot be exported in this format, with the reason; one that is run beside a
            foundation model in none.
    """
    if getattr(network, "foundation", None) is not None:
        raise ValueError(
            f"{type(network).__name__} cannot be exported as {format}: the file would have to hold the "
            "weights of its foundation model: pack it without --format"
        )
    network = network.eval().cpu()
    reason = ""
    for free in (True, False):
        try:
            with _quiet():
                difference = _attempt(network, file, format, free, in_channels, size_px, divisor)
            return Exported(file.name, free, size_px, divisor, difference)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"--format {format} needs a package that is not installed ({error.name}): pip install -r"
                " requirements-export.txt"
            ) from error
        except Exception as error:  # whatever stops a compiler, the other way is tried
            file.unlink(missing_ok=True)
            reason = sentence(error)
            _log.debug("%s, %s sizes: %s", format, "free" if free else "one", reason)
    raise ValueError(f"{type(network).__name__} cannot be exported as {format}: {reason[:300]}")


def _attempt(
    network: nn.Module, file: Path, format: str, free: bool, in_channels: int, size_px: int, divisor: int
) -> float:
    shapes: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
    if free:
        shapes |= {
            axis: divisor * torch.export.Dim(f"{name}_in_{divisor}_px", min=1)
            for axis, name in ((2, "height"), (3, "width"))
        }
    # A batch of one would be taken for a network that only knows one image.
    example = _noise(2, in_channels, size_px, size_px)
    write_whole(file, lambda part: _WRITERS[format](network, example, shapes, part))
    run = load_exported(file)
    sizes = [(1, size_px, size_px), (3, size_px, size_px)]
    if free:
        sizes += [(1, size_px + divisor, size_px - divisor), (2, 2 * size_px, size_px)]
    largest = 0.0
    for batch, height, width in sizes:
        image = _noise(batch, in_channels, height, width)
        with torch.no_grad():
            expected = network(image)
        found = run(image)
        if found.shape != expected.shape or not torch.isfinite(found).all():
            raise ValueError(f"maps of {tuple(found.shape)} in place of {tuple(expected.shape)}")
        scale = max(1.0, float(expected.abs().max()))
        largest = max(largest, float((found - expected).abs().max()) / scale)
    if largest > TOLERANCE:
        raise ValueError(
            f"the maps differ by {largest:.1e} of their largest number, {TOLERANCE:g} is allowed"
        )
    return largest


def _noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what exporters tell of their own steps: what matters is looked at afterwards."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
