"""Tune a bundle's decoder on the validation images: `python -m scripts.tune [BUNDLE] [--weights FILE]`.

Evaluation, inference and the call from Python take what was found together with the weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
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
from common.engine.evaluation.instance_scores import known_scores
from common.engine.trained import TrainedBundle, trained_bundle, write_tuned
from common.messages import suggest
from common.metrics import score_image, summarize
from common.readers import ChannelChoice
from common.transforms import ToImageGridd

_log = logging.getLogger(__name__)


def tune(
    bundle: str | None = None,
    *,
    weights: str | None = None,
    ckpt_dir: str | None = None,
    dataset_dir: str | None = None,
    channels: ChannelChoice = None,
    score: str = "pq_pooled",
    images: int = 64,
) -> Path:
    """Find the decoder's threshold and other settings that score best on the training's validation images.

    The network runs once over the images; the decoder then runs with one setting after another changed. The
    test list is not touched.

    Args:
        bundle: the bundle; the default is the one whose training made the weights.
        weights: a file of weights; the default are the best of ckpt_dir.
        ckpt_dir: folder of a training; the default is the bundle's own, runs/BUNDLE.
        dataset_dir: the images; the default are those of the training, with its folds or platform.
        channels: which channels; the default is the training's.
        score: what is to be high, for example f1_mu_pooled.
        images: at most so many validation images, spread over the list.

    Returns:
        The file tuned.json beside the weights.

    Raises:
        FileNotFoundError: if there are no weights, or no such folder of images.
        ValueError: if the data have no validation list, or there is no such score.
    """
    if score not in known_scores():
        raise ValueError(f"there is no score {score!r}: {suggest(str(score), known_scores())}")
    if isinstance(images, bool) or not isinstance(images, int) or images < 1:
        raise ValueError(f"--images is {images}: choose a whole number of 1 or more")
    trained = trained_bundle(bundle, weights=weights, ckpt_dir=ckpt_dir, channels=channels)
    data = _data(trained, dataset_dir)
    items = tell_scales(
        data.items("validation"), trained.parser.get_parsed_content("data::model_scale"), split="validation"
    )
    chosen = np.unique(np.linspace(0, len(items) - 1, min(images, len(items))).round().astype(int))
    found = [_maps(trained, items[i]) for i in tqdm(chosen, unit="image", disable=None)]
    decoder = dict(trained.parser["decoder"])
    trials = search(decoder, found, score)
    best = {**decoder, **trials[-1].options}
    file = write_tuned(
        trained.weights,
        best,
        {
            "score": score,
            "before": {"options": dict(trials[0].options), score: round(trials[0].score, 4)},
            "after": {"options": dict(trials[-1].options), score: round(trials[-1].score, 4)},
            "data": data.name,
            "fingerprint": data.fingerprint(),
            "validation_images": len(chosen),
            "trials": len(trials) - 1,
        },
    )
    for name, value in trials[-1].options.items():
        if value != trials[0].options[name]:
            print(f"{name}: {trials[0].options[name]} -> {value}")
    print(
        f"{score} on {len(chosen)} validation images: {trials[0].score:.3f} -> {trials[-1].score:.3f}\n{file}"
    )
    return file


def search(decoder: Mapping[str, Any], found: list[dict[str, Any]], score: str) -> list[Trial]:
    """Try a decoder's settings on what a network found in some images.

    Args:
        decoder: the decoder as a configuration has it.
        found: images with "pred", the network's maps, and "label_map", the truth.
        score: what is to be high.

    Raises:
        ValueError: if the decoder has no settings that can be tuned.
    """
    made = _decoder(decoder)
    candidates = getattr(made, "CANDIDATES", None)
    if not candidates:
        raise ValueError(f"{decoder.get('_target_')} tells no settings to tune: give it CANDIDATES")
    start = {name: getattr(made, name) for name in candidates}
    with tqdm(unit="trial", disable=None) as bar:

        def scored(options: Mapping[str, Any]) -> float:
            steps = Compose([
                DecodeMapsd(keys="pred", decoder=_decoder({**decoder, **options})),
                ToImageGridd(keys="pred_map"),
            ])  # fmt: skip
            scores = []
            for item in found:
                labels = np.asarray(steps(item)["pred_map"])[0]
                scores.append(score_image(item["label_map"], labels))
            bar.update()
            return float(summarize(scores)[score])

        return search_options(scored, start, candidates)


def _decoder(settings: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    parser = ConfigParser({"decoder": dict(settings)})
    made: Callable[[np.ndarray], np.ndarray] = parser.get_parsed_content("decoder")
    return made


def _data(trained: TrainedBundle, dataset_dir: str | None) -> RunData:
    """Return the lists of the training, or of other data as they are."""
    parser = trained.parser
    lists = {name: parser[name] for name in ("fold", "folds", "test_platform")} if dataset_dir is None else {}
    data = RunData(
        parser["dataset_dir"] if dataset_dir is None else dataset_dir,
        seed=parser["split_seed"],
        channels=parser["channels"],
        in_channels=parser["network_def"].get("in_channels"),
        any_channels=parser["network_def"].get("in_channels") is None,
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
    truth = np.rint(np.asarray(prepared["label_map"])[0]).astype(np.int64)
    maps = trained.maps(prepared["image"]).cpu()
    return {**kept, "image": torch.zeros(1), "pred": maps, "label_map": truth}


if __name__ == "__main__":
    main(tune)
