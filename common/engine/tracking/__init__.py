"""MLflow and what is seen of a training; the only room that imports MLflow."""

from .mlflow_run import MLflowRun
from .mlflow_store import MLflowStore
from .pictures import Pictures
from .progress import Progress, duration
from .provenance import TAGS_VARIABLE, code_tags

__all__ = ["TAGS_VARIABLE", "MLflowRun", "MLflowStore", "Pictures", "Progress", "code_tags", "duration"]
