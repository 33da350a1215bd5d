"""A network and its decoder as one TorchScript: image in, label map out, for programs without Python."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, no_type_check

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .exported_files import forget_types, load_exported, save_torchscript
from .network_export import export_network

__all__ = ["ImageToLabels", "drawn_image", "write_image_to_labels"]

# Share of pixels whose label may differ from the bundle's own, where maps differ in a last digit.
_TIES = 1e-3
# Tiles as programs cut them: whole ones, and what is left over at an image's edges.
_SIZES = ((256, 256), (181, 233), (20, 37), (300, 5), (1, 1))


@no_type_check  # TorchScript cannot compile what the tests' checker of shapes has wrapped
class ImageToLabels(nn.Module):
    """Pad, run the network, cut the padding off, decode.

    Args:
        network: image -> maps, a TorchScript for any multiples of `divisor`.
        decoder: maps -> label maps, (b, k, h, w) -> (b, n, h, w): n = 1, nuclei, or 2, nuclei and cells.
        divisor: what height and width are padded to a multiple of, by mirroring where the image is large
            enough, as `common.networks.TileInferer` does.

    Shapes:
        image: (b, c, h, w) float, about 0..1, of any height and width.
        returns: (b, n, h, w) float32 whole numbers, 0 = background, each image's nuclei 1..N.
    """

    def __init__(self, network: nn.Module, decoder: nn.Module, divisor: int) -> None:
        super().__init__()
        self.network, self.decoder, self.divisor = network, decoder, divisor

    def forward(self, image: Tensor, options: dict[str, Tensor] | None = None) -> Tensor:
        """Return the label maps.

        QuPath asks for some of them by "target_segmentation", 1 for each that it wants and 0 for others.
        """
        height, width = image.shape[2], image.shape[3]
        down, right = -height % self.divisor, -width % self.divisor
        mode = "reflect" if down < height and right < width else "replicate"
        maps = self.network(functional.pad(image.float(), [0, right, 0, down], mode))
        labels = self.decoder(maps[:, :, :height, :width]).float()
        if options is not None and "target_segmentation" in options:
            labels = labels[:, torch.where(options["target_segmentation"].flatten() > 0)[0].to(labels.device)]
        return labels


def write_image_to_labels(
    network: nn.Module, decoder: Any, file: Path, *, in_channels: int, size_px: int, divisor: int
) -> Callable[[Tensor], Tensor]:
    """Write a network with its decoder as one TorchScript, and hold it against both at several sizes.

    Args:
        network: as it was built, not `prepare`d. It is put into evaluation mode, on the CPU.
        decoder: the bundle's: maps (k, h, w) -> label map (h, w), or (2, h, w) of nuclei and cells.
        file: what is written.
        in_channels: channels of the image.
        size_px: height and width of the image that the network is traced with.
        divisor: what heights and widths must be multiples of.

    Returns:
        The program, read back from the file.

    Raises:
        ValueError: the decoder or the network cannot be written so, with the reason.
    """
    try:
        decoding = decoder.as_module()
    except AttributeError as error:
        if error.name != "as_module":
            raise
        raise ValueError(
            f"{type(error.obj).__name__} cannot leave Python, because it has no as_module of torch"
            " operations: export the network alone (--format onnx or torchscript), or segment here with"
            " --formats geojson, which QuPath opens"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder) / "network.ts"
        made = export_network(
            network, traced, format="torchscript", in_channels=in_channels, size_px=size_px, divisor=divisor
        )
        if not made.free_size:
            raise ValueError(
                f"{type(network).__name__} cannot be run on tiles of any size: as TorchScript it takes images"
                f" of {made.size_px} px alone"
            )
        forget_types()
        whole = ImageToLabels(torch.jit.load(str(traced)), decoding, divisor).eval()
        save_torchscript(torch.jit.script(whole), file)
    program = load_exported(file)
    for height, width in _SIZES:
        image = drawn_image(in_channels, height, width)
        _compare(program(image), network, decoder, image, divisor)
    return program


def drawn_image(channels: int, height: int, width: int, *, dark: bool = False) -> Tensor:
    """Draw discs with soft edges on a noisy ground, alike in every channel.

    Args:
        channels: how many.
        height: in pixels.
        width: in pixels.
        dark: dark nuclei on a bright ground, as in stained sections.

    Shapes:
        returns: (1, channels, height, width) float32, 0..1.
    """
    rng = np.random.default_rng([height, width])
    rows, columns = np.indices((height, width), dtype=np.float32)
    away = np.hypot((rows + 3 * np.sin(columns / 40)) % 28 - 14, columns % 31 - 15)
    image = 1 / (1 + np.exp((away - 8) / 1.5)) * 0.8 + rng.uniform(0, 0.2, (channels, height, width))
    return torch.from_numpy((1 - image if dark else image).astype(np.float32)[None])


def _compare(found: Tensor, network: nn.Module, decoder: Any, image: Tensor, divisor: int) -> None:
    height, width = image.shape[2:]
    down, right = -height % divisor, -width % divisor
    mode = "reflect" if down < height and right < width else "replicate"
    with torch.no_grad():
        maps = network(functional.pad(image, [0, right, 0, down], mode))[..., :height, :width]
    expected = decoder(maps[0].numpy()).reshape(-1, height, width)
    if found.dtype != torch.float32 or found.shape != (1, *expected.shape):
        raise ValueError(
            f"the label maps are {found.dtype} of {tuple(found.shape)}: float32 of {(1, *expected.shape)} was"
            " expected"
        )
    others = (found[0].numpy() != expected).mean()
    if others > _TIES:
        raise ValueError(
            f"{others:.1%} of the pixels of an image of {height} x {width} px have another label than by"
            f" {type(decoder).__name__} in Python, {_TIES:.1%} are allowed"
        )
