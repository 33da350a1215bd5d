"""Packing a bundle: configurations, code, documents and weights in a folder and an archive."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..bundle_config import bundle_parser, check_metadata, project_root, read_json, written
from ..files import write_whole, write_whole_folder
from .flat_config import FlatNames, flat_configs
from .label_model import LABEL_MODELS, check_label_model, pack_label_model
from .name import check_name
from .network_export import FORMATS, TOLERANCE, export_network
from .own_code import copy_code, rooms_needed
from .packed_folder import refuse_foreign, write_archive, write_inventory
from .packed_metadata import packed_metadata
from .packed_weights import PackedWeights, find_packed_weights

__all__ = ["Packed", "pack_bundle"]

_log = logging.getLogger(__name__)

_EXAMPLE_PX = 256  # of the image that a network is exported with: a tile, and the only one some then take
_RELEASED = re.compile(r"^## Released weights\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./){2,}[^)]*\)")
_RUNNING = """
## Run the packed bundle

This folder is complete: the code is in `{bundle}/`, and nothing of the repository it comes from is needed.
Install what `configs/metadata.json` names, and type in this folder:

    python -m monai.bundle run --config_file configs/inference.json --dataset_dir IMAGES --output_dir DIR
    python -m monai.bundle run training --config_file configs/train.json --dataset_dir FOLDER

Every setting can be changed from the command line, inner ones too (`--decoder#min_area_px 20`). Weights are
read from `models/`, and a training writes them there. From Python, in any folder:

    from monai.bundle import ConfigWorkflow
    workflow = ConfigWorkflow("{bundle}/configs/inference.json", workflow_type="infer", dataset_dir="IMAGES")
    workflow.initialize()
    workflow.run()
"""
_WEIGHTS = """
## The weights in `models`

Where the text above says something else it is of the bundle's own settings; these weights have others.

- Image: {image}.
- Maps: {maps}.
- Decoder: `{decoder}`.
"""


class Packed(NamedTuple):
    """What was made of a bundle."""

    folder: Path
    archive: Path
    label_models: tuple[Path, ...] = ()


def pack_bundle(
    folder: Path,
    output: str | Path,
    *,
    weights: str | Path | None = None,
    formats: Sequence[str] = (),
    pixel_size_um: float | None = None,
) -> Packed:
    """Make a standalone bundle: a folder, and a zip of it, each whole or not at all.

    Args:
        folder: the bundle's folder in the repository.
        output: the folder that gets both.
        weights: a file of weights; None: those released with the bundle, if there are any.
        formats: what the network is exported to as well, see `FORMATS`, and models of label maps, see
            `LABEL_MODELS`, which get a folder or an archive beside the bundle's.
        pixel_size_um: of a model of label maps whose training had no pixel size.

    Raises:
        FileExistsError: the output holds something else than an earlier pack.
        FileNotFoundError: there is no such file of weights.
        ValueError: the name cannot be one of a package, a configuration is broken, the weights do not fit,
            or the network cannot be exported.
    """
    bundle = folder.name
    check_name(bundle)
    target = Path(output) / bundle
    if Path(output).exists() and not Path(output).is_dir():
        raise FileExistsError(f"{output} is a file: name a folder as --output")
    beside = {name: target.with_name(f"{bundle}_{name}") for name in formats if name in LABEL_MODELS}
    for place in (target, *beside.values()):
        refuse_foreign(place)
    metadata = folder / "configs" / "metadata.json"
    check_metadata(metadata)
    described = read_json(metadata)
    found = find_packed_weights(folder, weights)
    if formats and found is None:
        raise ValueError(
            f"--format {','.join(formats)} exports a trained network, and {bundle} has no weights: add"
            " --weights FILE"
        )
    sizes = {name: check_label_model(found, name, pixel_size_um) for name in beside} if found else {}
    configs = flat_configs(folder)
    names = FlatNames(bundle)
    if found is not None:
        own = bundle_parser(folder, "train.json").get()
        described = packed_metadata(
            described, own, settings=found.settings, weights=found.file, folder=folder
        )
        for name in ("train.json", "inference.json"):
            configs[name] = found.put_into(configs[name], names)

    # A network of any number of channels is exported with as many as its metadata describes.
    channels = described["network_data_format"]["inputs"]["image"]["num_channels"]

    def write(part: Path) -> None:
        _write_configs(part, {**configs, "metadata.json": described})
        copy_code(rooms_needed(configs, bundle), part / bundle)
        released = bool(described["eval_metrics"])
        told = "" if found is None else _told_of_weights(described, found)
        _write_documents(part, folder, told=told, released=released)
        if found is not None:
            found.write(part / "models", names)
            networks = [name for name in formats if name in FORMATS]
            _write_exports(part / "models", found, networks, in_channels=channels)
        write_inventory(part, bundle=bundle, version=str(described["version"]))

    label_models = []
    for name, place in beside.items():
        assert found is not None
        label_models.append(
            pack_label_model(
                place, found, described, format=name, bundle=bundle,
                in_channels=channels, pixel_size_um=sizes[name],
            )
        )  # fmt: skip
    write_whole_folder(target, write)
    archive = write_whole(
        target.with_name(f"{bundle}.zip"), lambda part: write_archive(target, part, bundle=bundle)
    )
    _log.info("%s and %s (%s)", target, archive, _told(found))
    return Packed(target, archive, tuple(label_models))


def _told(found: PackedWeights | None) -> str:
    if found is None:
        return "without weights"
    return f"weights of {found.file}" + ("" if found.settings else ", whose training left no settings")


def _write_configs(part: Path, configs: dict[str, dict[str, Any]]) -> None:
    for name, content in configs.items():
        file = part / "configs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written(content), encoding="utf-8")


def _write_exports(models: Path, found: PackedWeights, formats: Sequence[str], *, in_channels: int) -> None:
    """Export the network, and write beside the files which images they take."""
    told = {}
    for format in formats:
        _log.info("exporting the network as %s, which takes seconds or, with attention, minutes", format)
        made = export_network(
            found.network, models / FORMATS[format], format=format, in_channels=in_channels,
            size_px=found.divisor * round(_EXAMPLE_PX / found.divisor), divisor=found.divisor,
        )  # fmt: skip
        _log.info("%s: %s; maps differ by at most %.0e", made.file, made.told(), made.difference)
        told[made.file] = {"format": format, "takes": made.told(), "tolerance": TOLERANCE}
    if told:
        text = json.dumps(told, indent=1) + "\n"
        (models / "exports.json").write_text(text, encoding="utf-8")


def _told_of_weights(described: Mapping[str, Any], found: PackedWeights) -> str:
    formats = described["network_data_format"]
    image, maps = formats["inputs"]["image"]["channel_def"], formats["outputs"]["pred"]["channel_def"]
    return _WEIGHTS.format(
        image="; ".join(image.values()) if found.in_channels else "any number of channels",
        maps="; ".join(maps.values()), decoder=type(found.decoder).__name__,
    )  # fmt: skip


def _write_documents(part: Path, folder: Path, *, told: str, released: bool) -> None:
    shutil.copyfile(project_root() / "LICENSE", part / "LICENSE")
    for file in sorted((folder / "docs").rglob("*")):
        if file.is_dir() or (file.name.startswith("released_") and not released):
            continue
        copy = part / "docs" / file.relative_to(folder / "docs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            # Commands name configurations from the repository's root, here from the bundle's own folder.
            text = file.read_text("utf-8").replace(f"bundles/{folder.name}/configs/", "configs/")
            # Nor is there what links to the repository lead to.
            text = _OUTSIDE.sub(r"\1", text.replace("](../../../LICENSE)", "](../LICENSE)"))
            if not released:
                text = _RELEASED.sub("", text)
            if file.name == "README.md":
                text += told + _RUNNING.format(bundle=folder.name)
            copy.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(file, copy)
