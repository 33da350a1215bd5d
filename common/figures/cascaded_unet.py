"""Figures of the cascaded U-Net paper: weights between close nuclei, and which pixels are right or wrong."""

from __future__ import annotations

from pathlib import Path

from ..export import display_image
from ..transforms import border_weights
from .error_picture import ERROR_COLOURS, error_picture
from .panels_picture import Panel, write_panels
from .subject import Subject, Window, crowded_windows, scores_of

__all__ = ["cascaded_unet_figures"]

PAPER = ((0.0, 10.0), (5.0, 10.0), (3.0, 10.0), (10.0, 5.0))  # its Fig. 1: w0 and sigma in pixels


def cascaded_unet_figures(subject: Subject) -> list[Path]:
    """Draw weight maps (Fig. 1), and the errors of one training or of several side by side (Fig. 2)."""
    windows = crowded_windows(subject.labels, subject.crop_px, count=2)
    return [_weight_maps(subject, windows[0]), _errors(subject, windows)]


def _weight_maps(subject: Subject, window: Window) -> Path:
    """Draw weights of the whole image, in one window: a weight knows neighbours beyond it."""
    panels = [Panel("image", display_image(subject.image[(slice(None), *window)]))]
    for weight, sigma in PAPER:
        maps = border_weights(
            subject.labels,
            border_weight=weight,
            sigma_px=sigma,
            classes="mask",
            gaps_only=False,
            normalise=True,
        )
        title = f"w0 = {weight:g}, σ = {sigma:g} px" if weight else "w0 = 0: the mask"
        panels.append(Panel(title, maps[window], "weight / largest weight"))
    weight, sigma, classes = (subject.config[f"border_{name}"] for name in ("weight", "sigma_px", "classes"))
    ours = border_weights(subject.labels, border_weight=weight, sigma_px=sigma, classes=classes)
    title = f"here: classes {classes}, w0 = {weight:g}, σ = {sigma:g} px"
    panels.append(Panel(title, ours[window], "weight", (0.0, float(ours.max(initial=1)))))
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
