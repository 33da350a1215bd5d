"""Begin a method of your own: `python -m scripts.new_bundle NAME`, like another bundle with `--like logsage`.

What it makes trains, evaluates and segments at once. It is the other bundle's wiring with a plain U-Net, so
that the first thing to change is the network.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from common.bundle_config import inference_config, read_json, written
from common.commands import main
from common.messages import suggest

# A small network of MONAI's own. Its first stride is 1: gaps of a pixel between nuclei survive.
NETWORK = {
    "_target_": "monai.networks.nets.UNet",
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 1,
    "channels": [16, 32, 64, 128, 256],
    "strides": [1, 2, 2, 2],
    "num_res_units": 1,
    "norm": "batch",
}
DIVISOR = 8  # what heights and widths must be multiples of: the strides multiplied
CARD = """# {name}

In two sentences: which network, which maps, how maps become nuclei. Made for which images?

    python -m monai.bundle run training --config_file {folder}/configs/train.json --dataset_dir FOLDER

| configuration | what |
|---|---|
| `train.json` | the method as you should use it |

## Intended use and limits

For research, not for diagnosis. What kind of images, what size of nuclei, and what it cannot do.

## Input and output

How many channels, of what. The network's maps: {maps}. A label map, 0 = background, 1, 2, 3 ... = nuclei.

## Scores

Which data set, list, training budget and machine.

## Commands

    python -m monai.bundle run training --config_file {folder}/configs/train.json --dataset_dir FOLDER
    python -m monai.bundle run evaluating --config_file {folder}/configs/train.json --output_dir DIR
    python -m monai.bundle run --config_file {folder}/configs/inference.json --dataset_dir FOLDER

## Reference

Whose idea it is.

## Licence

Of the code, and of weights if there are any.
"""


def new_bundle(name: str, *, like: str = "logsage", output: str = "bundles") -> Path:
    """Make a bundle from another one: its wiring, maps, loss and decoder with a plain U-Net as the network.

    Args:
        name: the new bundle's name: lower-case letters, digits and underscores.
        like: the bundle that it begins as.
        output: the folder of the bundles.

    Returns:
        The new folder.

    Raises:
        ValueError: the name is none, or the bundle to begin with is a cascade.
        FileExistsError: there is such a bundle.
        FileNotFoundError: there is no bundle to begin with.
    """
    name = str(name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name == "all":
        raise ValueError(
            f"{name!r} cannot be a bundle's name: use lower-case letters, digits and _, such as my_unet"
        )
    folder, source = Path(output) / name, Path(output) / like
    if folder.exists():
        raise FileExistsError(f"{folder.as_posix()} exists already: choose another name")
    if not (source / "configs" / "train.json").is_file():
        known = sorted(file.parents[1].name for file in Path(output).glob("*/configs/train.json"))
        hint = suggest(like, known) if known else "run this from the repository's root"
        raise FileNotFoundError(f"there is no bundle {like!r} in {output}: {hint}")
    if "first" in read_json(source / "configs" / "train.json")["network_def"]:
        raise ValueError(f"{like} is two networks, for which one U-Net cannot stand in: begin like another")
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=output))
    try:
        for path, text in _texts(source, folder).items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
        draft.chmod(0o755)  # mkdtemp's are for one user
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _tell(folder)
    return folder


def _texts(source: Path, folder: Path) -> dict[str, str]:
    """Return path and text of each file of the new bundle."""
    old, new = source.name, folder.name
    configs = source / "configs"
    described = read_json(configs / "metadata.json")["network_data_format"]
    inferer = read_json(configs / "train.json")["inferer"]
    inferer.pop("step_px", None)  # a U-Net has no windows of attention
    maps = described["outputs"]["pred"]["channel_def"].values()
    network = NETWORK | {
        "in_channels": described["inputs"]["image"]["num_channels"],
        "out_channels": described["outputs"]["pred"]["num_channels"],
    }

    def renamed(file: str) -> dict[str, Any]:
        text = (configs / file).read_text("utf-8")
        for parent in (source.parent.as_posix(), "runs"):
            text = re.sub(rf"{re.escape(parent)}/{re.escape(old)}\b", f"{parent}/{new}", text)
        content: dict[str, Any] = json.loads(text)
        return content

    train = renamed("train.json") | {
        "bundle_name": new,
        "network_def": network,
        "inferer": inferer | {"divisor": DIVISOR},
    }
    metadata = renamed("metadata.json") | {
        "version": "0.1.0",
        "changelog": {"0.1.0": f"begun as {old} with a plain U-Net"},
        "name": f"{new} nuclei segmentation",
        "description": "U-Net on the image.",
        "references": [],
        "eval_metrics": {},
    }
    for side in metadata["network_data_format"].values():
        for data in side.values():
            data["spatial_shape"] = [f"{DIVISOR}*n"] * 2
    return {
        "configs/train.json": written(train),
        "configs/inference.json": written(inference_config(train, file=folder / "configs" / "train.json")),
        "configs/metadata.json": written(metadata),
        "docs/README.md": CARD.format(name=new, folder=folder.as_posix(), maps="; ".join(maps)),
    }


def _tell(folder: Path) -> None:
    train = f"{folder.as_posix()}/configs/train.json"
    print(
        f"{folder.as_posix()} is made. It works as it is:\n"
        f"  python -m scripts.check {folder.name}\n"
        f"  python -m scripts.quickstart --bundle {folder.name} --output runs/{folder.name}_quickstart\n"
        f"  python -m monai.bundle run training --config_file {train} --dataset_dir FOLDER\n"
        f"Your network: network_def in {train}, and your class in common/networks\n"
        f"(CONTRIBUTING.md, 'A method of your own, in an hour'). Then: make test"
    )


if __name__ == "__main__":
    main(new_bundle)
