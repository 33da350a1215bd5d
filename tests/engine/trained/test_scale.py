"""The scale that a training leaves beside its weights."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from common.engine.trained import trained_scale
from common.geometry import ModelScale


def leave(folder: Path, **settings: Any) -> Path:
    """Leave what a training does in a folder; return the file of weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.json").write_text(
        json.dumps({"pixel_size_um": 0.5, "model_diameter_px": 20.0} | settings)
    )
    (folder / "model.pt").touch()
    return folder / "model.pt"


def test_options_come_before_what_the_training_left(tmp_path: Path) -> None:
    leave(tmp_path)
    assert trained_scale(ckpt_dir=tmp_path) == ModelScale(0.5)
    assert trained_scale(ckpt_dir=tmp_path, pixel_size_um=0.25, scale=2.0) == ModelScale(0.25, 2.0)
    assert trained_scale(ckpt_dir=tmp_path, pixel_size_um="ignore") == ModelScale()
    assert trained_scale(ckpt_dir=tmp_path, diameter_px=40).scale == 0.5
    assert trained_scale(ckpt_dir=tmp_path, diameter_px=40, model_diameter_px=80).scale == 2.0


def test_the_settings_are_of_the_weights_that_are_used(tmp_path: Path) -> None:
    named = leave(tmp_path / "named", pixel_size_um=1.0)
    leave(tmp_path / "own", pixel_size_um=2.0)
    leave(tmp_path / "bundle" / "models", pixel_size_um=3.0)
    folders = {"ckpt_dir": tmp_path / "own", "bundle_root": tmp_path / "bundle"}
    assert trained_scale(**folders, weights=named).pixel_size_um == 1.0
    assert trained_scale(**folders).pixel_size_um == 2.0
    (tmp_path / "own" / "model.pt").unlink()
    assert trained_scale(**folders).pixel_size_um == 3.0


@pytest.mark.parametrize("settings", [{"pixel_size_um": None}, {"pixel_size_um": "ignore"}])
def test_a_training_without_a_pixel_size_asks_for_none(tmp_path: Path, settings: dict[str, Any]) -> None:
    leave(tmp_path, **settings)
    assert trained_scale(ckpt_dir=tmp_path) == ModelScale()


def test_without_a_training_only_the_options_count(tmp_path: Path) -> None:
    assert trained_scale(ckpt_dir=tmp_path, scale=2.0) == ModelScale(None, 2.0)
    (tmp_path / "model.pt").touch()
    with pytest.raises(ValueError, match="no train.json beside the weights"):
        trained_scale(ckpt_dir=tmp_path, diameter_px=40)


def test_a_scale_of_the_training_is_remembered_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path, scale=0.5)
    caplog.set_level(logging.INFO, "common.engine")
    assert trained_scale(ckpt_dir=tmp_path).scale == 1.0
    assert "give --scale 0.5 if these are like them" in caplog.text
    caplog.clear()
    trained_scale(ckpt_dir=tmp_path, scale=0.5)
    assert not caplog.messages
