"""Seconds from a file to its label map, of every bundle and beside it of a peer, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..bundle_config import finds_cells, map_order, target_maps
from ..devices import low_precision
from ..transforms import instance_targets
from .bundle_choice import config_of
from .peer import PeerTimes
from .rounds import in_turns, seconds
from .scene import write_scene

__all__ = ["PHASES", "time_inference"]

PHASES = ("network", "decoding", "end to end")


class BundleTimes:
    """The three phases of a bundle's inference, on random weights and perfect maps.

    A network's time does not hang on its weights; a decoder's does hang on the maps. So the network runs as
    it does, tiles, padding and precision too, and the decoder gets the true maps with some noise.

    Args:
        bundle: its name.
        file: the image.
        label_map: its nuclei.
        amp: whether lower precision may be used.

    Shapes:
        label_map: (h, w).
    """

    def __init__(self, bundle: str, file: Path, label_map: np.ndarray, *, amp: bool) -> None:
        parser = config_of(bundle, "inference", amp=amp)
        # Settings of data sets in which images have several channels; this one has what is wanted.
        parser["channels"] = None
        get = parser.get_parsed_content
        self.preprocessing, self.decoding = get("preprocessing"), get("maps_to_label_map")
        self.inferer, self.network = get("inferer"), get("network").eval()
        self.file = str(file)
        self.maps = _true_maps(config_of(bundle, "train", amp=amp).get(), label_map)
        self.item = self.preprocessing({"image": self.file})

    def timers(self, clock: str) -> dict[str, Callable[[], float]]:
        """Return what takes each phase's time once, by a clock of `CLOCKS`."""
        return {
            "network": lambda: seconds(lambda: self._run(self.item), clock),
            "decoding": lambda: seconds(lambda: self._decode(self.item), clock),
            "end to end": lambda: seconds(self.label_map, clock),
        }

    def label_map(self) -> np.ndarray:
        """Go the whole way: load, prepare, network, decode."""
        item = self.preprocessing({"image": self.file})
        self._run(item)
        return self._decode(item)

    @torch.no_grad()
    def _run(self, item: Mapping[str, Any]) -> None:
        self.inferer(item["image"][None], self.network)

    def _decode(self, item: Mapping[str, Any]) -> np.ndarray:
        return np.asarray(self.decoding({**item, "pred": self.maps})["pred_map"])[0]


def _true_maps(config: Mapping[str, Any], label_map: np.ndarray) -> torch.Tensor:
    """Return the maps that a training is to learn, foregrounds as logits, with noise of a tenth.

    Whole cells, where they are learnt too, are the nuclei.
    """
    names = target_maps(config["targets"])
    maps = instance_targets(label_map.astype(np.int64), names)
    maps[names.index("foreground")] = 8 * maps[names.index("foreground")] - 4
    maps = np.concatenate([maps] * (2 if finds_cells(config) else 1))
    maps = maps[map_order(config) or slice(None)]
    noise = np.random.default_rng(0).normal(0, 0.1, maps.shape)
    return torch.from_numpy((maps + noise).astype(np.float32))


def time_inference(
    bundles: Sequence[str],
    folder: str | Path,
    *,
    image_px: int,
    rounds: int,
    clock: str = "wall",
    peer: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Time inference in turns: each round every phase of every bundle in each precision, and of the peer.

    Args:
        bundles: names.
        folder: where the images are written.
        image_px: height and width.
        rounds: how often each has its turn; medians count.
        clock: "wall" or "processor", see `CLOCKS`.
        peer: Python of an environment that has StarDist; None: bundles alone.

    Returns:
        Rows: bundle, precision, nuclei (found, of how many), seconds of each phase, and how many times faster
        than the peer it is end to end.

    Raises:
        ValueError: see `write_scene`.
        RuntimeError: if the peer cannot run.
    """
    scenes: dict[int, tuple[Path, np.ndarray]] = {}
    times: dict[tuple[str, str], BundleTimes | PeerTimes] = {}
    rows: list[dict[str, Any]] = []
    for bundle in bundles:
        channels = config_of(bundle, "inference", amp=False)["network_def"]["in_channels"] or 1
        if channels not in scenes:
            scenes[channels] = write_scene(folder, image_px=image_px, channels=channels)
        for amp in (False, True) if low_precision("cpu") else (False,):
            times[bundle, "bfloat16" if amp else "float32"] = BundleTimes(bundle, *scenes[channels], amp=amp)
    if peer is not None:
        file, truth = scenes.get(1) or write_scene(folder, image_px=image_px)
        times["StarDist", "float32"] = PeerTimes(peer, file, truth, threads=torch.get_num_threads())
    try:
        medians = in_turns(
            {
                f"{bundle}\n{precision}\n{phase}": timer
                for (bundle, precision), each in times.items()
                for phase, timer in each.timers(clock).items()
            },
            rounds=rounds,
        )
        for (bundle, precision), each in times.items():
            found = len(np.unique(each.label_map())) - 1
            row: dict[str, Any] = {"bundle": bundle, "precision": precision, "nuclei": found}
            row |= {f"{phase} [s]": medians[f"{bundle}\n{precision}\n{phase}"] for phase in PHASES}
            rows.append(row)
    finally:
        for each in times.values():
            if isinstance(each, PeerTimes):
                each.close()
    if peer is not None:
        slow = rows[-1]["end to end [s]"]
        for row in rows:
            row["times faster than StarDist"] = slow / row["end to end [s]"]
    return rows
