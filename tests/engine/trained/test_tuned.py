"""What a decoder was tuned to holds for the weights that it was tuned for, and for no others."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from common.engine.checkpoints.folder import set_aside
from common.engine.trained import trained_settings, tuned_decoder, write_tuned
from common.engine.trained.settings import overruled_settings, settings_to_take
from common.files import sha256_of

DECODER = {"_target_": "common.decoders.CentreVotesDecoder", "threshold": 0.5}
TUNED = {**DECODER, "threshold": 0.4}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "train.json").write_text(json.dumps({"decoder": DECODER, "channels": 0}))
    (tmp_path / "model.pt").write_bytes(b"weights")
    return tmp_path / "model.pt"


def test_it_takes_the_place_of_the_trainings_decoder(weights: Path) -> None:
    assert trained_settings(weights)["decoder"] == DECODER and tuned_decoder(weights) is None
    write_tuned(weights, TUNED, {"score": "pq_pooled"})
    assert trained_settings(weights) == {"decoder": TUNED, "channels": 0}
    assert settings_to_take(trained_settings(weights), {"decoder": DECODER}) == {"decoder": TUNED}
    assert overruled_settings(trained_settings(weights), {"decoder": DECODER}, {"decoder"}) == {
        "decoder": TUNED
    }


def test_other_weights_do_not_take_it_and_say_so(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tuned(weights, TUNED, {})
    weights.write_bytes(b"weights of a training that went on")
    with caplog.at_level(logging.WARNING):
        assert trained_settings(weights)["decoder"] == DECODER
    assert "scripts.tune again" in caplog.text


def test_a_decoder_of_weights_that_are_gone_is_not_kept(weights: Path) -> None:
    loaded = sha256_of(weights)
    file = write_tuned(weights, TUNED, {}, loaded_sha256=loaded)
    before = file.read_bytes()
    weights.write_bytes(b"better weights")
    with pytest.raises(RuntimeError, match=r"model\.pt was replaced while it was tuned: run it again"):
        write_tuned(weights, DECODER, {}, loaded_sha256=loaded)
    assert file.read_bytes() == before


def test_it_moves_with_the_training_that_it_belongs_to(weights: Path) -> None:
    write_tuned(weights, TUNED, {})
    folder = set_aside(weights.parent)
    assert folder is not None and not (weights.parent / "tuned.json").exists()
    assert trained_settings(folder / "model.pt")["decoder"] == TUNED


@pytest.mark.parametrize("text", ["{", "[]", '{"decoder": {}}', '{"decoder": 3, "weights_sha256": ""}'])
def test_a_spoilt_file_is_named(weights: Path, text: str) -> None:
    weights.with_name("tuned.json").write_text(text)
    with pytest.raises(ValueError, match=r"tuned\.json cannot be read .* scripts\.tune again"):
        trained_settings(weights)
