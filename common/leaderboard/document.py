"""Where a document has the leaderboard."""

from ..files import MarkedPart

__all__ = ["IN_DOCUMENT"]

IN_DOCUMENT = MarkedPart(
    "<!-- leaderboard: written by python -m scripts.leaderboard -->",
    "<!-- end of the leaderboard -->",
    "the leaderboard",
)
