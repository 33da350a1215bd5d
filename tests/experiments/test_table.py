"""Tables as they are written: what is wrong is said in a sentence with file, row, value and the nearest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.experiments import cells_of, check_cells, table_of

Spoil = Callable[[dict[str, Any]], Any]


def checked(content: dict[str, Any]) -> list[Any]:
    table = table_of(content, bundle="logsage", file=Path("bundles/logsage/tables/tiny.json"))
    cells = cells_of(table, budget="short", seeds=table.seeds, folds=table.folds)
    check_cells(table, cells)
    return cells


def option(name: str, value: Any = 1) -> Spoil:
    return lambda content: content["rows"][0].update(options={name: value})


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda c: c.pop("seeds"), "tiny.json: seeds is missing"),
        (lambda c: c.update(seed=3), "there is no key 'seed': did you mean seeds"),
        (lambda c: c.update(seeds=[0, 0]), r"seeds must be different whole numbers .* not \[0, 0\]"),
        (lambda c: c.update(folds=2), "folds must be 3 or more, or null .* not 2"),
        (lambda c: c.update(default_budget="shrt"), "no budget 'shrt': did you mean short"),
        (lambda c: c.update(columns=["dice_men"]), "no score 'dice_men': did you mean dice_mean"),
        (lambda c: c.update(rows=c["rows"][:1]), "rows needs two rows or more"),
        (lambda c: c["rows"][0].update(name="b"), "each with a name of its own"),
        (lambda c: c["rows"][0].update(published={"pq_mean": 1}), "row 'a', published: there is no column"),
        (lambda c: c["claims"][0].update(better=["x"]), "claim 'a is better': there is no row 'x'"),
        (lambda c: c["claims"][0].update(better=[]), "compares nothing"),
        (lambda c: c["rows"][0].update(bundle="logsge"), "no bundle 'logsge': did you mean logsage"),
        (lambda c: c["rows"][0].update(overlays=["as_publishd"]), "no overlay 'as_publishd'.*as_published"),
        (option("epoch"), "row 'a': there is no option 'epoch': did you mean epochs"),
        (option("seed::x"), "'seed::x' cannot be set, because 'seed' has no such part"),
        (option("network_def::embed_dimm"), "row 'a': .*embed_dim"),
        (option("loss", {"_target_": "common.losses.InstanceMapLoss"}), "row 'a': .*InstanceMapsLoss"),
    ],
)
def test_what_is_wrong_is_named(content: dict[str, Any], spoil: Spoil, sentence: str) -> None:
    checked(content)
    spoil(content)
    with pytest.raises(ValueError, match=sentence):
        checked(content)


def test_later_settings_win_and_parts_leave_the_rest(content: dict[str, Any]) -> None:
    content["budgets"]["short"]["network_def::embed_dim"] = 24
    content["rows"][0] |= {
        "overlays": ["as_published"],
        "options": {"epochs": 9, "learning_rate": 0.5},
        "budgets": {"short": {"network_def::embed_dim": 12}},
    }
    one, other = checked(content)
    assert one.settings["epochs"] == 2 and one.settings["learning_rate"] == 0.5
    assert one.settings["network_def"]["embed_dim"] == 12 and not one.settings["network_def"]["see_image"]
    assert (
        other.settings["network_def"]["embed_dim"] == 24 and "see_image" not in other.settings["network_def"]
    )


def test_each_row_is_run_before_the_next_seed(content: dict[str, Any]) -> None:
    table = table_of(content, bundle="logsage", file=Path("tiny.json"))
    cells = cells_of(table, budget="short", seeds=[0, 1], folds=3, common={"channels": "DAPI"})
    assert [(cell.row, cell.seed, cell.fold) for cell in cells[:3]] == [("a", 0, 0), ("b", 0, 0), ("a", 0, 1)]
    assert len({cell.folder for cell in cells}) == len(cells) == 12
    assert {cell.settings["channels"] for cell in cells} == {"DAPI"}
