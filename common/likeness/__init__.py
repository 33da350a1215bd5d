"""How like those of a training an image is: a few numbers of each, their ranges, and what lies outside."""

from .departures import Departure, departures, in_words
from .describe import describe_image
from .ranges import Ranges, allowed_range, training_ranges

__all__ = [
    "Departure",
    "Ranges",
    "allowed_range",
    "departures",
    "describe_image",
    "in_words",
    "training_ranges",
]
