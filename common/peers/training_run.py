"""The training of a peer as a run in MLflow, beside the bundles' trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..engine.tracking import MLflowStore, code_tags
from .conditions import Conditions
from .peer import Peer

__all__ = ["training_run"]


@contextmanager
def training_run(
    peer: Peer,
    conditions: Conditions,
    *,
    experiment: str,
    fingerprint: str,
    tags: Mapping[str, str] | None = None,
    enabled: bool = True,
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open a run before a peer is trained; what the block gives notes what the training told.

    Args:
        peer: the peer.
        conditions: how it is trained.
        experiment: the data set's name.
        fingerprint: short text that changes with the data.
        tags: more tags.
        enabled: whether to note anything.

    Yields:
        A function of what the training told: its history, what it cost, versions.

    Raises:
        ConnectionError: if no server answers.
        RuntimeError: if the store refuses.
    """
    if not enabled:
        yield lambda training: None
        return
    store = MLflowStore(experiment, f"{peer.name} {conditions.budget} seed {conditions.seed}")
    store.open(
        params={
            "seed": conditions.seed, "minutes": conditions.minutes, "steps": conditions.steps,
            "threads": conditions.threads, "pretrained": conditions.pretrained,
            "channels": conditions.channels,
        },
        tags={
            "bundle": peer.name, "job": "training", **code_tags(), "variant": "peer",
            "data_fingerprint": fingerprint, "budget": conditions.budget, **(tags or {}),
            "mlflow.note.content": peer.says,
        },
    )  # fmt: skip
    store.data_set(experiment, digest=fingerprint, context="training")
    status = "FAILED"
    try:
        yield lambda training: _note(store, training)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        store.close(status)


def _note(store: MLflowStore, training: Mapping[str, Any]) -> None:
    history = training.get("history", [])
    for epoch, values in enumerate(history, 1):
        store.metrics(values, step=epoch)
    cost = {f"training_{name}": training[name] for name in ("seconds", "processor_seconds")}
    if training.get("parameters") is not None:
        cost["parameters"] = training["parameters"]
    store.metrics(cost, step=len(history))
    for name, version in training.get("versions", {}).items():
        store.tag(f"version_{name}", version)
