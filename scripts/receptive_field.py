"""Measure and draw how far a bundle's network sees, its effective receptive field.

python -m scripts.receptive_field resnet18_unet --dataset_dir FOLDER
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser

from common.commands import check_scalars, main
from common.datalists import RunData, pixel_size_of, tell_scales
from common.datalists.nucleus_reach import reaches_of_list
from common.devices import tune_cpu
from common.engine.trained import find_weights, load_weights, training_config
from common.figures.receptive_field_picture import FieldPanel, write_receptive_field_picture
from common.files import stem_of, write_whole
from common.messages import suggest
from common.probes.receptive_field import (
    IMAGE,
    effective_receptive_field,
    encoder_layers,
    energy_radius,
    energy_within,
)
from common.readers import ChannelChoice

RANDOM = "random"  # instead of a file of weights
MOST, HALF = 0.95, 0.5  # of the gradient
NAMES = {1: "absolute", 2: "squared"}  # by the power of `energy_within`

_log = logging.getLogger(__name__)


def receptive_field(
    bundle: str,
    *,
    dataset_dir: str | None = None,
    split: str = "test",
    channels: ChannelChoice = None,
    images: int = 16,
    crop_px: int | None = None,
    output_map: int = 0,
    weights: str | None = None,
    ckpt_dir: str | None = None,
    output_dir: str | None = None,
) -> dict[str, Any]:
    """Say within which radius 95 % of an output pixel's gradient lies, beside the largest nucleus; draw it.

    The output is the network's own, before the sigmoid, behind which gradients vanish where the network is
    sure. Pixels are the network's: where images are resized before it, so are radii and nuclei.

    Args:
        bundle: the bundle, for example resnet18_unet.
        dataset_dir: the data set; the default is the bundle's sample.
        split: training, validation or test: the list of the images and of the nuclei.
        channels: which channels, by name or number; the default is the training's.
        images: how many images the gradient is averaged over, spread over the list.
        crop_px: edge of the square from the middle of each image, in pixels; the default is the training's.
            Smaller images are mirrored at their edges.
        output_map: which of the network's maps, from 0: in every bundle 0 is the foreground.
        weights: weights of the network, or "random" for none; the default are the best of ckpt_dir, else the
            bundle's released ones, else random ones.
        ckpt_dir: folder of a training; the default is runs/BUNDLE.
        output_dir: folder of receptive_field.png and .json; the default is runs/receptive_field/BUNDLE.

    Returns:
        What receptive_field.json holds.

    Raises:
        FileNotFoundError: if the data set or a named file of weights is not there.
        ValueError: if there is no such bundle, list or map, or an option cannot be used.
    """
    start = time.perf_counter()
    root = _bundle_root(bundle)
    if not isinstance(images, int) or images < 1:
        raise ValueError(f"--images is {images}: choose a whole number of 1 or more")
    path = _find_weights(weights, ckpt_dir or str(Path("runs") / bundle), root)
    parser = training_config(root, path)
    side = parser["crop_px"] if crop_px is None else crop_px
    check_scalars({"crop_px": side, "inferer": parser["inferer"]})
    parser["dataset_dir"] = dataset_dir or training_config(root)["dataset_dir"]
    if channels is not None:
        parser["channels"] = channels
    # Gradients are wanted in full precision.
    parser["amp"], parser["weights"], parser["ckpt_dir"] = False, path and str(path), None
    data = RunData(
        parser["dataset_dir"],
        channels=parser["channels"],
        in_channels=parser["network_def"].get("in_channels"),
    )
    model_scale = parser.get_parsed_content("data::model_scale")
    items = tell_scales(data.items(split), model_scale, split=split)
    spread = np.unique(np.linspace(0, len(items) - 1, min(images, len(items))).round().astype(int))
    crops, pixel_size_um = _crops(parser, [items[i] for i in spread], side)
    tune_cpu()
    fields, layers = _fields(_network(parser, path), parser, crops, output_map)
    report = {
        "bundle": bundle,
        "weights": str(path or RANDOM),
        "data": data.name,
        "split": split,
        "images": [stem_of(items[i]["image"]) for i in spread],
        "crop_px": side,
        "output_map": output_map,
        "pixel_size_um": pixel_size_um,
        **_radii(fields, pixel_size_um),
    }
    report |= _nuclei(items, reaches_of_list(items, model_scale), report["radius_px"])
    report["verdict"] = verdict(report)
    folder = Path(output_dir or Path("runs") / "receptive_field" / bundle)
    picture = _draw(folder / "receptive_field.png", report, fields, layers)
    report["seconds"] = round(time.perf_counter() - start, 1)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    file = write_whole(folder / "receptive_field.json", lambda part: part.write_text(text, encoding="utf-8"))
    print(f"{report['verdict']}\n{picture}\n{file}")
    return report


def verdict(report: dict[str, Any]) -> str:
    """Say in words how the receptive field compares with the nuclei.

    Args:
        report: what `receptive_field` returns, so far.
    """
    radius = report["radius_px"]
    um = "" if report["radius_um"] is None else f" ({report['radius_um']:.1f} µm)"
    half = report["radii_px"]["absolute"]["0.5"]["centre"]
    said = f"95 % of the gradient lies within {radius:.0f} px{um} of the pixel (50 % within {half:.0f} px)"
    if report["largest_nucleus_px"] is None:
        said += f", and the {report['split']} list has no nucleus to compare that with"
    else:
        largest, larger, count = (report[key] for key in ("largest_nucleus_px", "larger_nuclei", "nuclei"))
        said += f"; the largest nucleus reaches {largest:.0f} px from its centre: the receptive field is "
        said += (
            f"smaller than {larger} of {count} nuclei ({100 * larger / count:.2g} %)"
            if larger
            else "larger than the largest nucleus"
        )
    if radius >= report["crop_px"] // 2:
        said += f"; it may be larger still, as it leaves the crop: raise --crop_px {report['crop_px']}"
    return said


def _bundle_root(bundle: str) -> Path:
    known = sorted(file.parents[1].name for file in Path("bundles").glob("*/configs/train.json"))
    if not known:
        raise FileNotFoundError("there are no bundles here: run this from the repository's root")
    if bundle not in known:
        raise ValueError(f"there is no bundle {bundle!r}: {suggest(str(bundle), known)}")
    return Path("bundles") / bundle


def _find_weights(weights: str | None, ckpt_dir: str, root: Path) -> Path | None:
    if weights != RANDOM:
        try:
            return find_weights(weights, ckpt_dir, root)
        except FileNotFoundError:
            if weights:
                raise
            _log.warning("no weights in %s: the receptive field is that of random weights", ckpt_dir)
    return None


def _network(parser: ConfigParser, path: Path | None) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)  # random weights are the same each time
        network: torch.nn.Module = parser.get_parsed_content("network")
    if path is not None:
        load_weights(network, path)
    return network


def _crops(parser: ConfigParser, items: list[dict[str, Any]], side: int) -> tuple[torch.Tensor, float | None]:
    """Return the middles of images as the network gets them (n, c, side, side), and their pixel's size."""
    crops, sizes, small = [], [], 0
    for item in items:
        prepared = parser.get_parsed_content("evaluate::preprocessing")(dict(item))
        pixels = np.asarray(prepared["image"], dtype=np.float32)
        small += min(pixels.shape[1:]) < side
        missing = [max(0, side - length) for length in pixels.shape[1:]]
        pixels = np.pad(pixels, [(0, 0), *((n // 2, n - n // 2) for n in missing)], mode="reflect")
        top, left = ((length - side) // 2 for length in pixels.shape[1:])
        crops.append(torch.from_numpy(pixels[:, top : top + side, left : left + side].copy()))
        size = pixel_size_of(item)
        sizes.append(None if size is None else size / prepared["scale"])
    if small:
        _log.info("%d of %d images are smaller than %d px: mirrored at their edges", small, len(items), side)
    known = [size for size in sizes if size is not None]
    alike = len(known) == len(sizes) and max(known) < 1.02 * min(known)
    return torch.stack(crops), round(float(np.mean(known)), 4) if alike else None


Fields = dict[str, tuple[tuple[int, int], torch.Tensor]]


def _fields(
    network: torch.nn.Module, parser: ConfigParser, crops: torch.Tensor, output_map: int
) -> tuple[Fields, dict[str, torch.Tensor]]:
    """Return the fields of three pixels in the image, and that of the centre in the encoder's layers."""
    side, channels = crops.shape[-1], crops.shape[1]
    divisor = int(parser["inferer"].get("divisor", side))
    crops = crops.to(parser.get_parsed_content("hardware::device"))
    layers = encoder_layers(network, crops.new_zeros(1, channels, 2 * divisor, 3 * divisor))
    middle = side // 2
    fields: Fields = {}
    inside: dict[str, torch.Tensor] = {}
    for name, position in {"centre": (middle, middle), "edge": (middle, 0), "corner": (0, 0)}.items():
        wanted = list(layers) if name == "centre" else []
        found = effective_receptive_field(network, crops, position, channel=output_map, layers=wanted)
        fields[name] = (position, found.pop(IMAGE).cpu())
        inside |= {layer: field.cpu() for layer, field in found.items()}
    return fields, inside


def _radii(fields: Fields, pixel_size_um: float | None) -> dict[str, Any]:
    position, field = fields["centre"]
    radius = energy_radius(field, position, MOST)
    return {
        "radius_px": round(radius, 1),
        "radius_um": None if pixel_size_um is None else round(radius * pixel_size_um, 2),
        "radii_px": {
            name: {
                str(fraction): {
                    where: round(energy_radius(one, place, fraction, power=power), 1)
                    for where, (place, one) in fields.items()
                }
                for fraction in (MOST, HALF)
            }
            for power, name in NAMES.items()
        },
    }


def _nuclei(items: list[dict[str, Any]], reaches: list[np.ndarray], radius_px: float) -> dict[str, Any]:
    """Return how many nuclei there are, the largest, and how many are larger than the field."""
    every = np.concatenate(reaches)
    largest = [float(found.max(initial=-1)) for found in reaches]  # a nucleus of one pixel reaches 0
    there = len(every) > 0
    return {
        "nuclei": len(every),
        "largest_nucleus_px": round(max(largest), 1) if there else None,
        "largest_nucleus_image": stem_of(items[int(np.argmax(largest))]["image"]) if there else None,
        "larger_nuclei": int((every > radius_px).sum()),
    }


def _draw(path: Path, report: dict[str, Any], fields: Fields, layers: dict[str, torch.Tensor]) -> Path:
    side = report["crop_px"]
    position, field = fields["centre"]
    positions = []
    for name, (place, one) in fields.items():
        radius = energy_radius(one, place, MOST)
        positions.append(
            FieldPanel(f"{name}: 95 % within {radius:.0f} px", one.float().numpy(), place, radius)
        )
    deeper = []
    for name, one in layers.items():
        factor = side / one.shape[0]
        inside = ((position[0] + 0.5) / factor - 0.5, (position[1] + 0.5) / factor - 0.5)
        radius = factor * energy_radius(one, inside, MOST)
        title = f"{name}\n1/{factor:.0f}: 95 % within {radius:.0f} px"
        deeper.append(FieldPanel(title, one.float().numpy(), position, radius))
    curves = {
        f"{name} gradient": _arrays(*energy_within(field, position, power=power))
        for power, name in NAMES.items()
    }
    count = len(report["images"])
    what = "random weights" if report["weights"] == RANDOM else report["weights"]
    title = (
        f"Effective receptive field of {report['bundle']} ({what}), map {report['output_map']} before the "
        f"sigmoid, mean over {count} image{'s' * (count > 1)} of {report['data']}"
    )
    nucleus = report["largest_nucleus_px"]
    return write_receptive_field_picture(
        path, positions, deeper, curves, size_px=side, nucleus_px=nucleus, title=title
    )


def _arrays(one: torch.Tensor, other: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return one.numpy(), other.numpy()


if __name__ == "__main__":
    main(receptive_field)
