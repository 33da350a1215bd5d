"""`clean_labels` in torch operations, which TorchScript compiles: pieces, holes, growth and least area.

Nothing leaves the tensor's device, and every step takes all pixels at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .no_type_check import no_type_check

__all__ = ["clean_label_tensor", "connected_pieces"]


@no_type_check
def connected_pieces(label_map: Tensor, corners: bool) -> Tensor:
    """Number the connected pieces of a label map, background included, in the order of their first pixels.

    Neighbours in a row with one label are a run. Runs that touch are linked until each piece has one root,
    which takes few rounds, for links are followed to their ends in between.

    Args:
        label_map: pixels are of one piece where they touch and have the same label.
        corners: whether pixels touch at corners too (8 neighbours instead of 4).

    Shapes:
        label_map: (h, w) integers, at least one pixel.
        returns: (h, w) int64, from 0.

    Example:
        >>> connected_pieces(torch.tensor([[7, 7, 0], [0, 0, 7]]), False).tolist()
        [[0, 0, 1], [2, 2, 3]]
        >>> connected_pieces(torch.tensor([[7, 7, 0], [0, 0, 7]]), True).tolist()
        [[0, 0, 1], [1, 1, 0]]
    """
    starts = torch.ones_like(label_map, dtype=torch.bool)
    starts[:, 1:] = label_map[:, 1:] != label_map[:, :-1]
    runs = (starts.flatten().cumsum(0) - 1).reshape(label_map.shape)
    first, second = touching_runs(label_map, runs, starts, 0)
    if corners:
        for side in (-1, 1):
            above, below = touching_runs(label_map, runs, starts, side)
            first, second = torch.cat([first, above]), torch.cat([second, below])
    number = torch.arange(int(runs[-1, -1]) + 1, device=label_map.device)
    root = number
    while first.numel() > 0:
        # A root is linked to the lowest that it touches, then every run to its root.
        low, high = torch.minimum(first, second), torch.maximum(first, second)
        root = root.scatter_reduce(0, high, low, "amin")
        farther = root[root]
        while not torch.equal(farther, root):
            root = farther
            farther = root[root]
        first, second = root[first], root[second]
        apart = first != second
        first, second = first[apart], second[apart]
    return ((root == number).cumsum(0) - 1)[root][runs]


@no_type_check
def touching_runs(label_map: Tensor, runs: Tensor, starts: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the pairs of runs of one label that lie in neighbouring rows and touch.

    Args:
        label_map: see `connected_pieces`.
        runs: number of each pixel's run.
        starts: whether a run begins at the pixel.
        side: how much further right the lower pixel lies than the upper one: 0, 1 or -1.

    Shapes:
        label_map, runs, starts: (h, w).
        returns: two (n,) tensors.
    """
    left, right = max(0, -side), label_map.shape[1] - max(0, side)
    upper, lower = label_map[:-1, left:right], label_map[1:, left + side : right + side]
    # Where two runs begin to touch one of them begins: one pair of pixels for each pair of runs.
    begins = starts[:-1, left:right] | starts[1:, left + side : right + side]
    pairs = (upper == lower) & begins
    return runs[:-1, left:right][pairs], runs[1:, left + side : right + side][pairs]


@no_type_check
def clean_label_tensor(labels: Tensor, min_area_px: int, grow_px: int) -> Tensor:
    """Return what `clean_labels` returns, for a tensor: see there.

    Args:
        labels: raw label map.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: rounds of growth by one pixel.

    Shapes:
        labels: (h, w) int64, 0 = background.
        returns: (h, w) int64, 1..N.

    Example:
        >>> clean_label_tensor(torch.tensor([[1, 1, 0, 1], [1, 1, 0, 0]]), 2, 0).tolist()
        [[1, 1, 0, 0], [1, 1, 0, 0]]
    """
    clean = fill_holes_tensor(largest_piece_tensor(labels))
    grown = grow_tensor(clean, grow_px)
    kept = torch.bincount(grown.flatten()) >= min_area_px
    kept[0] = False
    if bool(kept[1:].all()):
        return grown
    number = torch.where(kept, kept.cumsum(0), 0)
    return grow_tensor(number[clean], grow_px)


@no_type_check
def largest_piece_tensor(labels: Tensor) -> Tensor:
    """Keep the largest piece of each nucleus, the last of equal ones, and number them 1 to N.

    Args:
        labels: label map.

    Shapes:
        labels: (h, w) int64, 0 = background.
        returns: (h, w) int64.
    """
    pieces = connected_pieces(labels, False)
    area = torch.bincount(pieces.flatten())
    count = area.numel()
    owner = torch.zeros_like(area).scatter_(0, pieces.flatten(), labels.flatten())
    # One number that sorts by area first, then by place.
    rank = area * count + torch.arange(count, device=area.device)
    best = torch.zeros(int(labels.max()) + 1, dtype=torch.int64, device=labels.device)
    best = best.scatter_reduce(0, owner, rank, "amax")
    best[0] = 0
    kept = rank == best[owner]
    number = torch.where(kept, (best > 0).cumsum(0)[owner], 0)
    return number[pieces]


@no_type_check
def fill_holes_tensor(labels: Tensor) -> Tensor:
    """Fill background that one nucleus encloses.

    Args:
        labels: label map.

    Shapes:
        labels: (h, w) int64, 0 = background.
        returns: (h, w) int64.
    """
    pieces = connected_pieces(labels, False)
    count = int(pieces.max()) + 1
    enclosed = torch.ones(count, dtype=torch.bool, device=labels.device)
    for edge in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
        enclosed[edge] = False
    rows, columns = torch.where((labels == 0) & enclosed[pieces])
    piece = pieces[rows, columns]
    around = torch.stack(
        [
            labels[rows - 1, columns],
            labels[rows + 1, columns],
            labels[rows, columns - 1],
            labels[rows, columns + 1],
        ]
    )
    # The lowest and the highest label that touch each piece: equal means one owner all around.
    beyond = int(labels.max()) + 1
    low = torch.full([count], beyond, dtype=torch.int64, device=labels.device)
    low = low.scatter_reduce(0, piece, torch.where(around == 0, beyond, around).amin(0), "amin")
    top = torch.zeros_like(low).scatter_reduce(0, piece, around.amax(0), "amax")
    filled = labels.clone()
    filled[rows, columns] = torch.where(low == top, top, 0)[piece]
    return filled


@no_type_check
def grow_tensor(labels: Tensor, rounds: int) -> Tensor:
    """Let nuclei grow into the background by one pixel (4 neighbours) a round; the higher label wins.

    Args:
        labels: label map.
        rounds: how often.

    Shapes:
        labels: (h, w) integers.
        returns: (h, w), same type.
    """
    for _ in range(rounds):
        highest = labels.clone()
        highest[1:] = torch.maximum(highest[1:], labels[:-1])
        highest[:-1] = torch.maximum(highest[:-1], labels[1:])
        highest[:, 1:] = torch.maximum(highest[:, 1:], labels[:, :-1])
        highest[:, :-1] = torch.maximum(highest[:, :-1], labels[:, 1:])
        labels = torch.where(labels == 0, highest, labels)
    return labels
