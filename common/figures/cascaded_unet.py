"""Figures of the cascaded U-Net paper: weights between close nuclei, and which pixels are right or wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..export import ERROR_COLOURS, Panel, display_image, error_picture, write_panels
from ..transforms import border_weights
from .subject import Subject, Window, scores_of

__all__ = ["cascaded_unet_figures", "crowded_windows"]

PAPER = ((0.0, 10.0), (5.0, 10.0), (3.0, 10.0), (10.0, 5.0))  # its Fig. 1: w0 and sigma in pixels
OURS = (3.0, 10.0)


def cascaded_unet_figures(subject: Subject) -> list[Path]:
    """Draw weight maps (Fig. 1), and the errors of one training or of several side by side (Fig. 2)."""
    windows = crowded_windows(subject.labels, subject.crop_px, count=2)
    return [_weight_maps(subject, windows[0]), _errors(subject, windows)]


def crowded_windows(labels: np.ndarray, side_px: int, *, count: int) -> list[Window]:
    """Return squares that do not overlap, those with the most gaps between close nuclei first.

    Args:
        labels: label map.
        side_px: their edge; smaller where the image is.
        count: how many at most: there may be room for fewer.

    Shapes:
        labels: (h, w), integers.

    Example:
        >>> labels = np.zeros((8, 24), int)
        >>> labels[2:6, 17:19], labels[2:6, 20:22] = 1, 2
        >>> crowded_windows(labels, 8, count=1)
        [(slice(0, 8, None), slice(16, 24, None))]
    """
    closeness = border_weights(labels, classes="mask", sigma_px=3.0) - (labels > 0)
    height, width = (min(side_px, size) for size in labels.shape)
    sums = np.pad(closeness.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    chosen: list[Window] = []
    while len(chosen) < count and np.isfinite(inside).any():
        top, left = (int(n) for n in np.unravel_index(np.argmax(inside), inside.shape))
        chosen.append((slice(top, top + height), slice(left, left + width)))
        inside[max(0, top - height + 1) : top + height, max(0, left - width + 1) : left + width] = -np.inf
    return chosen


def _weight_maps(subject: Subject, window: Window) -> Path:
    """Draw weights of the whole image, in one window: a weight knows neighbours beyond it."""
    panels = [Panel("image", display_image(subject.image[(slice(None), *window)]))]
    for weight, sigma in PAPER:
        maps = border_weights(
            subject.labels, border_weight=weight, sigma_px=sigma, classes="mask", normalise=True
        )
        title = f"w0 = {weight:g}, σ = {sigma:g} px" if weight else "w0 = 0: the mask"
        panels.append(Panel(title, maps[window], "weight / largest weight"))
    ours = border_weights(subject.labels, border_weight=OURS[0], sigma_px=OURS[1], classes="balanced")
    panels.append(
        Panel(
            f"here: classes balanced, w0 = {OURS[0]:g}, σ = {OURS[1]:g} px", ours[window], "weight",
            (0.0, float(ours.max(initial=1))),
        )
    )  # fmt: skip
    return write_panels(
        subject.folder / "weight_maps.png",
        panels,
        title=f"Weights of the pixels of {subject.name}, where its nuclei are closest together",
        columns=3,
    )


def _errors(subject: Subject, windows: list[Window]) -> Path:
    """Draw right and wrong pixels in each window; the scores are those of the window."""
    label_maps = subject.label_maps()
    panels = []
    for window in windows:
        truth = subject.labels[window]
        panels.append(Panel("image", display_image(subject.image[(slice(None), *window)])))
        for name, label_map in label_maps.items():
            found = label_map[window]
            title = f"{name}\n{scores_of(truth, found)}"
            panels.append(Panel(title, error_picture(truth > 0, found > 0)))
    return write_panels(
        subject.folder / "errors.png",
        panels,
        title=f"Right and wrong pixels of {subject.name}, where its nuclei are closest together;\n"
        "the scores are those of what is shown",
        columns=1 + len(label_maps),
        key=ERROR_COLOURS,
    )
