"""Looking at the memory of a step before a training leaves the training as it is, bit for bit."""

from __future__ import annotations

from pathlib import Path

import torch

from common.probes import check_step_memory, measure_step


def test_a_training_is_the_same_bit_for_bit(bundle: str, sample: Path, workflow, tmp_path: Path) -> None:
    weights = []
    for looks in (False, True):
        folder = tmp_path / str(looks)
        # The cascade's first stage is another training; its second is looked at here.
        options = {"dataset_dir": str(sample), "ckpt_dir": str(folder)}
        made = workflow(bundle, "train", **options)
        made.initialize()
        get = made.parser.get_parsed_content
        if looks:
            item = get("train::preprocessing"), get("train::dataset::data")
            check_step_memory(get("network"), get("loss"), *item, batch_size=2)
        get("training")
        weights.append(torch.load(folder / "last.pt", weights_only=True))
    flat = [torch.utils._pytree.tree_leaves(each) for each in weights]
    assert len(flat[0]) == len(flat[1])
    for before, after in zip(*flat, strict=True):
        if isinstance(before, torch.Tensor):
            torch.testing.assert_close(before, after, rtol=0, atol=0, equal_nan=True)
        elif not isinstance(before, str):
            assert before == after or before != before


def test_every_bundle_can_be_looked_at(bundle: str, sample: Path, workflow) -> None:
    """`check_step_memory` is silent where it cannot: then nothing would ever be refused."""
    made = workflow(bundle, "train", dataset_dir=str(sample))
    made.initialize()
    get = made.parser.get_parsed_content
    item = get("train::preprocessing")(get("train::dataset::data")[0])
    memory = measure_step(get("network"), get("loss"), item["image"], item["label"])
    assert 10**5 < memory.per_crop < 10**9 and memory.fixed > 10**6
