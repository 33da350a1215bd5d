"""Tests of going on after an image that fails, and of stopping where all would."""

from __future__ import annotations

import errno
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader

from common.engine.segmentation import FailedImagesError, ImageDataset, ImageEvaluator, run_evaluator
from common.engine.segmentation.inference_progress import InferenceProgress

DAMAGED = "b.tif is damaged: copy it again"


def load(item: dict[str, Any]) -> dict[str, Any]:
    if item["name"] == "b":
        raise ValueError(DAMAGED)
    return {**item, "image": torch.full((1, 8, 8), float(ord(item["name"])))}


def evaluator(names: str = "abc", post: Any = None, data: Any = None, workers: int = 0) -> ImageEvaluator:
    items = data or [{"image": f"{name}.tif", "name": name} for name in names]
    return ImageEvaluator(
        device="cpu",
        val_data_loader=DataLoader(ImageDataset(items, load), batch_size=1, num_workers=workers),
        network=torch.nn.Identity(),
        postprocessing=post or (lambda item: {**item, "pred_map": (item["pred"] > 0).int()}),
    )


def seen(made: ImageEvaluator) -> list[int]:
    """Note how many outputs each iteration has."""
    from ignite.engine import Events

    counts: list[int] = []
    made.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: counts.append(len(engine.state.output)))
    return counts


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_loaded_is_noted_and_the_next_is_done(workers: int) -> None:
    made = evaluator(workers=workers)
    counts = seen(made)
    made.run()
    assert counts == [1, 0, 1] and made.failures == {"b": DAMAGED}


def test_a_fault_that_is_known_before_is_not_tried() -> None:
    made = evaluator(
        data=[{"image": "a.tif", "name": "a", "fault": "too large"}, {"image": "c", "name": "c"}]
    )
    made.run()
    assert made.failures == {"a": "too large"}


def test_what_fails_after_the_network_is_noted_too() -> None:
    def post(item: dict[str, Any]) -> dict[str, Any]:
        if float(item["pred"].max()) == ord("a"):
            raise MemoryError("out of memory")
        return {**item, "pred_map": item["pred"].int()}

    made = evaluator("ac", post)
    counts = seen(made)
    made.run()
    assert counts == [0, 1] and list(made.failures) == ["a"]


def test_a_full_disk_ends_the_run() -> None:
    def post(item: dict[str, Any]) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, "No space left on device")

    made = evaluator("ac", post)
    with pytest.raises(Exception, match=r"No space left|applying transform"):
        made.run()
    assert not made.failures and made.state.iteration == 1


def test_failures_are_those_of_the_last_run() -> None:
    made = evaluator()
    made.run()
    made.run()
    assert list(made.failures) == ["b"]


def test_running_it_ends_with_the_failures(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    made = evaluator("abcb")
    InferenceProgress(tmp_path).attach(made)
    caplog.set_level("INFO", "common")
    # Two images may have one name here, as they cannot in a folder: the failures are by name.
    with pytest.raises(
        FailedImagesError, match=r"1 of 4 images could not be segmented: b \(b.tif is damaged"
    ):
        run_evaluator(made, output_dir=tmp_path)
    assert "a: 1 nuclei (image 1 of 4)" in caplog.messages
    assert caplog.messages[-1] == f"not segmented: b ({DAMAGED})"
    assert not list(tmp_path.iterdir()), "the folder's lock was given back"


def test_nothing_left_to_do_is_no_error(tmp_path) -> None:
    made = evaluator()
    made.data_loader = DataLoader(ImageDataset([], load), batch_size=1)
    run_evaluator(made, output_dir=tmp_path)
    assert made.state.iteration == 0


@pytest.mark.parametrize("key", ["image", "label", "cell_label"])
def test_what_an_item_names_is_not_overwritten(tmp_path, key: str) -> None:
    items = [{"image": "a.tif", "label": "b.tif", "cell_label": ""} | {key: str(tmp_path / "c.tif")}]
    with pytest.raises(ValueError, match=r"is the folder of c.tif, an image or label that is read"):
        run_evaluator(evaluator("a"), output_dir=tmp_path, items=items)


def test_without_names_it_is_the_file() -> None:
    made = evaluator(data=[{"image": "x.tif", "fault": "bad"}])
    made.run()
    assert made.failures == {"x.tif": "bad"}


def test_label_maps_are_counted_by_their_labels(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    labels = torch.from_numpy(np.array([[[0, 3, 3], [7, 0, 9]]]))
    made = evaluator("a", lambda item: {**item, "pred_map": labels})
    InferenceProgress(tmp_path).attach(made)
    caplog.set_level("INFO", "common")
    made.run()
    assert "a: 3 nuclei (image 1 of 1)" in caplog.messages
    assert caplog.messages[-1].startswith("1 images with 3 nuclei in ")
