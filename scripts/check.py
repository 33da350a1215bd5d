"""Look a bundle through without training it: `python -m scripts.check BUNDLE` (or `all`), `--overlay FILE`.

The first fault is said in one sentence with file, id and cause. It takes a minute: the data are a few sample
images in a temporary folder. `--mend` first writes inference.json and the maps in metadata.json anew from
train.json, and every configuration in the common layout.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser, ConfigWorkflow, verify_net_in_out
from monai.data import list_data_collate

from common.bundle_config import (
    blamed,
    build_items,
    bundle_overlays,
    check_described,
    check_follows,
    check_metadata,
    find_slip,
    rewrite_configs,
)
from common.commands import check_decoder, check_overlays, main, maps_with_nuclei
from common.losses import known_pixels_loss
from common.messages import refuse_faults, sentence, suggest
from common.sample import write_sample

SHAPE = (97, 83)  # multiples of nothing, so that padding is needed
CORNER_PX = 128  # of the crops, what goes through the network: whole ones of 256 take minutes on a CPU


def check(
    bundle: str, *, overlay: str | None = None, dataset_dir: str | None = None, mend: bool = False
) -> None:
    """Look a bundle through: metadata, training with each overlay, inference; a line for each in order.

    Args:
        bundle: its name, its folder, or "all".
        overlay: a configuration of your own that is merged into train.json, instead of the bundle's overlays.
        dataset_dir: images to try it on; by default sample images with the channels that the network takes.
        mend: first write inference.json and the maps in metadata.json as train.json says, and every
            configuration in the common layout.

    Raises:
        ValueError: for the first fault, in one sentence with file, id and cause.
    """
    with _quiet():
        for folder in _folders(str(bundle)):
            if mend:
                rewrite_configs(folder / "configs")
            _check_bundle(folder, overlay=overlay, dataset_dir=dataset_dir)


def _check_bundle(folder: Path, *, overlay: str | None, dataset_dir: str | None) -> None:
    configs = folder / "configs"
    train, inference, metadata = (configs / f"{name}.json" for name in ("train", "inference", "metadata"))
    overlays = [Path(overlay)] if overlay else [*bundle_overlays(folder).values()]
    trainings = [[train], *([train, file] for file in overlays)]
    # What can be seen without building anything, first: it is quick.
    taken, _ = check_metadata(metadata)
    print(f"ok {metadata.as_posix()}")
    for files in trainings:
        check_overlays([str(file) for file in files])
        find_slip(files)
    find_slip([inference])
    check_follows(train, inference)
    with tempfile.TemporaryDirectory(prefix="check-") as place:

        def places(channels: int, *, cells: bool = False) -> dict[str, str]:
            sample = Path(place) / f"sample_{channels}{'_cells' if cells else ''}"
            if not dataset_dir and not sample.exists():
                sample_for(sample, channels=channels, cells=cells)
            data = dataset_dir or str(sample)
            return {"dataset_dir": data, "ckpt_dir": f"{place}/ckpt", "output_dir": f"{place}/output"}

        for files in trainings:
            settings = _merged(files).get()
            needed = places(_channels(files, taken), cells="cell_label" in settings.get("label_keys", ()))
            count = check_training(files, metadata, needed)
            print(f"ok {files[-1].as_posix()} ({count} ids)", flush=True)
        count = check_inference(inference, metadata, places(taken))
        print(f"ok {inference.as_posix()} ({count} ids)")


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what MONAI and the project log: each line of this command is about one configuration."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _folders(bundle: str) -> list[Path]:
    known = sorted(file.parents[1] for file in Path("bundles").glob("*/configs/train.json"))
    if not known:
        raise FileNotFoundError("there are no bundles here: run this from the repository's root")
    if bundle == "all":
        return known
    for folder in (Path(bundle), Path("bundles") / bundle):
        if (folder / "configs" / "train.json").is_file():
            return [folder]
    raise FileNotFoundError(f"there is no bundle {bundle!r}: {suggest(bundle, [one.name for one in known])}")


def sample_for(
    folder: Path, *, channels: int, counts: Sequence[int] = (2, 1, 1), cells: bool = False
) -> Path:
    """Write a sample data set that suits a network.

    Args:
        folder: where; must be absent.
        channels: how many channels its images need.
        counts: how many training, validation and test images.
        cells: whether whole cells have to be labelled too.
    """
    # Three are red, green and blue: a step that knows stains refuses anything else.
    modality = {1: "fluorescence", 3: "he"}.get(channels, "multiplex")
    number = channels if modality == "multiplex" else None
    if cells:
        modality, number = "cells", channels
    return write_sample(folder, modality=modality, counts=counts, shape=SHAPE, channels=number)


@contextmanager
def blame(name: str, files: Sequence[Path], doing: str) -> Iterator[None]:
    """Turn an exception into a sentence with file, id and what was being done.

    Args:
        name: the id that is used.
        files: the configuration it is from.
        doing: such as "on images (2, 1, 64, 64)".
    """
    try:
        yield
    except Exception as error:
        raise ValueError(f"{blamed(name, files)}: {doing}: {sentence(error)}") from error


def build(files: Sequence[Path], metadata: Path, kind: str, **options: Any) -> tuple[ConfigWorkflow, int]:
    """Build everything of a configuration but run nothing of it, and let MONAI look for what it needs.

    Args:
        files: the bundle's own file, then overlays.
        metadata: its metadata.json.
        kind: "train" or "inference".
        options: values for the configuration's top level.

    Returns:
        The workflow, and how many items it has.
    """
    names = [str(file) for file in files]
    workflow = ConfigWorkflow(names, str(metadata), logging_file=False, workflow_type=kind, **options)
    try:
        workflow.initialize()
    except Exception as error:  # options are looked through there: the sentence names the option
        raise ValueError(f"{files[-1].as_posix()}: {sentence(error)}") from error
    # What `monai.bundle run ID` runs is a list of expressions: it would train.
    commands = [
        key
        for key, value in workflow.parser.get().items()
        if isinstance(value, list) and any(str(line).startswith("$") for line in value)
    ]
    count = build_items(workflow.parser, files, leave=[*commands, "initialize"])
    with blame(
        "train::handlers" if kind == "train" else "handlers", files, "MONAI reads it, a list of objects"
    ):
        missing = workflow.check_properties()
    if missing:
        raise ValueError(f"{files[-1].as_posix()}: MONAI misses {', '.join(missing)}")
    return workflow, count


def check_training(files: Sequence[Path], metadata: Path, places: dict[str, str]) -> int:
    """Build a training, and send one batch, the corners of its crops, through network, loss and decoder.

    Args:
        files: train.json, then perhaps an overlay.
        metadata: the bundle's metadata.json.
        places: dataset_dir, ckpt_dir and output_dir.

    Returns:
        How many items the configuration has.

    Raises:
        ValueError: for the first fault.
    """
    taken, given = check_metadata(metadata)
    if len(files) == 1:
        check_described(metadata, _merged(files).get())
    _check_decoder(files)
    workflow, count = build(files, metadata, "train", mlflow=False, **places)
    get = workflow.parser.get_parsed_content
    network, device = get("network"), get("hardware::device")
    with blame("train::dataset", files, "loading the training images"):
        dataset = get("train::dataset")
        batch = list_data_collate([dataset[0], dataset[1]])
    corner = (..., slice(CORNER_PX), slice(CORNER_PX))
    images, targets = (batch[key][corner].to(device).contiguous() for key in ("image", "label"))
    if len(files) == 1 and images.shape[1] != taken:  # an overlay may be for other images
        raise ValueError(
            f"{blamed('channels', files)}: the network gets {images.shape[1]} channels, but "
            f"{metadata.as_posix()} says network_data_format::inputs::image::num_channels {taken}"
        )
    with blame("network_def", files, f"on images {tuple(images.shape)}"):
        with torch.no_grad():
            inferred = network.eval()(images).shape[1]
        maps = network.train()(images)  # perhaps with side maps, for the loss alone
    if len(files) == 1 and inferred != given:
        raise ValueError(
            f"{blamed('network_def', files)}: puts out {inferred} maps, but "
            f"{metadata.as_posix()} says network_data_format::outputs::pred::num_channels {given}"
        )
    with blame("loss", files, f"on maps {tuple(maps.shape)} and targets {tuple(targets.shape)}"):
        maps.retain_grad()
        loss = known_pixels_loss(get("loss"))(maps, targets)
        loss.backward()
    if not bool(torch.isfinite(loss)):
        raise ValueError(f"{blamed('loss', files)}: is {float(loss.detach())} on sample images")
    idle = [str(n) for n in range(maps.shape[1]) if maps.grad is None or not maps.grad[:, n].any()]
    if idle and len(files) == 1:  # an ablation may leave a map out
        raise ValueError(f"{blamed('loss', files)}: never trains map {', '.join(idle)} of {maps.shape[1]}")
    _check_whole_image(workflow, files)
    if len(files) == 1:
        with blame("network_def", files, f"as {metadata.as_posix()} describes it"):
            verify_net_in_out("network_def", str(metadata), str(files[0]), device="cpu", p=1, n=2)
    return count


def _check_decoder(files: Sequence[Path]) -> None:
    """Look whether the decoder's maps are there, as every training does at its start, but name the file."""
    try:
        check_decoder(_merged(files).get())
    except ValueError as error:
        raise ValueError(f"{blamed('decoder', files)}: {error}") from error


def _channels(files: Sequence[Path], described: int) -> int:
    """Return how many channels images need: with an overlay those of its network, which may be for others."""
    network = _merged(files).get()["network_def"] if len(files) > 1 else {}
    return int(network.get("in_channels") or described)


def _merged(files: Sequence[Path]) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    parser.resolve_macro_and_relative_ids()
    return parser


def _check_whole_image(workflow: ConfigWorkflow, files: Sequence[Path]) -> None:
    """Send a validation image through the network, in tiles or padded, and decode its maps."""
    get = workflow.parser.get_parsed_content
    with blame("validate::dataset", files, "loading the validation images"):
        item = get("validate::dataset")[0]
    images = item["image"][None].to(get("hardware::device"))
    with torch.no_grad(), blame("inferer", files, f"on an image {tuple(images.shape)}"):
        maps = get("inferer")(images, get("network").eval())
    if maps.shape[2:] != images.shape[2:]:
        raise ValueError(
            f"{blamed('inferer', files)}: makes maps {tuple(maps.shape)} of images {tuple(images.shape)}"
        )
    with blame("decoder", files, f"on maps {tuple(maps.shape)}"):
        get("validate::postprocessing")({**item, "pred": maps[0]})
        # An untrained network may find nothing, and a decoder then looks at no other map.
        get("validate::postprocessing")({**item, "pred": maps_with_nuclei(*maps.shape[1:])})


def check_inference(file: Path, metadata: Path, places: dict[str, str]) -> int:
    """Build an inference, and load an image.

    Args:
        file: the bundle's inference.json.
        metadata: its metadata.json.
        places: dataset_dir, ckpt_dir and output_dir.

    Returns:
        How many items the configuration has.

    Raises:
        ValueError: for the first fault.
    """
    workflow, count = build([file], metadata, "inference", **places)
    with blame("dataset", [file], "loading the images"):
        item = workflow.parser.get_parsed_content("dataset")[0]
        refuse_faults([item["fault"]] if "fault" in item else [], 1, "images cannot be used")
    return count


if __name__ == "__main__":
    main(check)
