"""Stains beside two independent implementations: torchstain's Macenko, scikit-learn's dictionary learning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torchstain
from PIL import Image
from sklearn.decomposition import DictionaryLearning

from common.sample import make_image
from common.transforms import StainNormalised, stain_amounts, stain_directions, to_density
from common.transforms.stain_density import _SPARSITY

WHITE = 256  # of torchstain, whose density is then ours to the last digit
DENSE = 0.15  # torchstain leaves out pixels with a colour less dense


def sections(names: list[str], folder: Path) -> Iterator[np.ndarray]:
    for name in names:
        yield np.asarray(Image.open(folder / name).convert("RGB"))[:256, :256]


def drawn(seed: int) -> np.ndarray:
    return np.round(make_image("he", (200, 200), seed=seed)[0]).astype(np.uint8).transpose(1, 2, 0)


def tissue_of(image: np.ndarray) -> np.ndarray:
    """A picture of the pixels that both take for tissue: none that one of them would leave out."""
    density = to_density(image.transpose(2, 0, 1).astype(float), white=255)
    pixels = image[(density >= DENSE).all(axis=0)]
    side = int(len(pixels) ** 0.5)
    return pixels[: side**2].reshape(side, side, 3)


def apart_deg(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = (each / np.linalg.norm(each, axis=0) for each in (one, other))
    return np.rad2deg(np.arccos(np.clip((one * other).sum(axis=0), -1, 1)))


def assert_macenko_is_torchstains(image: np.ndarray) -> None:
    image = tissue_of(image)
    density = to_density(image.transpose(2, 0, 1).astype(float), white=255)
    theirs = torchstain.normalizers.MacenkoNormalizer(backend="numpy")
    theirs.fit(image, Io=WHITE)
    stains = stain_directions(density)
    assert stains is not None
    assert (apart_deg(stains, theirs.HERef) < 0.2).all()  # of large images we take every second pixel
    normalised = 255 * StainNormalised("image").normalise(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    afresh = torchstain.normalizers.MacenkoNormalizer(backend="numpy")
    expected, _, _ = afresh.normalize(image, Io=WHITE, stains=False)
    amounts = np.linalg.lstsq(theirs.HERef, density.reshape(3, -1), rcond=None)[0]
    both = (amounts >= 0).all(axis=0).reshape(image.shape[:2])  # theirs may be negative, ours are none then
    assert both.mean() > 0.95
    difference = np.abs(normalised - expected)[both]
    assert np.median(difference) < 2 and difference.max() < 5  # of 255; theirs is cut to whole numbers


@pytest.mark.parametrize("seed", range(3))
def test_macenko_is_torchstains(seed: int) -> None:
    assert_macenko_is_torchstains(drawn(seed))


def test_macenko_is_torchstains_on_sections(nuclei_data: Path) -> None:
    listed = json.loads((nuclei_data / "monuseg/dataset.json").read_text())["training"]
    names = [item["image"] for item in listed][::6]
    assert names
    for image in sections(names, nuclei_data / "monuseg"):
        assert_macenko_is_torchstains(image)


def assert_no_sparser_stains_are_known(image: np.ndarray) -> None:
    density = to_density(image.transpose(2, 0, 1).astype(float), white=255).reshape(3, -1)
    tissue = density[:, density.mean(axis=0) > DENSE]
    tissue = tissue[:, :: max(tissue.shape[1] // 1000, 1)]

    def cost(stains: np.ndarray) -> float:
        amounts = stain_amounts(tissue, stains, sparsity=_SPARSITY)
        return float(0.5 * ((tissue - stains @ amounts) ** 2).sum() + _SPARSITY * amounts.sum())

    learnt = DictionaryLearning(
        2,
        alpha=_SPARSITY,
        fit_algorithm="cd",
        positive_code=True,
        positive_dict=True,
        max_iter=300,
        tol=1e-8,
        random_state=0,
    ).fit(tissue.T)
    theirs = (learnt.components_ / np.linalg.norm(learnt.components_, axis=1, keepdims=True)).T
    theirs = theirs if theirs[0, 0] >= theirs[0, 1] else theirs[:, ::-1]
    ours, macenkos = (stain_directions(tissue[:, None], method=each) for each in ("vahadane", "macenko"))
    assert ours is not None and macenkos is not None
    assert cost(ours) < 1.0001 * cost(theirs) and cost(ours) < 0.999 * cost(macenkos)
    assert (apart_deg(ours, theirs) < 0.3).all()


@pytest.mark.filterwarnings("ignore:Objective did not converge")  # to its last digits; steps go on from there
@pytest.mark.parametrize("seed", range(2))
def test_vahadanes_factors_are_the_best_that_dictionary_learning_finds(seed: int) -> None:
    assert_no_sparser_stains_are_known(drawn(seed))


@pytest.mark.filterwarnings("ignore:Objective did not converge")
def test_vahadanes_factors_are_the_best_on_a_section(nuclei_data: Path) -> None:
    listed = json.loads((nuclei_data / "monuseg/dataset.json").read_text())["training"]
    (image,) = sections([listed[0]["image"]], nuclei_data / "monuseg")
    assert_no_sparser_stains_are_known(image)
