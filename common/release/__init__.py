"""What is released with a bundle: its weights, what they may be used for, and how good they are."""

from .beginning import begin_training
from .card import RELEASED, card_text, curve_picture, picture_name
from .check import CHECKSUM_FILE, check_released
from .half_precision import MAX_BYTES, write_half_precision
from .licence import licence_text
from .metadata import next_version, released_metadata
from .overview import OVERVIEW, overview_text, write_overview
from .peer_scores import write_peer_scores
from .recipe import Recipe, read_recipe
from .scores import SCORES, ListScores, read_scores

__all__ = [
    "CHECKSUM_FILE",
    "MAX_BYTES",
    "OVERVIEW",
    "RELEASED",
    "SCORES",
    "ListScores",
    "Recipe",
    "begin_training",
    "card_text",
    "check_released",
    "curve_picture",
    "licence_text",
    "next_version",
    "overview_text",
    "picture_name",
    "read_recipe",
    "read_scores",
    "released_metadata",
    "write_half_precision",
    "write_overview",
    "write_peer_scores",
]
