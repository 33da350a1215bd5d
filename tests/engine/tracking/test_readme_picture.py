"""The README's picture of MLflow shows what a training notes today."""

from __future__ import annotations

import json
from pathlib import Path

from common.engine.checkpoints import BestCheckpoint
from common.engine.evaluation import ValidationLoss
from common.engine.tracking import MLflowRun

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"


def test_the_picture_of_mlflow_shows_what_a_training_notes(workshop, client) -> None:
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss), BestCheckpoint("ckpt", workshop.network)])
    workshop.trainer(2, [MLflowRun("toy", "cells", evaluator=evaluator)], evaluator).run()
    (run,) = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    # Terms of a loss are called as the bundle's loss calls them.
    noted = {name for name in run.data.metrics if not name.startswith("train_loss_")}
    record = json.loads((PICTURES / "mlflow.json").read_text("utf-8"))
    assert set(record["noted"]) == noted, (
        f"docs/pictures/mlflow.png is out of date: trainings note other numbers now; make it anew with "
        f"`{record['command']}`"
    )
