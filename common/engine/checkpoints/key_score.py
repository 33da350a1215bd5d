"""The value by which the best checkpoint is chosen, for MONAI's early stopping."""

from __future__ import annotations

from ignite.engine import Engine

__all__ = ["key_score"]


def key_score(engine: Engine) -> float:
    """Return the key metric of an evaluator's last epoch; higher is better.

    MONAI's `stopping_fn_from_metric` wants the metric's name again, which a configuration would have to
    repeat.

    Args:
        engine: a MONAI evaluator with a key metric.
    """
    return float(engine.state.metrics[engine.state.key_metric_name])
