"""Make a bundle that stands alone: `python -m scripts.pack BUNDLE [--weights FILE] [--format onnx] [--all]`.

The folder and the zip hold everything that MONAI needs to run it: configurations without macros, the code
under the bundle's own name, licence, documents, and weights where there are any.
"""

from __future__ import annotations

import os
from pathlib import Path

from common.bundle_config import bundle_folder, bundle_names, bundle_overlays, find_slip
from common.commands import main
from common.packing import LABEL_MODELS, check_formats, check_name, pack_bundle


def pack(
    bundle: str | None = None,
    *,
    output: str = "dist",
    weights: str | None = None,
    format: str | None = None,
    pixel_size_um: float | None = None,
    all: bool = False,
) -> list[Path]:
    """Pack a bundle into OUTPUT/BUNDLE and OUTPUT/BUNDLE.zip, or all of them.

    What was packed there before is replaced; whatever else lies there is refused. Packing twice gives the
    same bytes. With weights, the settings of their training, and the decoder as it was tuned for them, stand
    in the packed configurations.

    Args:
        bundle: its name, or its folder.
        output: the folder of the packs.
        weights: a file of weights; by default those released with the bundle, if there are any.
        format: what the network is exported to as well: onnx, torchscript or torch_export, or several with
            commas; each file is run and compared with the network. And whole programs from image to label
            map: qupath (the folder OUTPUT/BUNDLE_qupath for QuPath's InstanSeg extension, and a zip of it)
            and bioimageio (the package OUTPUT/BUNDLE_bioimageio.zip).
        pixel_size_um: for qupath and bioimageio, where the training had no pixel size: micrometres of a pixel
            in the images that were trained on, as they are or, with --scale or --diameter_px, as resized.
        all: every bundle instead of one.

    Returns:
        The archives.

    Raises:
        FileExistsError: the output holds something else than an earlier pack.
        FileNotFoundError: there is no such bundle, or no such file of weights.
        ValueError: neither or both of a bundle and --all, a name that Python cannot import, a configuration
            that is broken, weights that do not fit, or a network that cannot be exported; QuPath would have
            no pixel size, or one that is not the training's.
    """
    if all and bundle is not None:
        raise ValueError(f"--all packs every bundle: leave {bundle} out, or --all")
    if all and weights is not None:
        raise ValueError(f"--weights {weights} are of one bundle: name it, and leave --all out")
    if not all and bundle is None:
        raise ValueError("name a bundle, or pack every one with --all")
    formats = check_formats(format, LABEL_MODELS) if format is not None else []
    if pixel_size_um is not None and not set(formats) & set(LABEL_MODELS):
        raise ValueError(
            f"--pixel_size_um {pixel_size_um:g} goes with --format {' or '.join(LABEL_MODELS)}: leave it out"
        )
    folders = [bundle_folder(name) for name in (bundle_names() if all else [str(bundle)])]
    for folder in folders:
        check_name(folder.name)
        _look_through(folder)
    packed = [
        pack_bundle(folder, output, weights=weights, formats=formats, pixel_size_um=pixel_size_um)
        for folder in folders
    ]
    return [archive for each in packed for archive in (each.archive, *each.label_models)]


def _look_through(folder: Path) -> None:
    """Refuse configurations that name what is not there, before anything is packed."""
    configs = Path(os.path.relpath(folder / "configs"))
    train = configs / "train.json"
    overlays = [Path(os.path.relpath(file)) for file in bundle_overlays(folder).values()]
    for files in ([train], [configs / "inference.json"], *([train, file] for file in overlays)):
        find_slip(files)


if __name__ == "__main__":
    main(pack)
