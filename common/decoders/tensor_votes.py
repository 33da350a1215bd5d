"""Maps -> label map by votes, in torch operations: the decoder that leaves the project in a TorchScript."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .no_type_check import no_type_check
from .tensor_clean import clean_label_tensor, connected_pieces

__all__ = ["CentreVotesModule"]


class CentreVotesModule(nn.Module):
    """`CentreVotesDecoder` on tensors: the same labels, on the maps' device, compiled by `torch.jit.script`.

    Made by `CentreVotesDecoder.as_module`, whose options it has. Sums are made in the same order and
    precision as SciPy makes them, so that equal peaks stay equal; among centres that are equally near, the
    one further left counts, then the upper one, as in SciPy.

    Args:
        foreground: channel of the foreground's logit.
        offsets: channels of the row and the column offset.
        offset_scale_px: pixels per unit of the offset maps.
        logit: logit from which a pixel is foreground.
        steps: jumps along the offsets.
        smoothing_px: standard deviation of the density of votes.
        window_px: a peak is the highest in a square window of this side.
        min_votes: votes that must meet in a peak.
        grid_px: side of the cells in which the nearest centre is looked up.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: rounds of growth at the end.

    Shapes:
        maps: (b, k, h, w) float.
        returns: (b, 1, h, w) int32, 0 = background, each image's nuclei 1..N.
    """

    def __init__(
        self,
        *,
        foreground: int,
        offsets: tuple[int, int],
        offset_scale_px: float,
        logit: float,
        steps: int,
        smoothing_px: float,
        window_px: int,
        min_votes: float,
        grid_px: int,
        min_area_px: int,
        grow_px: int,
    ) -> None:
        super().__init__()
        self.foreground, self.logit = foreground, float(logit)
        self.row_offset, self.column_offset = offsets
        self.offset_scale_px, self.steps = float(offset_scale_px), steps
        self.weights = _gaussian(smoothing_px)
        # All votes in one pixel are as high as their number.
        self.scale = 2 * math.pi * smoothing_px**2
        self.window_px, self.min_votes, self.grid_px = window_px, float(min_votes), grid_px
        self.min_area_px, self.grow_px = math.ceil(min_area_px), grow_px

    @no_type_check
    def forward(self, maps: Tensor) -> Tensor:
        """Return the label maps."""
        return torch.stack([self.decode(each).to(torch.int32) for each in maps.float()])[:, None]

    @no_type_check
    def decode(self, maps: Tensor) -> Tensor:
        """Return the label map of one image, (h, w) int64."""
        mask = maps[self.foreground] > self.logit
        labels = torch.zeros(mask.shape, dtype=torch.int64, device=maps.device)
        if not bool(mask.any()):
            return labels
        rows, columns = self.follow(maps, mask)
        centres = self.find_centres(rows, columns, mask.shape[0], mask.shape[1])
        if not bool((centres > 0).any()):
            return labels
        labels[mask] = look_up_nearest(centres, rows, columns, self.grid_px)
        return clean_label_tensor(labels, self.min_area_px, self.grow_px)

    @no_type_check
    def follow(self, maps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return row and column at which each pixel of the mask arrives, two (n,) int64."""
        height, width = mask.shape[0], mask.shape[1]
        # A NaN would become a place outside the image.
        down, right = [
            torch.nan_to_num(maps[channel]).flatten() * self.offset_scale_px
            for channel in (self.row_offset, self.column_offset)
        ]
        row, column = torch.where(mask)
        rows, columns = row.float(), column.float()
        for _ in range(self.steps):
            place = row * width + column
            rows = (rows + down[place]).clamp(0, height - 1)
            columns = (columns + right[place]).clamp(0, width - 1)
            row, column = (rows + 0.5).long(), (columns + 0.5).long()
        return row, column

    @no_type_check
    def find_centres(self, rows: Tensor, columns: Tensor, height: int, width: int) -> Tensor:
        """Return the peaks of the density of votes, (h, w) int64: 0 = no centre, 1..N."""
        votes = torch.bincount(rows * width + columns, minlength=height * width)
        density = votes.reshape(height, width).float()
        for axis in (0, 1):
            density = self.smoothed(density, axis)
        density = density * self.scale
        before = self.window_px // 2
        after = self.window_px - 1 - before
        window = functional.pad(density[None, None], [before, after, before, after])
        for sides in ([self.window_px, 1], [1, self.window_px]):
            window = functional.max_pool2d(window, sides, stride=1)
        peaks = (density >= self.min_votes) & (density == window[0, 0])
        pieces = connected_pieces(peaks.long(), True)
        # Numbers of the pieces that are peaks, in their order.
        is_peak = torch.zeros(int(pieces.max()) + 1, dtype=torch.int64, device=peaks.device)
        is_peak[pieces[peaks]] = 1
        return torch.where(peaks, is_peak.cumsum(0)[pieces], 0)

    @no_type_check
    def smoothed(self, values: Tensor, axis: int) -> Tensor:
        """Return values smoothed along an axis; beyond the image lies 0."""
        reach = len(self.weights) - 1
        length = values.shape[axis]
        # Apple's GPUs have no float64: ties may fall otherwise there.
        exact = values.float() if values.device.type == "mps" else values.double()
        padded = functional.pad(exact, [0, 0, reach, reach] if axis == 0 else [reach, reach])
        total = exact * self.weights[0]
        for distance in range(reach, 0, -1):
            pair = padded.narrow(axis, reach - distance, length) + padded.narrow(
                axis, reach + distance, length
            )
            total = total + pair * self.weights[distance]
        return total.float()


@no_type_check
def look_up_nearest(centres: Tensor, rows: Tensor, columns: Tensor, grid_px: int) -> Tensor:
    """Return the number of the centre nearest to each place, on a grid of cells, as the decoder's.

    The nearest centre in each column of cells is found for all; then each cell with a vote looks left and
    right, one column further a round, until no centre can be nearer than its own.

    Args:
        centres: numbered centres, at least one.
        rows: row of each place.
        columns: column of each place.
        grid_px: side of a cell.

    Shapes:
        centres: (h, w) int64, 0 = no centre.
        rows, columns: (n,) int64.
        returns: (n,) int64.
    """
    height = (centres.shape[0] + grid_px - 1) // grid_px
    width = (centres.shape[1] + grid_px - 1) // grid_px
    peak_row, peak_column = torch.where(centres > 0)
    coarse = torch.zeros(height * width, dtype=torch.int64, device=centres.device)
    # Of two centres in one cell the later one has it.
    coarse = coarse.scatter_reduce(
        0, peak_row // grid_px * width + peak_column // grid_px, centres[peak_row, peak_column], "amax"
    ).reshape(height, width)
    far = 2 * (height + width)  # beyond every distance
    line = torch.arange(height, device=centres.device)[:, None].expand(height, width)
    upper = torch.where(coarse > 0, line, -far).cummax(0)[0]
    lower = torch.where(coarse > 0, line, far + height).flip(0).cummin(0)[0].flip(0)
    vertical = torch.where(line - upper <= lower - line, upper, lower)
    gap = (vertical - line) ** 2  # squared distance to the nearest in the column
    owner = torch.gather(coarse, 0, vertical.clamp(0, height - 1))

    place = rows // grid_px * width + columns // grid_px
    cells = torch.zeros(height * width, dtype=torch.bool, device=centres.device)
    cells[place] = True
    cell = torch.where(cells)[0]
    row, column = cell // width, cell % width
    best, mine = gap[row, column], owner[row, column]
    found = torch.zeros(height * width, dtype=torch.int64, device=centres.device)
    found[cell] = mine
    distance = 1
    while cell.numel() > 0 and distance < width:
        for side in (-1, 1):
            there = column + side * distance
            inside = (there >= 0) & (there < width)
            there = there.clamp(0, width - 1)
            squared = gap[row, there] + distance * distance
            # Of equal ones the one further left.
            nearer = inside & (squared < best + int(side < 0))
            best, mine = torch.where(nearer, squared, best), torch.where(nearer, owner[row, there], mine)
        found[cell] = mine
        distance += 1
        going = best >= distance * distance
        cell, row, column, best, mine = cell[going], row[going], column[going], best[going], mine[going]
    return found[place]


def _gaussian(sigma: float) -> list[float]:
    """Return the weights of a Gaussian from its middle on, to three standard deviations, as SciPy's."""
    reach = int(3 * sigma + 0.5)
    weights = [math.exp(-0.5 * (x / sigma) ** 2) if x else 1.0 for x in range(reach + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    return [weight / total for weight in weights]
