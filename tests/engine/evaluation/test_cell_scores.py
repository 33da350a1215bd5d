"""Whole cells are scored as nuclei are, under names of their own; what selects stays the nuclei's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine

from common.engine.evaluation import InstanceMetrics, instance_metrics
from common.metrics import score_image, summarize
from common.sample import make_cells


def items(count: int = 3) -> list[dict[str, torch.Tensor]]:
    found = []
    for seed in range(count):
        _, nuclei, cells = make_cells((96, 96), seed=seed)
        truth = np.stack([nuclei, cells])
        guess = np.stack([np.roll(nuclei, 1, axis=0), np.roll(cells, 3, axis=1)])
        found.append({"label_map": torch.from_numpy(truth), "pred_map": torch.from_numpy(guess)})
    return found


def run(given: list[dict], name: str = "pq_pooled") -> Engine:
    engine = Engine(lambda engine, batch: [batch])
    instance_metrics(name)[name].attach(engine, name)
    engine.run(given)
    return engine


def test_cells_have_every_score_under_a_name_of_their_own() -> None:
    given = items()
    state = run(given).state
    nuclei, cells = (
        summarize(
            [score_image(*(item[key][plane].numpy() for key in ("label_map", "pred_map"))) for item in given]
        )
        for plane in (0, 1)
    )
    cells.pop("n_images")
    expected = nuclei | {f"cell_{name}": value for name, value in cells.items()}
    assert state.instance_summary == pytest.approx(expected, nan_ok=True)
    assert state.metrics["pq_pooled"] == nuclei["pq_pooled"] != cells["pq_pooled"]
    assert state.metrics["cell_f1_50_pooled"] == cells["f1_50_pooled"]
    assert [{"pq", "cell_pq"} <= row.keys() for row in state.instance_rows] == [True] * 3


def test_cells_select_only_where_it_is_asked_for() -> None:
    state = run(items(), "cell_pq_pooled").state
    assert state.metrics["cell_pq_pooled"] == state.instance_summary["cell_pq_pooled"]
    nuclei_alone = [{key: value[:1] for key, value in item.items()} for item in items()]
    with pytest.raises(ValueError, match="--select_by is cell_pq_pooled, a score of whole cells, but none"):
        run(nuclei_alone, "cell_pq_pooled")
    with pytest.raises(ValueError, match="did you mean 'pq_pooled'"):
        run(items(), "cell_pq_poled")


def test_data_without_cells_are_scored_by_their_nuclei() -> None:
    given = items()
    alone = [{**item, "label_map": item["label_map"][:1]} for item in given]
    found = run(alone).state.instance_summary
    assert not [name for name in found if name.startswith("cell_")]
    assert found["pq_pooled"] == run(given).state.instance_summary["pq_pooled"]


def test_cells_that_no_network_looked_for_are_refused() -> None:
    metric = InstanceMetrics()
    item = items(1)[0]
    with pytest.raises(ValueError, match="these weights find nuclei alone: evaluate with --label_keys label"):
        metric.update([{**item, "pred_map": item["pred_map"][:1]}])
