"""Tables of the papers: every row of every `tables/*.json` is a training that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from monai.bundle import ConfigParser

from common.engine.evaluation.instance_metrics import known_scores

from .conftest import ROOT

TABLES = sorted(ROOT.glob("bundles/*/tables/*.json"))
COLUMNS = {*known_scores(), "oracle_f1_50_mean", "oracle_f1_50_pooled"}  # what metrics.json holds
NUMBERS = {"type": "object", "additionalProperties": {"type": "number"}}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "paper", "budget", "seeds", "columns", "rows"],
    "properties": {
        "title": {"type": "string", "minLength": 1},  # what is compared
        "paper": {"type": "string", "minLength": 1},  # where it is published, and what differs
        "budget": {**NUMBERS, "minProperties": 1},  # top-level settings of all rows
        "seeds": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "uniqueItems": True},
        "columns": {"type": "array", "items": {"enum": sorted(COLUMNS)}, "minItems": 1, "uniqueItems": True},
        "rows": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "overlays", "options", "published"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "overlays": {"type": "array", "items": {"type": "string"}},  # of configs, without .json
                    "options": {"type": "object"},  # top-level items that replace
                    "published": NUMBERS,  # column -> the paper's value, which may be unknown
                },
            },
        },
    },
}


def table_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def named(path: Path) -> str:
    return path.relative_to(ROOT / "bundles").as_posix()


ROWS = [
    pytest.param(path.parents[1].name, table_of(path), row, id=f"{named(path)}: {row['name']}")
    for path in TABLES
    for row in table_of(path)["rows"]
]


@pytest.mark.parametrize("path", TABLES, ids=named)
def test_a_table_says_what_it_compares(path: Path) -> None:
    table, configs = table_of(path), path.parents[1] / "configs"
    jsonschema.validate(table, SCHEMA)
    known = set(json.loads((configs / "train.json").read_text("utf-8")))
    assert set(table["budget"]) <= known
    assert len({row["name"] for row in table["rows"]}) == len(table["rows"])
    settings = [json.dumps([row["overlays"], row["options"]]) for row in table["rows"]]
    assert len(set(settings)) == len(settings), "two rows are the same training"
    for row in table["rows"]:
        assert set(row["options"]) <= known - set(table["budget"]) - {"seed"}, row["name"]
        assert set(row["published"]) <= set(table["columns"]), row["name"]
        for overlay in row["overlays"]:
            assert (configs / f"{overlay}.json").is_file(), f"{row['name']}: {overlay}"


@pytest.mark.parametrize(("name", "table", "row"), ROWS)
def test_a_row_trains(
    name: str, table: dict[str, Any], row: dict[str, Any], workflow, sample: Path, tmp_path: Path
) -> None:
    options = {**table["budget"], **row["options"], "seed": table["seeds"][0]}
    short = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "val_interval": 1}
    places = {"dataset_dir": str(sample), "ckpt_dir": str(tmp_path)}
    training = workflow(name, "train", *row["overlays"], **{**options, **short, **places})
    training.initialize()
    trainer = training.parser.get_parsed_content("train::trainer")
    if options.get("pretrained"):
        return  # it would begin with a file that only a user has
    training.parser.get_parsed_content("training")
    assert trainer.state.iteration == 2 and (tmp_path / "model.pt").is_file()


@pytest.mark.parametrize(
    "row", table_of(ROOT / "bundles/resnet18_unet/tables/table_1.json")["rows"], ids=lambda row: row["name"]
)
def test_the_number_of_hardest_pixels_is_that_of_the_name(row: dict[str, Any]) -> None:
    loss = ConfigParser(row["options"]).get_parsed_content("loss")
    logits = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = (logits.detach() > 1).float()
    loss(logits, target)
    counted = re.search(r"K = (\d+)|all pixels", row["name"])
    assert ("dice" in loss.terms) == ("Dice" in row["name"]) and ("hard" in loss.terms) == bool(counted)
    if counted:
        loss.weights["dice"] = 0  # it has gradients everywhere
        loss(logits, target).backward()
        assert (logits.grad != 0).flatten(1).sum(1).tolist() == [int(counted[1] or 256**2)] * 2
