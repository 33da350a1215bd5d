"""The lines of docs/pipelines.md, run as they stand, against what napari, sopa and LazySlide hand over."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from skimage.measure import label

import common

TEXT = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text("utf-8")


def lines_of(title: str) -> str:
    """Return the Python of a section."""
    section = TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return code


def bright_pieces(name: str, **options: Any) -> Callable[..., np.ndarray]:
    """Stand for a segmenter, with a segmenter's checks: bright pieces are nuclei."""

    def segment(image: np.ndarray, *, axes: str = "yx") -> np.ndarray:
        assert isinstance(image, np.ndarray) and image.ndim == len(axes), (name, image.shape, axes)
        return label(image if axes == "yx" else image[options.get("channels") or 0]).astype(np.int32)

    return segment


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    """Put a package with these parts where Python looks for it."""
    monkeypatch.setattr(common, "load_segmenter", bright_pieces)

    def make(name: str, **parts: Any) -> types.ModuleType:
        made = types.ModuleType(name)
        vars(made).update(parts)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


@pytest.fixture
def squares() -> np.ndarray:
    image = np.zeros((30, 40), np.uint8)
    image[2:8, 3:9] = image[15:25, 20:33] = 200
    return image


@pytest.mark.filterwarnings("ignore")  # of napari, at its import
def test_napari(
    module: Callable[..., Any], squares: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With napari itself where it is installed, without a window; else with its three layers as told."""
    viewers: list[Any] = []
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", squares)
    try:
        # By name: it is not one of the packages that tests need.
        napari, ViewerModel = import_module("napari"), import_module("napari.components").ViewerModel
    except ImportError:
        napari = module("napari", Viewer=None, run=None)

        class ViewerModel:
            def __init__(self) -> None:
                self.layers: dict[str, Any] = {}

            def add_image(self, data: Any, *, name: str) -> None:
                self.layers[name] = types.SimpleNamespace(data=data)

            def add_labels(self, data: Any, *, name: str) -> None:
                assert np.issubdtype(data.dtype, np.integer)
                self.add_image(data, name=name)

            def add_shapes(self, data: Any, *, name: str, shape_type: str, **look: Any) -> None:
                assert shape_type == "polygon" and look.keys() == {"edge_color", "face_color", "edge_width"}
                assert all(ring.ndim == 2 and ring.shape[1] == 2 for ring in data)
                self.add_image(data, name=name)

    def viewer() -> Any:
        viewers.append(ViewerModel())
        return viewers[-1]

    monkeypatch.setattr(napari, "Viewer", viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    exec(compile(lines_of("napari"), "docs/pipelines.md", "exec"), {})
    layers = viewers[0].layers
    assert np.array_equal(layers["image"].data, squares)
    assert np.array_equal(layers["nuclei"].data, label(squares))
    first, second = (np.asarray(ring) for ring in layers["outlines"].data)
    # Edges of pixels, rows before columns, where the centre of the first pixel is 0, 0.
    assert (first.min(0).tolist(), first.max(0).tolist()) == ([1.5, 2.5], [7.5, 8.5])
    assert (second.min(0).tolist(), second.max(0).tolist()) == ([14.5, 19.5], [24.5, 32.5])


def test_sopa(module: Callable[..., Any], squares: np.ndarray) -> None:
    """It calls the function with channels, rows and columns, and wants whole numbers of that size."""
    told: dict[str, Any] = {}

    def custom_staining_based(sdata: Any, method: Any, channels: list[str], **options: Any) -> None:
        found = method(squares[None].astype(np.uint16))
        assert found.shape == squares.shape and np.issubdtype(found.dtype, np.integer)
        told.update(options, sdata=sdata, channels=channels, nuclei=found.max())

    segmentation = module("sopa.segmentation", custom_staining_based=custom_staining_based)
    patches: list[dict[str, Any]] = []
    make_patches = lambda sdata, **options: patches.append(options)  # noqa: E731
    module("sopa", segmentation=segmentation, make_image_patches=make_patches)
    exec(compile(lines_of("sopa"), "docs/pipelines.md", "exec"), {"sdata": "the data"})
    assert told["nuclei"] == 2 and told["sdata"] == "the data" and told["channels"] == ["DAPI"]
    assert (told["gaussian_sigma"], told["clip_limit"]) == (0, 0), "the pixels as they are"
    assert patches == [{"patch_width": 2000, "patch_overlap": 60}]


def test_lazyslide(module: Callable[..., Any], squares: np.ndarray) -> None:
    """Its runner transforms tiles (rows, columns, colours), stacks them, and takes `instance_map` apart."""
    found: list[np.ndarray] = []

    def cells(wsi: Any, *, model: Any) -> None:
        assert isinstance(model.name, str) and isinstance(model.model, torch.nn.Module)
        model = model.to("cpu") or model
        model.try_compile(mode="default")
        transform = model.get_transform()
        tiles = torch.stack([transform(np.repeat(squares[..., None], 3, 2))] * 2)
        output = model.segment(tiles)
        assert output.instance_map.shape == (len(tiles), *squares.shape)
        found.extend(output.instance_map.numpy())

    module("lazyslide_models", base=None)
    module("lazyslide_models.base", SegmentationOutput=lambda **maps: types.SimpleNamespace(**maps))
    tiled: list[Any] = []
    tiles = types.SimpleNamespace(tile_tissues=lambda wsi, px, **options: tiled.append((px, options)))
    module("lazyslide", pp=tiles, seg=types.SimpleNamespace(cells=cells))
    exec(compile(lines_of("LazySlide"), "docs/pipelines.md", "exec"), {"wsi": "a slide"})
    assert len(found) == 2 and all(np.array_equal(each, label(squares)) for each in found)
    assert tiled == [(512, {"mpp": 0.5, "overlap": 64})]
