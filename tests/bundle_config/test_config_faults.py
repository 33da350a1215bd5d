"""A fault is found through macros, overlays and references; those of bundles: tests/scripts/test_check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from common.bundle_config import build_items, find_slip, read_json, where

NETWORK = {"_target_": "torch.nn.Conv2d", "in_channels": "@channels", "out_channels": 1, "kernel_size": 1}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what writes a configuration to the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, **content: Any) -> str:
        Path(name).write_text(json.dumps({key.replace("__", "::"): value for key, value in content.items()}))
        return name

    return write


def test_an_item_is_where_it_was_last_written(write):
    shared = write("shared.json", train={"optimizer": {"lr": 1}})
    first = write("first.json", train=f"%{shared}::train", loss={"weights": {"a": 1}}, seed=1)
    overlay = write("overlay.json", loss__weights={"a": 2}, seed=2)
    assert where("train::optimizer::lr", [first]) == "shared.json: train::optimizer::lr"
    assert where("loss::weights::a", [first]) == "first.json: loss::weights::a"
    assert where("loss::weights::a", [first, overlay]) == "overlay.json: loss::weights::a"
    assert where("loss::other", [first, overlay]) == "first.json: loss::other"
    assert where("seed", [first, overlay]) == "overlay.json: seed"
    assert where("train", [first, overlay]) == "shared.json: train"


def test_the_innermost_failing_item_is_named(write):
    """MONAI would tell of `trainer`, the last of those that only need the one that fails."""
    config = {
        "channels": "$[][0]",
        "network": NETWORK,
        "trainer": {"_target_": "dict", "network": "@network"},
    }
    file = write("a.json", trainer=config["trainer"], network=config["network"], channels=config["channels"])
    parser = ConfigParser(config)
    with pytest.raises(ValueError, match=r"^a.json: channels: IndexError: list index out of range$"):
        build_items(parser, [file])


def test_everything_is_built_but_what_is_left(write):
    commands = {"run": ["$print(@network, 1 / 0)"]}
    file = write("a.json", channels=3, network=NETWORK, **commands)
    parser = ConfigParser(read_json(file))
    find_slip([file])
    count = build_items(parser, [file], leave=["run"])
    assert count == 1 + 1 + len(NETWORK)
    assert parser.get_parsed_content("network").in_channels == 3
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        build_items(parser, [file])


@pytest.mark.parametrize(
    "item",
    [
        NETWORK,
        {"_target_": "torch.nn.Conv2d", "_mode_": "callable", "kernel_size": 1},  # the rest is given later
        {"_target_": "Compose", "transforms": [{"_target_": "Flip"}]},
        {"_target_": "dict", "anything": "$[n for n in range(@channels)]"},  # takes any argument
        "$import math",
        "mail@example.org",  # no reference: it does not begin with @
        "@network::kernel_size",
    ],
)
def test_what_is_right_is_let_through(write, item):
    find_slip([write("a.json", channels=3, network=NETWORK, item=item)])
    # It was looked at: the same with one slip beside it is found.
    with pytest.raises(ValueError, match="chanels"):
        find_slip([write("a.json", channels=3, network=NETWORK, item=[item, "@chanels"])])


def test_a_broken_module_says_why(write, tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = write("a.json", network={"_target_": "broken_module.Network"})
    with pytest.raises(ValueError, match="broken_module.Network cannot be imported: .*no_such_package"):
        find_slip([file])


def test_a_macro_leads_one_step(write):
    write("second.json", network=NETWORK)
    write("shared.json", network="%second.json::network")
    file = write("a.json", channels=1, network="%shared.json::network")
    with pytest.raises(ValueError, match="a macro inside what a macro includes"):
        find_slip([file])
