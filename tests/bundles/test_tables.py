"""Tables of the papers: every row of every `tables/*.json` is a training that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from common.experiments import Row, Table, cells_of, check_cells, read_table, row_settings

from .conftest import ROOT

TABLES = {
    f"{path.parents[1].name}/{path.stem}": read_table(path.parents[1].name, path.stem)
    for path in sorted(ROOT.glob("bundles/*/tables/*.json"))
}
ROWS = [
    pytest.param(row.bundle, table, row, id=f"{name}: {row.name}")
    for name, table in TABLES.items()
    for row in table.rows
]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_compares_different_trainings_of_two_budgets(table: Table) -> None:
    assert set(table.budgets) == {"short", "full"} and table.claims
    for budget in table.budgets:
        cells = cells_of(table, budget=budget, seeds=[0], folds=None)
        check_cells(table, cells)
        settings = [json.dumps([cell.bundle, cell.settings], sort_keys=True) for cell in cells]
        assert len(set(settings)) == len(settings), "two rows are the same training"
        assert len({str(cell.folder) for cell in cells}) == len(cells)
        # A budget is a number of steps, the same for all rows.
        steps = {cell.settings["epochs"] * cell.settings["steps_per_epoch"] for cell in cells}
        assert len(steps) == 1
    assert all(0 <= value <= 1 for row in table.rows for value in row.published.values())


@pytest.mark.parametrize(("name", "table", "row"), ROWS)
def test_a_row_trains(name: str, table: Table, row: Row, workflow, sample: Path, tmp_path: Path) -> None:
    short = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "val_interval": 1}
    places = {"dataset_dir": str(sample), "ckpt_dir": str(tmp_path), "seed": table.seeds[0]}
    options = {**row_settings(table, row, "short"), **short, **places}
    training = workflow(name, "train", **options)
    training.initialize()
    if options.get("pretrained"):
        return  # it would begin with a file that only a user has
    # Of a cascade the second stage alone: the first is another bundle's training.
    if "stage1" in training.parser:
        training.parser["prepare_batch"] = {
            "_target_": "monai.engines.default_prepare_batch",
            "_mode_": "callable",
        }
        training.parser.parse()
    trainer = training.parser.get_parsed_content("train::trainer")
    stage2 = "training_stage2"
    training.parser.get_parsed_content(stage2 if stage2 in training.parser else "training")
    assert trainer.state.iteration == 2 and (tmp_path / "model.pt").is_file()


@pytest.mark.parametrize("row", TABLES["resnet18_unet/table_1"].rows, ids=lambda row: row.name)
def test_the_number_of_hardest_pixels_is_that_of_the_name(row: Row) -> None:
    loss = ConfigParser(dict(row.options)).get_parsed_content("loss")
    logits = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = (logits.detach() > 1).float()
    loss(logits, target)
    counted = re.search(r"K = (\d+)|all pixels", row.name)
    assert ("dice" in loss.terms) == ("Dice" in row.name) and ("hard" in loss.terms) == bool(counted)
    if counted:
        loss.weights["dice"] = 0  # it has gradients everywhere
        loss(logits, target).backward()
        assert (logits.grad != 0).flatten(1).sum(1).tolist() == [int(counted[1] or 256**2)] * 2


@pytest.mark.parametrize(
    ("name", "option", "of"),
    [
        ("logsage/table_2", "network_def::sigmas", r"sigma (\d+)"),
        ("logsage/table_3", "loss::beta", r"weight ([\d.]+)"),
    ],
)
def test_a_row_varies_what_its_name_says(name: str, option: str, of: str) -> None:
    for row in TABLES[name].rows:
        value = row.options[option]
        said = re.fullmatch(of, row.name)
        assert said is not None and float(said[1]) == (value[0] if isinstance(value, list) else value)
