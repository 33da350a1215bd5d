"""The sparse contingency table of two label maps, from which every instance score is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import sparse

# Up to this largest label a lookup table renumbers the labels; beyond it, sorting costs less memory.
_LARGEST_LOOKUP = 1 << 24


@dataclass(frozen=True)
class ContingencyTable:
    """Overlaps, in pixels, of every true nucleus with every predicted nucleus that it touches.

    Only pairs that share pixels are stored, ordered by true and then by predicted label. `rows` and
    `columns` are positions in `true_ids` and `predicted_ids`, which are ascending and leave out the
    background.
    """

    true_ids: Integer[np.ndarray, " true"]
    predicted_ids: Integer[np.ndarray, " predicted"]
    true_areas_px: Integer[np.ndarray, " true"]
    predicted_areas_px: Integer[np.ndarray, " predicted"]
    rows: Integer[np.ndarray, " pairs"]
    columns: Integer[np.ndarray, " pairs"]
    overlaps_px: Integer[np.ndarray, " pairs"]
    n_pixels: int

    @property
    def n_true(self) -> int:
        """Number of true nuclei."""
        return int(self.true_ids.size)

    @property
    def n_predicted(self) -> int:
        """Number of predicted nuclei."""
        return int(self.predicted_ids.size)

    @property
    def unions_px(self) -> Integer[np.ndarray, " pairs"]:
        """Area of the union of each pair, in pixels."""
        areas: np.ndarray = self.true_areas_px[self.rows] + self.predicted_areas_px[self.columns]
        return areas - self.overlaps_px

    @property
    def ious(self) -> Float[np.ndarray, " pairs"]:
        """Intersection over union of each pair, in (0, 1]."""
        return self.overlaps_px / self.unions_px

    def subset(
        self, true_kept: Bool[np.ndarray, " true"], predicted_kept: Bool[np.ndarray, " predicted"]
    ) -> ContingencyTable:
        """Keep some of the nuclei only, for example those of one class.

        Args:
            true_kept: whether each of `true_ids` stays.
            predicted_kept: whether each of `predicted_ids` stays.
        """
        pairs = true_kept[self.rows] & predicted_kept[self.columns]
        return ContingencyTable(
            true_ids=self.true_ids[true_kept],
            predicted_ids=self.predicted_ids[predicted_kept],
            true_areas_px=self.true_areas_px[true_kept],
            predicted_areas_px=self.predicted_areas_px[predicted_kept],
            rows=(np.cumsum(true_kept) - 1)[self.rows[pairs]],
            columns=(np.cumsum(predicted_kept) - 1)[self.columns[pairs]],
            overlaps_px=self.overlaps_px[pairs],
            n_pixels=self.n_pixels,
        )


def contingency_table(truth: np.ndarray, prediction: np.ndarray) -> ContingencyTable:
    """Count the shared pixels of two label maps in one pass over them.

    The maps are read as runs (stretches of a row in which neither map changes): an image has ten times
    fewer runs than pixels, and nothing of the size "true nuclei times predicted nuclei" is ever made.

    Args:
        truth: true label map; labels need not be contiguous, the background 0 need not occur.
        prediction: predicted label map of the same shape.

    Shapes:
        truth, prediction: (H, W), integers >= 0.

    Raises:
        ValueError: if a label map is not an integer image of two axes, holds negative labels, or the
            shapes differ.

    Example:
        >>> table = contingency_table(np.array([[0, 7, 7, 7]]), np.array([[5, 5, 7, 7]]))
        >>> table.true_ids.tolist(), table.predicted_ids.tolist(), table.overlaps_px.tolist()
        ([7], [5, 7], [1, 2])
    """
    check_label_maps(truth, prediction)
    flat_truth, flat_prediction = np.ravel(truth), np.ravel(prediction)
    changes = flat_truth[1:] != flat_truth[:-1]
    changes |= flat_prediction[1:] != flat_prediction[:-1]
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=flat_truth.size)
    true_ids, rows = _renumber(flat_truth[starts])
    predicted_ids, columns = _renumber(flat_prediction[starts])
    # The background is row 0 and column 0 whether it occurs or not. Converting to compressed rows
    # twice orders the pairs and sums what belongs together in linear time.
    shape = (true_ids.size + 1, predicted_ids.size + 1)
    table = sparse.coo_matrix((lengths, (rows, columns)), shape=shape).tocsr()
    table.sum_duplicates()
    pairs = table.tocoo()
    row, column, overlap = pairs.row, pairs.col, pairs.data.astype(np.int64)
    inside = (row > 0) & (column > 0)
    return ContingencyTable(
        true_ids=true_ids,
        predicted_ids=predicted_ids,
        true_areas_px=_sums(row, overlap, shape[0])[1:],
        predicted_areas_px=_sums(column, overlap, shape[1])[1:],
        rows=row[inside].astype(np.int64) - 1,
        columns=column[inside].astype(np.int64) - 1,
        overlaps_px=overlap[inside],
        n_pixels=int(flat_truth.size),
    )


def check_label_maps(truth: np.ndarray, prediction: np.ndarray) -> None:
    """Refuse what is no pair of label maps of one image.

    Args:
        truth: true label map.
        prediction: predicted label map.

    Raises:
        ValueError: naming the label map, what is wrong with it, and the mend.
    """
    for name, label_map in (("truth", truth), ("prediction", prediction)):
        if label_map.ndim != 2 or not label_map.size:
            raise ValueError(
                f"{name} has shape {label_map.shape}: a label map has two axes, (height, width)."
            )
        if label_map.dtype == bool:
            raise ValueError(
                f"{name} is a mask of type bool: label its nuclei, for example by skimage.measure.label."
            )
        if not np.issubdtype(label_map.dtype, np.integer):
            raise ValueError(
                f"{name} has type {label_map.dtype}: cast the label map to an integer type first."
            )
        if np.issubdtype(label_map.dtype, np.signedinteger) and label_map.min() < 0:
            raise ValueError(f"{name} holds the label {label_map.min()}: labels start at 0, the background.")
    if truth.shape != prediction.shape:
        raise ValueError(
            f"truth has shape {truth.shape}, prediction {prediction.shape}: score maps of one size."
        )


def _renumber(
    labels: Integer[np.ndarray, " n"],
) -> tuple[Integer[np.ndarray, " ids"], Integer[np.ndarray, " n"]]:
    """Return the labels that occur (without 0), and for each entry its position among them, from 1."""
    largest = int(labels.max())
    if largest > _LARGEST_LOOKUP:
        found, positions = np.unique(labels, return_inverse=True)
        background = int(found[0] == 0)
        return found[background:].astype(np.int64), positions.reshape(-1) + 1 - background
    occurs = np.zeros(largest + 1, dtype=bool)
    occurs[labels] = True
    occurs[0] = False
    return np.flatnonzero(occurs), np.cumsum(occurs)[labels]


def _sums(
    positions: Integer[np.ndarray, " n"], values: Integer[np.ndarray, " n"], size: int
) -> Integer[np.ndarray, " size"]:
    """Sum the values that share a position; exact, as the sums stay far below 2**53."""
    return np.bincount(positions, weights=values, minlength=size).astype(np.int64)
