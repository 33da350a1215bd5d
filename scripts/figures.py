"""Draw the figures of a bundle's paper on your images.

python -m scripts.figures logsage --dataset_dir FOLDER --channels DAPI
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from torch.nn.functional import interpolate

from common.commands import main
from common.export import CurvedLines, write_curvature_picture, write_map_picture
from common.export.overlay import inner_outlines
from common.handlers import find_weights, load_weights
from common.losses import CurvatureAlignmentLoss, contour_curvature, curvature_pdf, trace_contours
from common.networks import LoGFilter
from common.readers import dataset_folder, load_datalist, read_image, read_labels, stem_of
from common.readers.channels import ChannelChoice

SIGMAS = (4, 5, 6, 7, 8, 9, 10)
LOG_CROP_PX = 512  # of larger images the middle is shown
BINS, MAX_CURVATURE = 33, 0.7  # the curvature loss's own

Item = dict[str, Any]
Draw = Callable[[Item, dict[str, Any]], list[Path]]

_log = logging.getLogger(__name__)


def figures(
    bundle: str,
    *,
    dataset_dir: str = "runs/sample_fluorescence",
    split: str = "test",
    image: str | None = None,
    channels: ChannelChoice = 0,
    crop_px: int = 192,
    weights: str | None = None,
    ckpt_dir: str | None = None,
    output_dir: str | None = None,
) -> list[Path]:
    """Draw what a bundle's paper shows, on one image of a data set.

    Args:
        bundle: the bundle, for example logsage.
        dataset_dir: the data set; the default is the embedded sample.
        split: training, validation or test.
        image: file name without its suffix; the default is the list's first image.
        channels: which channel, by name or number.
        crop_px: edge of the square from the image's middle that close-ups show, in pixels.
        weights: weights of the prediction.
        ckpt_dir: folder of a training whose weights predict; the default is runs/BUNDLE. Where there are no
            weights a spoilt truth takes the place of the prediction, and the figure says so.
        output_dir: folder of the pictures; the default is runs/figures/BUNDLE.

    Returns:
        The pictures.

    Raises:
        FileNotFoundError: if a named data set or file of weights is not there.
        ValueError: if there are no figures of this bundle, or no such image.
    """
    if bundle not in FIGURES:
        raise ValueError(f"there are no figures of {bundle!r}: choose one of {', '.join(FIGURES)}")
    if crop_px < 32:
        raise ValueError(f"crop_px is {crop_px}: choose 32 or more (pixels)")
    items = load_datalist(dataset_folder(dataset_dir), split, channels=channels)
    names = [stem_of(item["image"]) for item in items]
    if image is not None and image not in names:
        raise ValueError(
            f"the {split} list has no image {image!r}: choose one of {', '.join(names[:8])}, ..."
        )
    item = items[0 if image is None else names.index(image)]
    folder = Path(output_dir or Path("runs") / "figures" / bundle)
    options = {
        "bundle": bundle,
        "channels": channels,
        "crop_px": crop_px,
        "weights": weights,
        "ckpt_dir": ckpt_dir or str(Path("runs") / bundle),
        "folder": folder,
    }
    files = FIGURES[bundle](item, options)
    for file in files:
        print(file)
    return files


def logsage_figures(item: Item, options: dict[str, Any]) -> list[Path]:
    """Draw LoG maps at the paper's scales (its Fig. 1) and curvature along contours (its Fig. 3)."""
    name, folder = stem_of(item["image"]), options["folder"]
    file = read_image(item["image"], channels=options["channels"], channel_names=item.get("channels"))
    pixels = file.pixels.astype(np.float32)
    middle = pixels[(slice(1), *_middle(pixels.shape[1:], LOG_CROP_PX))]
    low, high = np.percentile(middle, [0.1, 99.9])
    scaled = np.clip((middle - low) / max(high - low, 1e-6), 0, 1)
    responses = LoGFilter(SIGMAS)(torch.from_numpy(scaled)[None])[0].numpy()
    maps = {f"σ = {s} px (radius {s * 2**0.5:.1f} px)": m for s, m in zip(SIGMAS, responses, strict=True)}
    maps_file = write_map_picture(
        folder / "log_maps.png",
        middle,
        maps,
        title=f"Laplacian of Gaussian of {name}. Red: brighter than around, most for discs of that radius",
        value_name="-σ² LoG (intensities 0 to 1)",
    )
    labels = read_labels(item["label"])
    predicted, what = _foreground(item, labels, options)
    window = _middle(labels.shape, options["crop_px"])
    # As in training: eroded by a pixel, so that touching nuclei have contours of their own.
    true = ((labels > 0) & ~inner_outlines(labels))[window].astype(np.float32)
    fields = [torch.from_numpy(field)[None, None] for field in (predicted[window].copy(), true)]
    cal = {mode: float(CurvatureAlignmentLoss(mode)(*fields)) for mode in ("contour", "level_set")}
    curvature_file = write_curvature_picture(
        folder / "curvature.png",
        pixels[(slice(None), *window)],
        _lines("truth", true),
        _lines(what, predicted[window]),
        np.linspace(-MAX_CURVATURE, MAX_CURVATURE, BINS),
        title=f"Curvature along contours of {name}; curvature alignment loss {cal['contour']:.3f} "
        f"(contour), {cal['level_set']:.3f} (level_set)",
    )
    return [maps_file, curvature_file]


FIGURES: dict[str, Draw] = {"logsage": logsage_figures}
"""Bundle -> what draws its figures: image and label of one item, and the options, to the files written."""


def _lines(title: str, field: np.ndarray) -> CurvedLines:
    """Return the contours of a field with their curvature; parts beside the image's end are left out."""
    tensor = torch.from_numpy(field.copy())[None, None]
    contours = trace_contours(tensor)
    curvature, weight, image = contour_curvature(tensor)
    ends = contours.points[contours.following]
    seen = weight > 0
    pdf = curvature_pdf(curvature, weight, image=image, images=1, bins=BINS, max_curvature=MAX_CURVATURE)
    parts = (contours.points[seen], ends[seen], curvature[seen], pdf[0])
    return CurvedLines(title, *(part.numpy() for part in parts))


def _middle(shape: tuple[int, ...], side: int) -> tuple[slice, ...]:
    """Return the square of an edge in pixels from the middle of an image, smaller where the image is."""
    return tuple(slice(max(0, (size - side) // 2), max(0, (size - side) // 2) + side) for size in shape)


def _foreground(item: Item, labels: np.ndarray, options: dict[str, Any]) -> tuple[np.ndarray, str]:
    """Return the predicted foreground probability (H, W), and what it is in words."""
    bundle_root = Path("bundles") / options["bundle"]
    try:
        path = find_weights(options["weights"], options["ckpt_dir"], bundle_root)
    except FileNotFoundError:
        if options["weights"]:
            raise
        _log.info("no weights in %s: the prediction is a spoilt truth", options["ckpt_dir"])
        return (labels > 0).astype(
            np.float32
        ), "no weights found, so instead of a prediction:\ntruth with touching nuclei merged"
    parser = ConfigParser()
    parser.read_config(str(bundle_root / "configs" / "inference.json"))
    settings = path.parent / "train.json"
    source = settings if settings.is_file() else bundle_root / "configs" / "train.json"
    trained = json.loads(source.read_text(encoding="utf-8"))
    for name in ("network_def", "intensity", "inferer"):
        parser[name] = trained[name]
    parser["channels"], parser["weights"], parser["ckpt_dir"] = options["channels"], str(path), None
    network = parser.get_parsed_content("network").eval()
    load_weights(network, path)
    pixels = parser.get_parsed_content("preprocessing")({"image": item["image"]})["image"]
    device = parser.get_parsed_content("device")
    with torch.no_grad():
        maps = parser.get_parsed_content("inferer")(torch.as_tensor(pixels)[None].to(device), network)
        foreground = trained["loss"]["channels"]["foreground"]
        field = torch.sigmoid(maps.as_subclass(torch.Tensor)[:, foreground, None].float())
        if field.shape[2:] != labels.shape:
            field = interpolate(field, labels.shape, mode="bilinear")
    return field[0, 0].cpu().numpy(), f"prediction of {path}"


if __name__ == "__main__":
    main(figures)
