"""A board: the methods that were tested on the same images, with what each training scored on each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..experiments import RowScores

__all__ = ["RANKED_BY", "SCORES", "Board", "Entry", "Training"]

SCORES = ("pq_mean", "f1_50_mean", "f1_mu_mean", "aji_mean", "dice_mean", "pq_pooled")
"""The scores of a board; a mean over images has an interval, a pooled score none."""
RANKED_BY = "pq_mean"


@dataclass(frozen=True)
class Training:
    """One training of a method, as it was evaluated."""

    seed: int
    fold: int | None
    scores: Mapping[str, float]
    """Score -> value."""
    images: Mapping[str, Mapping[str, float]]
    """Image -> score without `_mean` -> value."""
    run: str = ""
    """The evaluation's id in MLflow."""
    commit: str = ""
    """Of the code that evaluated."""


@dataclass(frozen=True)
class Entry:
    """A method: trainings that differ in seed and fold alone."""

    method: str
    """The bundle's name, or the peer's."""
    changes: str
    """What is not as in the bundle's own settings, in words."""
    budget: str
    key: str
    """Text that changes with the settings."""
    trainings: Sequence[Training]
    cost: Mapping[str, float] = field(default_factory=dict)
    """Medians over the trainings; what is not known is missing."""

    @property
    def name(self) -> str:
        """Method and changes as a person reads them."""
        return f"{self.method} ({self.changes})" if self.changes else self.method

    @property
    def identity(self) -> tuple[str, str, str]:
        """What two entries must not share."""
        return self.method, self.key, self.budget

    @property
    def rows(self) -> RowScores:
        """The scores by seed and fold, and by image."""
        rows = RowScores(self.name)
        for training in self.trainings:
            rows.by_cell[training.seed, training.fold] = dict(training.scores)
            for image, scores in training.images.items():
                for score, value in scores.items():
                    rows.by_image.setdefault(score, {}).setdefault(image, []).append(value)
        return rows

    @property
    def seeds(self) -> int:
        """How many seeds it was trained with."""
        return len({training.seed for training in self.trainings})


@dataclass(frozen=True)
class Board:
    """All methods on one list of a data set."""

    data: str
    fingerprint: str
    split: str
    lists: str
    """How the lists were made: "as listed", "5 folds", "platform confocal"."""
    images: Sequence[str]
    entries: Sequence[Entry]

    @property
    def ranked(self) -> list[Entry]:
        """The entries, the best first."""

        def place(entry: Entry) -> tuple[float, str]:
            figure = entry.rows.figure(RANKED_BY)
            return (-1.0 if figure is None else -figure.mean, entry.name)

        return sorted(self.entries, key=place)

    @property
    def compared_on(self) -> tuple[str, str, str, tuple[str, ...]]:
        """What must be the same for two methods to be compared."""
        return self.fingerprint, self.split, self.lists, tuple(self.images)
