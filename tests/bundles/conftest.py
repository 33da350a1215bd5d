"""Bundles as they lie on disk, a small sample to run them on, and MONAI's own runner in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigWorkflow

from common.sample import write_sample

ROOT = Path(__file__).parents[2]
BUNDLES = sorted(path.parents[1].name for path in ROOT.glob("bundles/*/configs/train.json"))
# Enough to go through everything once: two steps of two small crops.
SHORT = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "warmup_epochs": 0}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that asks for a `bundle` each bundle on disk."""
    if "bundle" in metafunc.fixturenames:
        metafunc.parametrize("bundle", BUNDLES)


@pytest.fixture(scope="session", autouse=True)
def _every_bundle_finds_what_it_needs(fetched_sam: Path) -> None:
    """A bundle that needs weights from outside finds small random ones where its default has them."""


@pytest.fixture(scope="session")
def sample_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a data set of eight images of 96 x 80 pixels, of the kind that a bundle (and overlay) is for."""

    @cache
    def write(modality: str) -> Path:
        folder = tmp_path_factory.mktemp("data") / "sample"
        return write_sample(folder, modality=modality, counts=(4, 2, 2), shape=(96, 80))

    def suits(bundle: str, overlay: str | None = None) -> Path:
        return write(modality_of(bundle, overlay))

    return suits


@pytest.fixture
def sample(request: pytest.FixtureRequest, sample_of: Callable[..., Path]) -> Path:
    """The data set that suits the bundle of the test (its parameter `bundle` or `name`) and its `overlay`."""
    parameters = request.node.callspec.params
    return sample_of(parameters.get("bundle") or parameters["name"], parameters.get("overlay"))


def without_foundation(bundle: str) -> dict[str, Any]:
    """Return what else is replaced with a bundle's network: what asks its foundation model for features."""
    network = json.loads((ROOT / "bundles" / bundle / "configs" / "train.json").read_text())["network_def"]
    return {"before_cropping": []} if "foundation" in network else {}


def modality_of(bundle: str, overlay: str | None = None) -> str:
    """Return the kind of images that a bundle, or one of its overlays, trains on unless told otherwise."""
    configs = ROOT / "bundles" / bundle / "configs"
    said = json.loads((configs / "train.json").read_text())["dataset_dir"]
    file = configs / f"{overlay}.json"
    changed = json.loads(file.read_text()) if file.is_file() else {}
    return str(changed.get("dataset_dir", said)).removeprefix("runs/sample_")


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ConfigWorkflow]:
    """Make a bundle's workflow as a program does, from the repository's root, without MLflow."""
    monkeypatch.chdir(ROOT)

    def make(bundle: str, config: str = "train", *overlays: str, **options: Any) -> ConfigWorkflow:
        folder = f"bundles/{bundle}/configs"
        if config == "train":
            options = {"mlflow": False, **SHORT, **options}
            if "sam_cache" in json.loads(Path(folder, "train.json").read_text()):
                options = {"sam_cache": str(tmp_path / "sam_features"), **options}
        return ConfigWorkflow(
            config_file=[f"{folder}/{name}.json" for name in (config, *overlays)],
            meta_file=f"{folder}/metadata.json",
            workflow_type=config,
            logging_file=False,
            **options,
        )

    return make
