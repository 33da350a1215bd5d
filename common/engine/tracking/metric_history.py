"""How a number went in the course of a training, as MLflow noted it."""

from __future__ import annotations

from mlflow import MlflowClient

from .store_address import impatient, is_away, store_address

__all__ = ["metric_history"]


def metric_history(run_id: str, name: str, *, tracking_uri: str | None = None) -> list[tuple[int, float]]:
    """Return the epochs at which a number was noted, with the number.

    Args:
        run_id: MLflow's, as a training's `last.pt` keeps it.
        name: the number's, for example "pq_pooled".
        tracking_uri: address of the store, see `MLflowStore`; ``MLFLOW_TRACKING_URI`` overrides it.

    Returns:
        In order; of an epoch that was trained twice the later; empty where the store does not know the run,
        or cannot be read: a curve is no reason to stop.
    """
    uri = store_address(tracking_uri)
    if is_away(uri):
        return []
    try:
        with impatient():
            points = MlflowClient(uri).get_metric_history(run_id, name)
    except Exception:  # MLflow's stores raise whatever their backend does
        return []
    latest = {point.step: point.value for point in sorted(points, key=lambda point: point.timestamp)}
    return sorted(latest.items())
