"""Bundles and a peer are timed on what they really do: the whole way, with true maps, in turns."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from common.benchmarks import (
    chosen_bundles,
    describe_machine,
    in_turns,
    time_inference,
    time_training,
    write_scene,
)
from common.benchmarks.bundle_choice import config_of
from common.benchmarks.inference import BundleTimes, _true_maps
from common.benchmarks.peer import PeerTimes
from common.foundation import FrozenSAM


def test_all_take_turns() -> None:
    order: list[str] = []

    def timer(name: str) -> float:
        order.append(name)
        return float(len(order))

    medians = in_turns({name: lambda name=name: timer(name) for name in "ab"}, rounds=3)
    assert order == list("abababab")
    assert medians == {"a": 5.0, "b": 6.0}, "the first round warms up"
    with pytest.raises(ValueError, match="--repeats is 0"):
        in_turns({}, rounds=0)


def test_the_machine_is_named_with_what_it_multiplies_fast(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("model name\t: A CPU\nflags\t\t: fpu amx_bf16 avx512f\n\nmodel name\t: B\nflags\t: x\n")
    told = describe_machine(file)
    assert told["processor"] == "A CPU" and told["flags"] == "avx512f amx_bf16"
    assert told["threads"] >= 1
    assert describe_machine(tmp_path / "none")["flags"] == "not told"


def test_true_maps_have_the_order_of_the_network_with_an_overlay(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (name,) = chosen_bundles("channelnet_cellvit+whole_cells")
    parser = config_of(name, "inference", amp=False)
    _, label_map = write_scene(tmp_path, image_px=128, channels=3)
    maps = _true_maps(config_of(name, "train", amp=False).get(), label_map)
    nuclei, cells = parser.get_parsed_content("decoder")(maps.numpy())
    assert len(maps) == 8 and abs(int(nuclei.max()) - int(label_map.max())) <= 0.1 * label_map.max()
    assert cells.max() >= nuclei.max() > 5


def test_the_scene_is_crowded_and_the_same(tmp_path: Path) -> None:
    (file, label_map), (again, _) = (
        write_scene(_made(tmp_path / name), image_px=256, channels=3) for name in ("a", "b")
    )
    assert file.read_bytes() == again.read_bytes()
    assert label_map.max() == pytest.approx(1402 / 16, rel=0.25)
    with pytest.raises(ValueError, match="no image of 2 channels"):
        write_scene(tmp_path, image_px=256, channels=2)
    with pytest.raises(ValueError, match="--image_px is 8: give 64"):
        write_scene(tmp_path, image_px=8)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("bundle", ["resnet18_unet", "weighted_unet"])
def test_a_bundle_goes_the_whole_way_to_the_true_nuclei(bundle: str, tmp_path: Path) -> None:
    file, truth = write_scene(tmp_path, image_px=128, channels=1 if bundle == "resnet18_unet" else 3)
    times = BundleTimes(bundle, file, truth, amp=False)
    seen: list[tuple[int, ...]] = []
    times.network.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    found = times.label_map()
    assert len(seen) == 1, "the network runs"
    inside = np.unique(truth)[1:]
    assert abs(len(np.unique(found)) - 1 - len(inside)) <= 0.2 * len(inside)
    assert ((found > 0) == (truth > 0)).mean() > 0.97


def test_a_row_has_every_phase(tmp_path: Path) -> None:
    rows = time_inference(["resnet18_unet"], tmp_path, image_px=64, rounds=1)
    assert {row["precision"] for row in rows} <= {"float32", "bfloat16"}
    for row in rows:
        assert row["network [s]"] > 0 and row["decoding [s]"] > 0 and row["end to end [s]"] > 0


def test_a_training_step_is_timed_beside_its_data(tmp_path: Path) -> None:
    small = {"batch_size": 2, "crop_px": 32}
    rows = time_training(["resnet18_unet"], tmp_path, steps=2, options=small)
    for row in rows:
        assert row["crops"] == 2
        assert row["steps a second"] == pytest.approx(1 / (row["step [s]"] + row["data [s]"]))
        assert row["data [%]"] == pytest.approx(100 * row["data [s]"] * row["steps a second"])
        assert (row["over 5 %"] == "yes") == (row["data [%]"] > 5)
        assert 1e-3 < row["tensors [GB]"] < 1


def test_a_training_with_a_frozen_model_is_timed_with_and_without_what_is_kept(
    tmp_path: Path, fetched_sam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept, the model's features come with the data; else the step has to compute them."""
    asked: list[str] = []
    own = FrozenSAM.__call__

    def counted(self: FrozenSAM, image: torch.Tensor, *, keep: bool = False) -> torch.Tensor:
        asked.append("kept" if keep else "computed")
        return own(self, image, keep=keep)

    monkeypatch.setattr(FrozenSAM, "__call__", counted)
    options = {"batch_size": 2, "crop_px": 32, "sam_weights": str(fetched_sam)}
    options |= {"network_def::features": [4, 4, 8, 8, 8], "network_def::branch_features": 4}
    bundle = "eunet3plus_sam"
    for overlay, expected in (("", {"kept"}), ("+sam_sees_crops", {"computed"}), ("+no_sam", set())):
        asked.clear()
        [name] = chosen_bundles(bundle + overlay)
        rows = time_training([name], tmp_path, steps=1, options=options)
        assert set(asked) == expected and {row["bundle"] for row in rows} == {name}


def test_bundles_are_named_and_their_overlays() -> None:
    assert "eunet3plus_sam" not in chosen_bundles(None), "it needs weights from outside"
    assert {"unet", "eunet3plus"} <= set(chosen_bundles(None))
    assert chosen_bundles("unet+he, logsage") == ["unet+he", "logsage"]
    with pytest.raises(ValueError, match="--bundles unett is no bundle: did you mean unet"):
        chosen_bundles("unett")
    with pytest.raises(ValueError, match="unet.hee: there is no overlay hee: did you mean he"):
        chosen_bundles("unet+hee")


FAKE = """#!{python}
import json, sys
import numpy as np
_, program, image, folder, threads = sys.argv
for line in sys.stdin:
    word = line.strip()
    if word == "{breaks}":
        raise ModuleNotFoundError("No module named 'stardist'")
    if word == "save":
        np.save(folder + "/found.npy", np.load(folder + "/truth.npy"))
    print("words of a package")
    taken = dict(network=2.0, decoding=1.0).get(word, 3.0)
    print(json.dumps(dict(wall=taken, processor=taken / 2)), flush=True)
"""


def fake_peer(folder: Path, breaks: str = "never") -> Path:
    python = folder / "stardist" / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE.format(python=sys.executable, breaks=breaks))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


@pytest.mark.skipif(sys.platform == "win32", reason="a script that stands for an interpreter")
def test_a_peer_is_timed_beside_the_bundles(tmp_path: Path) -> None:
    peer = fake_peer(tmp_path)
    rows = time_inference(["resnet18_unet"], tmp_path, image_px=64, rounds=1, peer=peer)
    assert rows[-1]["bundle"] == "StarDist" and rows[-1]["times faster than StarDist"] == 1
    assert [rows[-1][f"{phase} [s]"] for phase in ("network", "decoding", "end to end")] == [2, 1, 3]
    halves = time_inference([], tmp_path, image_px=64, rounds=1, peer=peer, clock="processor")
    assert halves[0]["end to end [s]"] == 1.5
    assert rows[0]["times faster than StarDist"] == pytest.approx(3 / rows[0]["end to end [s]"])


@pytest.mark.skipif(sys.platform == "win32", reason="a script that stands for an interpreter")
def test_a_peer_that_ends_says_why(tmp_path: Path) -> None:
    file, truth = write_scene(tmp_path, image_px=64)
    with pytest.raises(RuntimeError, match="StarDist ended at 'begin': .*No module named 'stardist'"):
        PeerTimes(fake_peer(tmp_path, breaks="begin"), file, truth, threads=1)
