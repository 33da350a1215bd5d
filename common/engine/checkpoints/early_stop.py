"""Early stopping whose count of epochs without improvement can be saved and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.engines import Trainer
from monai.handlers import EarlyStopHandler

from .key_score import key_score

__all__ = ["EarlyStop"]


class EarlyStop(EarlyStopHandler):
    """MONAI's early stopping by the score that selects the best weights, with a state. For an evaluator.

    Args:
        patience: validations without improvement after which training stops.
        trainer: what is stopped; may be given later by `set_trainer`.
    """

    def __init__(self, patience: int, trainer: Trainer | None = None) -> None:
        super().__init__(patience=patience, score_function=key_score, trainer=trainer)

    def state_dict(self) -> dict[str, Any]:
        """Return how many validations were without improvement, and the best score."""
        handler = self._handler
        assert handler is not None, "set_trainer comes first"
        return {"counter": handler.counter, "best_score": handler.best_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        assert self._handler is not None, "set_trainer comes first"
        self._handler.counter, self._handler.best_score = state["counter"], state["best_score"]
