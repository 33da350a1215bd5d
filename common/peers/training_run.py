"""The training of a peer as a run in MLflow, beside the bundles' trainings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.tracking import MLflowStore, code_tags
from .conditions import Conditions
from .peer import Peer

__all__ = ["note_training"]


def note_training(
    peer: Peer,
    conditions: Conditions,
    training: Mapping[str, Any],
    *,
    experiment: str,
    fingerprint: str,
    tags: Mapping[str, str] | None = None,
    tracking_uri: str | None = None,
) -> None:
    """Note a finished training: its settings, its losses by epoch, what it cost.

    Args:
        peer: the peer.
        conditions: how it was trained.
        training: what it told.
        experiment: the data set's name.
        fingerprint: short text that changes with the data.
        tags: more tags.
        tracking_uri: see `MLflowStore`.

    Raises:
        ConnectionError: if no server answers.
        RuntimeError: if the store refuses.
    """
    store = MLflowStore(experiment, f"{peer.name} {conditions.budget} seed {conditions.seed}",
                        tracking_uri=tracking_uri)  # fmt: skip
    versions = {f"version_{name}": version for name, version in training.get("versions", {}).items()}
    store.open(
        params={"seed": conditions.seed, "minutes": conditions.minutes, "steps": conditions.steps,
                "threads": conditions.threads, "pretrained": conditions.pretrained,
                "channels": conditions.channels, **versions},
        tags={"bundle": peer.name, "job": "training", **code_tags(), "variant": "peer",
              "data_fingerprint": fingerprint, "budget": conditions.budget, **(tags or {}),
              "mlflow.note.content": peer.says},
    )  # fmt: skip
    store.data_set(experiment, digest=fingerprint, context="training")
    for epoch, values in enumerate(training.get("history", []), 1):
        store.metrics(values, step=epoch)
    cost = {f"training_{name}": training[name] for name in ("seconds", "processor_seconds")}
    if training.get("parameters") is not None:
        cost["parameters"] = training["parameters"]
    store.metrics(cost, step=len(training.get("history", [])))
    store.close("FINISHED")
