"""The curvature loss opens half-open seams between touching nuclei, in both of its modes."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from half_open_seams import Scene, half_open, share_opened
from monai.bundle import ConfigParser
from torch import Tensor

from common.losses import CurvatureAlignmentLoss
from common.losses.curvature import MODES
from common.sample import draw_label_map

VALUES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LETTER = CurvatureAlignmentLoss("contour", levels=[0.5], field_smoothing_px=0, compared="shares")


@cache
def crowded() -> np.ndarray:
    """Four crowded label maps of 128 px."""
    return np.stack(
        [
            draw_label_map((128, 128), rng=np.random.default_rng(seed), density=0.6, clustering=0.9)
            for seed in range(4)
        ]
    )


def gradient_of(loss: CurvatureAlignmentLoss, scene: Scene) -> Tensor:
    prediction = scene.prediction.clone().requires_grad_()
    loss(prediction, scene.truth).backward()
    assert prediction.grad is not None
    return prediction.grad


@pytest.mark.parametrize("valley", [True, False], ids=["valley", "flat"])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("mode", MODES)
def test_half_open_seams_get_opened(mode: str, value: float, valley: bool) -> None:
    scene = half_open(crowded(), value, valley=valley)
    gradient = gradient_of(CurvatureAlignmentLoss(mode), scene)
    assert share_opened(scene, gradient) >= 0.85
    assert float(gradient[:, 0][torch.from_numpy(scene.seams > 0)].mean()) > 0


def test_the_letter_does_not_open_them() -> None:
    """What the levels, the smoothing and the lengths are for, and that the test above can fail."""
    scene = half_open(crowded(), 0.5, valley=True)
    assert share_opened(scene, gradient_of(LETTER, scene)) < 0.6


def test_as_published_runs_the_letter(repository: Path) -> None:
    overlay = ConfigParser.load_config_file(repository / "bundles/logsage/configs/as_published.json")
    curvature = ConfigParser(overlay).get_parsed_content("loss").curvature
    options = ("mode", "levels", "field_smoothing_px", "compared")
    assert [getattr(curvature, o) for o in options] == [getattr(LETTER, o) for o in options]
    scene = half_open(crowded(), 0.4, valley=False)
    assert torch.equal(curvature(scene.prediction, scene.truth), LETTER(scene.prediction, scene.truth))


@pytest.mark.parametrize("name", ["e2f_multiplex", "monuseg"])
@pytest.mark.parametrize("mode", MODES)
def test_half_open_seams_of_real_tissue_get_opened(nuclei_data: Path, mode: str, name: str) -> None:
    entries = json.loads((nuclei_data / name / "dataset.json").read_text("utf-8"))["validation"]
    middles = []
    for entry in entries[:4]:
        labels = tifffile.imread(nuclei_data / name / entry["label"]).squeeze().astype(int)
        top, left = (side // 2 - 160 for side in labels.shape)
        middles.append(labels[top : top + 320, left : left + 320])
    shares = []
    for value in VALUES:
        scene = half_open(np.stack(middles), value, valley=True)
        shares.append(share_opened(scene, gradient_of(CurvatureAlignmentLoss(mode), scene)))
    assert min(shares) >= 0.8 and np.mean(shares) >= 0.9, shares


@pytest.mark.parametrize("mode", MODES)
def test_a_descent_parts_nuclei_whose_seams_are_filled(mode: str) -> None:
    """Not the sign alone: steps on the prediction itself carry seams through the threshold."""
    scene = half_open(crowded(), 0.6, valley=True)
    logits = torch.logit(scene.prediction).requires_grad_()
    loss = CurvatureAlignmentLoss(mode, from_logits=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        loss(logits, scene.truth).backward()
        optimizer.step()
    seam = torch.from_numpy(scene.seams > 0)
    before, after = (
        float((x[:, 0][seam] > 0.5).float().mean()) for x in (scene.prediction, logits.sigmoid())
    )
    assert before > 0.8, "most pixels of the seams were nucleus"
    assert after < 0.3 * before, (before, after)
