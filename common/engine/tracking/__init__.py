"""MLflow and what is seen of a training; the only room that imports MLflow."""

from .mlflow_run import MLflowRun
from .mlflow_store import MLflowStore
from .pictures import Pictures
from .progress import Progress

__all__ = ["MLflowRun", "MLflowStore", "Pictures", "Progress"]
