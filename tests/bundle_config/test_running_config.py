"""Tests of finding the configuration that is being executed."""

from __future__ import annotations

import json

import pytest
from monai.bundle import ConfigParser, ConfigWorkflow

from common.bundle_config import running_command, running_config, top_level_scalars, variant


class Seer:
    """Sees the configuration while it is being made, and while it is called."""

    def __init__(self) -> None:
        self.made = running_config()

    def __call__(self):
        return running_config()


def _workflow(tmp_path, *configs, **override) -> ConfigWorkflow:
    files = []
    for number, config in enumerate(configs):
        (tmp_path / f"{number}.json").write_text(json.dumps(config))
        files.append(str(tmp_path / f"{number}.json"))
    return ConfigWorkflow(files, workflow_type="train", **override)


@pytest.mark.filterwarnings("ignore:.*Only proceed if this config is from a source you trust:UserWarning")
def test_overlays_options_and_macros_are_in_it(tmp_path):
    (tmp_path / "shared.json").write_text(json.dumps({"block": {"depth": 4, "rate": "@rate"}}))
    base = {
        "epochs": 1,
        "rate": 0.1,
        "seed": 0,
        "shared": f"%{tmp_path}/shared.json::block",
        "seer": {"_target_": "tests.test_running_config.Seer"},
        "run": ["$@seer()", "$@seer.made"],
    }
    workflow = _workflow(tmp_path, base, {"epochs": 2}, seed=3)
    workflow.parser.config["seer"]["_target_"] = Seer
    workflow.initialize()
    called, made = workflow.run()
    for config in (called, made):
        assert top_level_scalars(config) == {"epochs": 2, "rate": 0.1, "seed": 3}
        assert config["shared"] == {"depth": 4, "rate": "@rate"}
        assert "_meta_" not in config


def test_it_is_a_copy_and_the_nearest_one():
    inner = ConfigParser({"name": "inner", "seen": {"_target_": running_config}})
    outer = ConfigParser({"name": "outer", "inner": lambda: inner.get_parsed_content("seen")})
    outer["seen"] = "$@inner()"
    seen = outer.get_parsed_content("seen")
    assert seen["name"] == "inner"
    seen["name"] = "changed"
    assert inner["name"] == "inner"


def test_outside_a_bundle_there_is_none():
    assert running_config() is None
    assert running_command() is None


def test_a_parser_that_is_only_held_executes_nothing():
    parser = ConfigParser({"epochs": 1})
    assert running_config() is None
    assert parser["epochs"] == 1


def test_settings_are_what_a_person_would_type():
    settings = {"a": 1, "b": 0.5, "c": True, "d": None, "e": "word", "f": ["DAPI", "CD3"], "g": []}
    wiring = {"h": {"deep": 1}, "i": "$x", "j": "@a", "k": "%f.json::a", "l": ["$x"], "m": [[1]], "_n": 1}
    assert top_level_scalars({**settings, **wiring}) == settings


def test_names_of_variants_do_not_depend_on_the_system():
    assert variant([]) == "default"
    assert variant(["a\\train.json", "a\\ablations\\no_log.json"]) == "no_log"
