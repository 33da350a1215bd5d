"""What a decoder was tuned to on a training's validation images, kept beside the weights it belongs to."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import sha256_of, write_whole

__all__ = ["TUNED_FILE", "tuned_decoder", "write_tuned"]

TUNED_FILE = "tuned.json"

_log = logging.getLogger(__name__)


def write_tuned(
    weights: str | Path,
    decoder: Mapping[str, Any],
    told: Mapping[str, Any],
    *,
    loaded_sha256: str | None = None,
) -> Path:
    """Keep a decoder's settings beside the weights, from where evaluation and inference take them.

    Args:
        weights: the file of weights; its checksum is kept, because other weights want other settings.
        decoder: the decoder as a configuration has it.
        told: what a reader of the file wants to know: data, list, scores.
        loaded_sha256: checksum of the weights that it was tuned for; None: of the file as it is.

    Returns:
        The file.

    Raises:
        RuntimeError: if the file of weights is no longer the one that the decoder was tuned for.
    """
    digest = sha256_of(weights)
    if loaded_sha256 not in (None, digest):
        raise RuntimeError(f"{weights} was replaced while it was tuned: run it again")
    content = {"decoder": dict(decoder), "weights_sha256": digest, **told}
    text = json.dumps(content, indent=2) + "\n"
    return write_whole(
        Path(weights).with_name(TUNED_FILE), lambda part: part.write_text(text, encoding="utf-8")
    )


def tuned_decoder(weights: str | Path) -> dict[str, Any] | None:
    """Return the decoder that was tuned for a file of weights; None where there is none.

    Args:
        weights: the file of weights, which need not exist.

    Raises:
        ValueError: if the file beside the weights is none that `write_tuned` wrote.
    """
    file = Path(weights).with_name(TUNED_FILE)
    if not file.is_file() or not Path(weights).is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        decoder, digest = dict(content["decoder"]), content["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} cannot be read as what a decoder was tuned to: delete it, or run scripts.tune again"
        ) from error
    if digest != sha256_of(weights):
        _log.warning("%s is of earlier weights and is not used: run python -m scripts.tune again", file)
        return None
    return decoder
