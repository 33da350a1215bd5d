"""Tune a bundle's decoder on the validation images: `python -m scripts.tune [BUNDLE] [--weights FILE]`.

Evaluation, inference and the call from Python take what was found together with the weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose
from tqdm import tqdm

from common.commands import main
from common.datalists import RunData, tell_scales
from common.decoders import DecodeMapsd
from common.engine.evaluation import Trial, search_options
from common.engine.evaluation.cell_scores import CELL_PREFIX
from common.engine.evaluation.instance_scores import known_scores
from common.engine.trained import TrainedBundle, shared_folders, trained_bundle, write_tuned
from common.messages import suggest
from common.metrics import score_image, summarize
from common.readers import ChannelChoice, choose_label_keys
from common.transforms import ToImageGridd

_log = logging.getLogger(__name__)


def tune(
    bundle: str | None = None,
    *,
    weights: str | None = None,
    ckpt_dir: str | None = None,
    dataset_dir: str | None = None,
    channels: ChannelChoice = None,
    label_keys: str | None = None,
    score: str = "pq_pooled",
    images: int = 64,
    device: str | None = None,
) -> Path:
    """Find the decoder's threshold and other settings that score best on the training's validation images.

    The network runs once over the images; the decoder then runs with one setting after another changed. The
    test list is not touched. Of weights that find whole cells too, the decoder of nuclei is tuned by the
    nuclei's score, then that of cells by the same score of cells.

    Args:
        bundle: the bundle; the default is the one whose training made the weights.
        weights: a file of weights; the default are the best of ckpt_dir.
        ckpt_dir: folder of a training; the default is the bundle's own, runs/BUNDLE.
        dataset_dir: the images; the default are those of the training. A folder that the training named is
            taken with its fold or platform, others by their own lists.
        channels: which channels; the default is the training's.
        label_keys: "label" tunes the decoder of nuclei alone, on images without labels of cells; the default
            is the training's.
        score: what is to be high, for example f1_mu_pooled; of whole cells, with "cell_" before it, it
            decides about both decoders.
        images: at most so many validation images, spread over the list.
        device: where the network runs, as in a training.

    Returns:
        The file tuned.json beside the weights.

    Raises:
        FileNotFoundError: if there are no weights, or no such folder of images.
        ValueError: if the data have no validation list, there is no such score, or it is of cells where none
            are found or labelled.
        RuntimeError: if there is no such device, or a training replaced the weights meanwhile.
    """
    if (name := str(score)).removeprefix(CELL_PREFIX) not in known_scores():
        known = known_scores()
        raise ValueError(f"there is no score {score!r}: {suggest(name.removeprefix(CELL_PREFIX), known)}")
    if isinstance(images, bool) or not isinstance(images, int) or images < 1:
        raise ValueError(f"--images is {images}: choose a whole number of 1 or more")
    trained = trained_bundle(bundle, weights=weights, ckpt_dir=ckpt_dir, channels=channels, device=device)
    if label_keys is not None:
        trained.parser["label_keys"] = label_keys
    keys = choose_label_keys(trained.parser["label_keys"])
    decoder = dict(trained.parser["decoder"])
    goals = _goals(_decoder(decoder), score, keys, trained.weights)
    data = _data(trained, dataset_dir, keys)
    items = tell_scales(
        data.items("validation"), trained.parser.get_parsed_content("data::model_scale"), split="validation"
    )
    chosen = np.unique(np.linspace(0, len(items) - 1, min(images, len(items))).round().astype(int))
    found = [_maps(trained, items[i]) for i in tqdm(chosen, unit="image", disable=None)]
    best, tried = decoder, 0
    changed: dict[str, tuple[Any, Any]] = {}
    for part, goal in goals.items():
        trials = search(best, found, goal, part=part)
        best, tried = with_options(best, trials[-1].options), tried + len(trials) - 1
        changed |= {
            option: (trials[0].options[option], value) for option, value in trials[-1].options.items()
        }
    before, after = (
        {goal: round(score_of(each, found, goal), 4) for goal in goals.values()} for each in (decoder, best)
    )
    file = write_tuned(
        trained.weights,
        best,
        {
            "score": score,
            "before": {"options": {option: values[0] for option, values in changed.items()}, **before},
            "after": {"options": {option: values[1] for option, values in changed.items()}, **after},
            "data": data.name,
            "fingerprint": data.fingerprint(),
            "validation_images": len(chosen),
            "trials": tried,
        },
        loaded_sha256=trained.sha256,
    )
    for option, (old, new) in changed.items():
        if old != new:
            print(f"{option}: {old} -> {new}")
    for goal in goals.values():
        print(f"{goal} on {len(chosen)} validation images: {before[goal]:.3f} -> {after[goal]:.3f}")
    print(file)
    return file


def _goals(decoder: Any, score: str, keys: Sequence[str], weights: Path) -> dict[str, str]:
    """Return the score that decides about the options of each part of a decoder, "" for all of it."""
    of_cells = score.startswith(CELL_PREFIX)
    if not getattr(decoder, "finds_cells", False):
        if of_cells:
            raise ValueError(
                f"--score {score} is of whole cells, and {weights} finds nuclei alone: leave it out"
            )
        return {"": score}
    if len(keys) == 1:
        if of_cells:
            raise ValueError(f"--score {score} is of whole cells, which --label_keys label leaves out")
        return {"nuclei": score}
    return {"": score} if of_cells else {"nuclei": score, "cells": f"{CELL_PREFIX}{score}"}


def search(
    decoder: Mapping[str, Any], found: list[dict[str, Any]], score: str, *, part: str = ""
) -> list[Trial]:
    """Try a decoder's settings on what a network found in some images.

    Args:
        decoder: the decoder as a configuration has it.
        found: images with "pred", the network's maps, and "label_map", the true label maps.
        score: what is to be high, of whole cells with "cell_" before it.
        part: the part of a decoder whose settings are tried, such as "nuclei"; by default all are.

    Raises:
        ValueError: if the decoder has no settings that can be tuned.
    """
    made = _decoder(decoder)
    all_of_it: Mapping[str, Sequence[Any]] = getattr(made, "CANDIDATES", {})
    candidates = {
        name: values for name, values in all_of_it.items() if not part or name.startswith(f"{part}::")
    }
    if not candidates:
        told = decoder.get(part, {}).get("_target_") if part else decoder.get("_target_")
        raise ValueError(f"{told} tells no settings to tune: give it CANDIDATES")
    start = {name: attrgetter(name.replace("::", "."))(made) for name in candidates}
    with tqdm(unit="trial", disable=None) as bar:

        def scored(options: Mapping[str, Any]) -> float:
            bar.update()
            return score_of(with_options(decoder, options), found, score)

        return search_options(scored, start, candidates)


def with_options(decoder: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decoder's configuration with other options, those of its parts named by "::".

    Args:
        decoder: the configuration, which is left as it is.
        options: values by name.

    Example:
        >>> with_options({"nuclei": {"threshold": 0.5}, "a": 1}, {"nuclei::threshold": 0.4, "a": 2})
        {'nuclei': {'threshold': 0.4}, 'a': 2}
    """
    changed = dict(decoder)
    for name, value in options.items():
        *parts, last = name.split("::")
        place = changed
        for part in parts:
            place[part] = dict(place[part])
            place = place[part]
        place[last] = value
    return changed


def score_of(decoder: Mapping[str, Any], found: Sequence[Mapping[str, Any]], score: str) -> float:
    """Return what a decoder scores in some images, see `search`.

    Args:
        decoder: the decoder as a configuration has it.
        found: see `search`.
        score: see `search`.
    """
    steps = Compose([DecodeMapsd(keys="pred", decoder=_decoder(decoder)), ToImageGridd(keys="pred_map")])
    plane = int(score.startswith(CELL_PREFIX))  # of nuclei, or of the cells behind it
    scores = [
        score_image(item["label_map"][plane], np.asarray(steps(item)["pred_map"])[plane]) for item in found
    ]
    return float(summarize(scores)[score.removeprefix(CELL_PREFIX)])


def _decoder(settings: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    parser = ConfigParser({"decoder": dict(settings)})
    made: Callable[[np.ndarray], np.ndarray] = parser.get_parsed_content("decoder")
    return made


def _data(trained: TrainedBundle, dataset_dir: str | None, keys: Sequence[str]) -> RunData:
    """Return the lists of the training, or of other data as they are."""
    parser = trained.parser
    named = {"dataset_dir": parser["dataset_dir"] if dataset_dir is None else dataset_dir}
    # As listed, the training's own images may be validated that it was trained on.
    own = shared_folders({"dataset_dir": parser["dataset_dir"]}, named)
    lists = {name: parser[name] for name in ("fold", "folds", "test_platform")} if own else {}
    data = RunData(
        named["dataset_dir"],
        seed=parser["split_seed"],
        channels=parser["channels"],
        in_channels=parser["network_def"].get("in_channels"),
        any_channels=parser["network_def"].get("in_channels") is None,
        label_keys=keys,
        **lists,
    )
    if not data.items("validation"):
        folders = " and ".join(map(str, data.folders.values()))
        raise ValueError(
            f'{folders} has no validation list: list images as "validation" in its dataset.json, or name'
            " another --dataset_dir"
        )
    return data


def _maps(trained: TrainedBundle, item: Mapping[str, Any]) -> dict[str, Any]:
    prepared = trained.prepare(item, targets=False)
    kept: dict[str, Any] = {key: prepared[key] for key in ("scale", "image_size_px") if key in prepared}
    truth = np.rint(np.asarray(prepared["label_map"])).astype(np.int64)
    maps = trained.maps(prepared["image"]).cpu()
    return {**kept, "image": torch.zeros(1), "pred": maps, "label_map": truth}


if __name__ == "__main__":
    main(tune)
