"""What a network really looks at: the gradient of an output pixel back to the image and to layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from .evaluating import evaluating

IMAGE = ""  # the field in the image, among those in layers


def effective_receptive_field(
    network: nn.Module,
    images: Tensor,
    position: tuple[int, int],
    *,
    channel: int = 0,
    layers: Sequence[str] = (),
    batch_size: int = 4,
) -> dict[str, Tensor]:
    """Return the absolute gradient of one output pixel, averaged over images, in the image and in layers.

    The theoretical field, all pixels that can reach the output, says little: most of them hardly count. The
    network's output is taken as it is: behind a sigmoid that is sure of itself gradients vanish. Batch norm
    uses its running statistics, because a batch's own connect every pixel with every other; dropout is off;
    everything is float32, also under autocast.

    Args:
        network: image -> maps. Its mode, training or evaluation, is afterwards what it was; no gradients stay
            behind in its parameters.
        images: all of one size, so that the position means the same in each.
        position: row and column of the output pixel.
        channel: which map.
        layers: names of modules, see `encoder_layers`, whose output the gradient is taken in too.
        batch_size: images at once; it changes nothing but memory.

    Shapes:
        images: (n, c, h, w).
        returns: "" -> (h, w), the field in the image; name -> (h', w'), the field in that layer. Gradients of
            several channels are added.

    Raises:
        ValueError: there is no such map or pixel.

    References:
        Luo et al., Understanding the effective receptive field in deep convolutional neural networks, 2016,
        section 3.
        Beker, Wei and Zhang, Cell nuclei segmentation in 2D fluorescence microscopy images, section III.2.

    Example:
        >>> network = nn.Conv2d(1, 1, kernel_size=3, padding=1)
        >>> field = effective_receptive_field(network, torch.rand(2, 1, 5, 5), (2, 2))[IMAGE]
        >>> (field > 0).int().tolist()
        [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    row, column = position
    sums: dict[str, Tensor] = {}
    with evaluating(network), _outputs(network, layers) as outputs:
        for batch in images.split(batch_size):
            inputs = batch.detach().float().requires_grad_()
            with torch.enable_grad(), torch.autocast(inputs.device.type, enabled=False):
                maps = network(inputs)
                _check_place(maps, position, channel)
                # Images do not mix in evaluation mode: the gradient of the sum is each image's own.
                value = maps[:, channel, row, column].sum()
            names = [IMAGE, *(name for name in layers if outputs[name].requires_grad)]
            places = [inputs, *(outputs[name] for name in names[1:])]
            gradients = torch.autograd.grad(value, places, allow_unused=True)
            for name, place, gradient in zip(names, places, gradients, strict=True):
                found = torch.zeros_like(place) if gradient is None else gradient
                # A layer may see each channel of an image as an image: (n * c, features, h, w).
                field = found.detach().abs().sum(dim=(0, 1)) / len(images)
                sums[name] = sums[name] + field if name in sums else field
    return sums


def energy_within(field: Tensor, position: tuple[float, float], *, power: int = 1) -> tuple[Tensor, Tensor]:
    """Return the share of a field's energy within each distance of a pixel.

    The energy is the absolute gradient: how much the output changes at most where all pixels change alike. A
    thousand pixels with a hundredth of the centre's gradient then count ten times as much as the centre, as a
    nucleus does whose pixels brighten together; squared, they would count for a tenth of it.

    Args:
        field: what `effective_receptive_field` returns.
        position: row and column that distances are measured from.
        power: 1; or 2 for the squared gradient, the variance of the output where each pixel has noise of its
            own: always the narrower of the two where gradients fall with the distance.

    Shapes:
        field: (h, w).
        returns: distances in pixels, ascending, and shares, ascending to 1; (h * w,) both.

    Raises:
        ValueError: the field is 0 everywhere, or not finite.
    """
    energy = field.detach().double().cpu() ** power
    total = energy.sum()
    if not bool(total > 0) or not bool(torch.isfinite(total)):
        raise ValueError(
            f"the gradients of the output pixel add up to {float(total):g}, so there is no receptive field: "
            "name other weights, or another map"
        )
    rows = torch.arange(field.shape[0], dtype=torch.float64)[:, None] - position[0]
    columns = torch.arange(field.shape[1], dtype=torch.float64) - position[1]
    distances, order = torch.hypot(rows, columns).flatten().sort()
    return distances, energy.flatten()[order].cumsum(0) / total


def energy_radius(field: Tensor, position: tuple[float, float], fraction: float, *, power: int = 1) -> float:
    """Return the radius of the smallest disc around a pixel with a fraction of the field's energy.

    Args:
        field: what `effective_receptive_field` returns.
        position: row and column of the disc's centre.
        fraction: above 0 and below 1.
        power: see `energy_within`.

    Shapes:
        field: (h, w).

    Returns:
        Distance between pixel centres, in pixels of the field; 0 where the pixel itself holds the fraction.

    Raises:
        ValueError: see `energy_within`; or the fraction is impossible.

    Example:
        >>> field = torch.zeros(7, 7)
        >>> field[3, 3], field[3, 6] = 3, 1
        >>> energy_radius(field, (3, 3), 0.75), energy_radius(field, (3, 3), 0.76)
        (0.0, 3.0)
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction is {fraction}: choose one above 0 and below 1")
    distances, shares = energy_within(field, position, power=power)
    # A sum of some ten thousand numbers may miss the fraction by a rounding error.
    return float(distances[int(torch.searchsorted(shares, fraction - 1e-9))])


def encoder_layers(network: nn.Module, image: Tensor) -> dict[str, int]:
    """Find a layer for each scale that a network goes down through: its last output before the deepest scale.

    Args:
        network: image -> maps.
        image: any that the network takes, its height and width different: an output is told from one with
            channels last by having both divided by the same number.

    Shapes:
        image: (n, c, h, w).

    Returns:
        Name of the module -> by what height and width are divided there, finest first. Of several modules
        with one output it is the outermost; parts that put out no (n, c, h, w) tensor are passed over.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.MaxPool2d(2), nn.Tanh(), nn.Upsample(None, 2))
        >>> encoder_layers(network, torch.zeros(1, 1, 4, 6))
        {'0': 1, '2': 2}
    """
    names = [name for name, _ in network.named_modules() if name]
    height, width = image.shape[-2:]
    with torch.no_grad(), evaluating(network), _outputs(network, names) as outputs:
        network(image)
    found = []
    for name, output in outputs.items():
        if output.ndim != 4 or height % output.shape[2]:
            continue
        factor = height // output.shape[2]
        if output.shape[3] * factor == width:
            found.append((factor, name))
    if not found:
        return {}
    deepest = max(factor for factor, _ in found)
    last = max(i for i, (factor, _) in enumerate(found) if factor == deepest)
    return {name: factor for factor, name in sorted(dict(found[: last + 1]).items())}


def _check_place(maps: Tensor, position: tuple[int, int], channel: int) -> None:
    for name, value, count in (
        ("output map", channel, maps.shape[1]),
        ("row", position[0], maps.shape[2]),
        ("column", position[1], maps.shape[3]),
    ):
        if not 0 <= value < count:
            raise ValueError(f"there is no {name} {value}: choose 0 to {count - 1}")


@contextmanager
def _outputs(network: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Fill a dictionary with the tensors that modules put out in their last call, in the order of calls."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> None:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            outputs.pop(name, None)
            if isinstance(output, Tensor):
                outputs[name] = output

        hooks.callback(network.get_submodule(name).register_forward_hook(hook).remove)

    with ExitStack() as hooks:
        for name in names:
            keep(name)
        yield outputs
