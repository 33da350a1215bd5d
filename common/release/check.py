"""Whether what was released with a bundle is whole, and still fits the code."""

from __future__ import annotations

from pathlib import Path

from ..bundle_config import read_json
from ..engine.trained import load_weights, training_config
from ..files import sha256_of
from .half_precision import MAX_BYTES

__all__ = ["CHECKSUM_FILE", "check_released"]

CHECKSUM_FILE = "checksum.json"


def check_released(bundle: Path) -> bool:
    """Look a bundle's released weights through; one without weights is in order.

    Args:
        bundle: the bundle's folder.

    Returns:
        Whether there are any.

    Raises:
        FileNotFoundError: if something beside the weights is missing.
        ValueError: if the weights are damaged, too large, or not those of today's network; or if the metadata
            has no scores.
    """
    weights = bundle / "models" / "model.pt"
    if not weights.is_file():
        return False
    for name in ("train.json", "LICENSE", CHECKSUM_FILE):
        if not weights.with_name(name).is_file():
            raise FileNotFoundError(
                f"{weights.with_name(name).as_posix()} is missing beside released weights"
            )
    if read_json(weights.with_name(CHECKSUM_FILE)).get("sha256") != sha256_of(weights):
        raise ValueError(f"{weights.as_posix()} is not the file that {CHECKSUM_FILE} beside it is of")
    if weights.stat().st_size > MAX_BYTES:
        raise ValueError(f"{weights.as_posix()} is larger than {MAX_BYTES / 2**20:g} MiB")
    if not read_json(bundle / "configs" / "metadata.json").get("eval_metrics"):
        raise ValueError(
            f"{bundle.as_posix()}/configs/metadata.json: eval_metrics say nothing of the weights"
        )
    load_weights(training_config(bundle, weights).get_parsed_content("network_def"), weights)
    return True
