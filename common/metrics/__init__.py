"""Label map x label map -> numbers, all from one sparse contingency table."""

from .aji import aji_counts, aji_scores
from .assignment import assign
from .boundary import boundary_counts, boundary_scores
from .classes import score_classes, summarize_classes
from .contingency import ContingencyTable, contingency_table
from .error_kinds import ERROR_KINDS, error_counts, told_errors
from .matching import IOU_RULES, PERCENTS, match, matching_counts, matching_scores
from .oracle import oracle_f1_50, propagate_labels
from .pixel import pixel_counts, pixel_scores, probability_counts
from .ratio import Counts
from .report import HEADLINE, ImageScores, json_safe, pool, score_image, scores_of_counts, summarize
from .tissues import binary_pq, multi_class_pq, summarize_tissues

__all__ = [
    "ERROR_KINDS",
    "HEADLINE",
    "IOU_RULES",
    "PERCENTS",
    "ContingencyTable",
    "Counts",
    "ImageScores",
    "aji_counts",
    "aji_scores",
    "assign",
    "binary_pq",
    "boundary_counts",
    "boundary_scores",
    "contingency_table",
    "error_counts",
    "json_safe",
    "match",
    "matching_counts",
    "matching_scores",
    "multi_class_pq",
    "oracle_f1_50",
    "pixel_counts",
    "pixel_scores",
    "pool",
    "probability_counts",
    "propagate_labels",
    "score_classes",
    "score_image",
    "scores_of_counts",
    "summarize",
    "summarize_classes",
    "summarize_tissues",
    "told_errors",
]
