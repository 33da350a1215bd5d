"""Draw the figures of a bundle's paper on your images.

python -m scripts.figures logsage --dataset_dir FOLDER --channels DAPI
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common.commands import main
from common.datalists import dataset_folder, load_datalist
from common.engine.trained import choose_weights, trained_settings, training_config
from common.figures import (
    Subject,
    cascaded_unet_figures,
    eunet3plus_sam_figures,
    logsage_figures,
    resnet18_unet_figures,
)
from common.files import stem_of
from common.readers import ChannelChoice

FIGURES: dict[str, Callable[[Subject], list[Path]]] = {
    "logsage": logsage_figures,
    "resnet18_unet": resnet18_unet_figures,
    "cascaded_unet": cascaded_unet_figures,
    "eunet3plus_sam": eunet3plus_sam_figures,
}
"""Bundle -> what draws its figures and returns the files."""
COMPARING = ("cascaded_unet",)


def figures(
    bundle: str,
    *,
    dataset_dir: str | None = None,
    split: str = "test",
    image: str | None = None,
    channels: ChannelChoice = None,
    crop_px: int = 192,
    weights: str | None = None,
    ckpt_dir: str | None = None,
    compare: Sequence[str] = (),
    output_dir: str | None = None,
) -> list[Path]:
    """Draw what a bundle's paper shows, on one image of a data set.

    Args:
        bundle: the bundle, for example logsage.
        dataset_dir: the data set; the default is the bundle's own, an embedded sample.
        split: training, validation or test.
        image: file name without its suffix; the default is the list's first image.
        channels: which channels, by name or number; the default is the training's, else the bundle's own.
        crop_px: edge of the squares that close-ups show, in pixels.
        weights: weights of the prediction.
        ckpt_dir: folder of a training whose weights predict; the default is runs/BUNDLE. Where there are no
            weights a spoilt truth takes the place of the prediction, and the figure says so.
        compare: folders of trainings, of any bundle, whose errors are drawn side by side, for example
            "['runs/vgg16_unet','runs/cascaded_unet']"; of cascaded_unet only.
        output_dir: folder of the pictures; the default is runs/figures/BUNDLE.

    Returns:
        The pictures.

    Raises:
        FileNotFoundError: if a named data set or file of weights is not there.
        ValueError: if there are no figures of this bundle, or no such image, or nothing to compare.
    """
    if bundle not in FIGURES:
        raise ValueError(f"there are no figures of {bundle!r}: choose one of {', '.join(FIGURES)}")
    if crop_px < 32:
        raise ValueError(f"crop_px is {crop_px}: choose 32 or more (pixels)")
    folders = (compare,) if isinstance(compare, str) else tuple(compare)
    if folders and bundle not in COMPARING:
        raise ValueError(
            f"the figures of {bundle} show one training: leave --compare out, or draw {COMPARING[0]}"
        )
    if folders and (weights or ckpt_dir):
        raise ValueError("--compare names trainings: leave --weights and --ckpt_dir out")
    root = Path("bundles") / bundle
    own = training_config(root)
    shown = channels
    if shown is None:
        trained = _settings(weights, folders[0] if folders else ckpt_dir or own["ckpt_dir"], root)
        shown = trained.get("channels", own["channels"])
    items = load_datalist(dataset_folder(dataset_dir or own["dataset_dir"]), split, channels=shown)
    names = [stem_of(item["image"]) for item in items]
    if image is not None and image not in names:
        raise ValueError(
            f"the {split} list has no image {image!r}: choose one of {', '.join(names[:8])}, ..."
        )
    subject = Subject(
        bundle=bundle,
        item=items[0 if image is None else names.index(image)],
        channels=shown,
        folder=Path(output_dir or Path("runs") / "figures" / bundle),
        crop_px=crop_px,
        weights=weights,
        ckpt_dir=ckpt_dir,
        compare=folders,
        chosen=channels,
    )
    files = FIGURES[bundle](subject)
    for file in files:
        print(file)
    return files


def _settings(weights: str | None, ckpt_dir: str, root: Path) -> dict[str, Any]:
    try:
        return trained_settings(choose_weights(weights, ckpt_dir, root)[0])
    except FileNotFoundError:
        if weights:
            raise
        return {}


if __name__ == "__main__":
    main(figures)
