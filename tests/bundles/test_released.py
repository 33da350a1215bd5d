"""What is released fits the code as it is; recipes can be trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.bundle_config import check_metadata, find_slip, read_json
from common.packing.flat_config import FlatNames
from common.packing.packed_weights import find_packed_weights
from common.release import OVERVIEW, RELEASED, check_released, overview_text, read_recipe

ROOT = Path(__file__).parents[2]
RECIPES = sorted(file.parents[1].name for file in ROOT.glob("bundles/*/configs/release.json"))


def test_released_weights_fit_todays_network(bundle: str) -> None:
    folder = ROOT / "bundles" / bundle
    assert check_released(folder) == (folder / "models").exists()


def test_a_pack_looks_for_weights_in_its_own_folder(bundle: str) -> None:
    if (weights := find_packed_weights(ROOT / "bundles" / bundle)) is None:
        pytest.skip("no weights are released")
    # Released settings name no folder of the machine that trained.
    config = {"ckpt_dir": "models", "output_dir": "found"}
    packed = weights.put_into(config, FlatNames(bundle))
    assert (packed["ckpt_dir"], packed["output_dir"]) == ("models", "found")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_an_overlay_that_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    folder = Path("bundles") / name
    recipe = read_recipe(folder)
    find_slip([folder / "configs" / "train.json", recipe.overlay])
    check_metadata(folder / "configs" / "metadata.json")
    assert RELEASED.read(folder / "docs" / "README.md") is not None
    assert set(recipe.data) & {data for data, _ in recipe.scored}
    assert bool(recipe.begun_from) == bool(read_json(recipe.overlay).get("pretrained"))
    told = read_json(folder / "configs" / "metadata.json")["data_source"]
    assert all(data in told for data in recipe.data)


def test_the_readme_tells_what_all_released_weights_reach() -> None:
    assert OVERVIEW.read(ROOT / "README.md") == overview_text(ROOT)
    rows = [row.split(" | ") for row in overview_text(ROOT).splitlines()[2:]]
    for before, after in zip(rows, rows[1:], strict=False):
        assert before[0] < after[0] or float(before[5]) >= float(after[5])  # of a list the highest pq first
