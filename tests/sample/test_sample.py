"""Laws of the embedded sample: a seed gives its bytes, nuclei are whole, many touch."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.measure import label, regionprops
from skimage.segmentation import clear_border

from common import sample
from common.sample import fields as sample_fields
from common.sample import writing as sample_writing

EXPECTED = {
    **{"fluorescence": (1, np.uint8), "multiplex": (3, np.uint16)},
    **{"cells": (3, np.uint16), "he": (3, np.uint8)},
}


def pieces(label_map: np.ndarray) -> int:
    """Number of connected objects when pixels of different nuclei do not connect."""
    return int(label(label_map, connectivity=1, background=0).max())


def test_smooth_noise_has_variance_one_at_every_scale() -> None:
    for scale in (2.0, 6.0, 20.0):
        field = sample_fields.smooth_noise((900, 700), np.random.default_rng(0), scale_px=scale)
        assert field.shape == (900, 700)
        assert field.std() == pytest.approx(1, abs=0.08)


def test_geometry_of_a_disc() -> None:
    row, column = np.mgrid[-30:31, -30:31]
    radius = np.hypot(row, column)
    geometry = sample_fields.measure_geometry((radius <= 15).astype(np.int32))
    inside = radius <= 14
    np.testing.assert_allclose(geometry.depth_px[inside], 16 - radius[inside], atol=1.1)
    np.testing.assert_allclose(geometry.reach_px[radius > 16], radius[radius > 16] - 15, atol=1.1)
    assert (geometry.nearest == 1).all()


@pytest.mark.parametrize("label_map", [np.zeros((40, 30), np.int32), np.ones((40, 30), np.int32)])
def test_every_look_takes_empty_and_full_label_maps(label_map: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    assert sample.render_fluorescence(label_map, rng, 4).shape == (4, 40, 30)
    assert sample.render_he(label_map, rng).shape == (3, 40, 30)


@pytest.mark.parametrize("radius_px", [5.0, 9.0, 14.0])
def test_nuclei_are_whole_numbered_without_gaps_and_not_tiny(radius_px: float) -> None:
    label_map = sample.draw_label_map((256, 200), rng=np.random.default_rng(1), radius_px=radius_px)
    area = np.bincount(label_map.ravel())[1:]
    assert label_map.shape == (256, 200)
    assert area.min() >= 25
    assert pieces(label_map) == len(area)
    # Typical size as asked for (overlap and the border take some).
    assert 0.6 * radius_px < np.sqrt(np.median(area) / np.pi) < 1.1 * radius_px


def test_nuclei_are_nearly_but_not_quite_ellipses() -> None:
    options = {"clustering": 0.0, "density": 0.2, "radius_px": 12.0}
    label_map = clear_border(sample.draw_label_map((512, 512), rng=np.random.default_rng(1), **options))
    nuclei = [each for each in regionprops(label_map) if each.area > 200]
    # Of an ellipse both are 1, but for the width of a pixel.
    areas = [each.area / (np.pi / 4 * each.axis_major_length * each.axis_minor_length) for each in nuclei]
    solidity = [each.solidity for each in nuclei]
    assert 0.95 < np.median(areas) < 0.999 and 0.9 < np.median(solidity) < 0.975


def test_neighbours_share_long_borders() -> None:
    label_map = sample.draw_label_map((256, 256), rng=np.random.default_rng(2), clustering=1.0)
    shared = [0] * (label_map.max() + 1)
    for one, other in ((label_map[1:], label_map[:-1]), (label_map[:, 1:], label_map[:, :-1])):
        for label_of in (one, other):
            count = np.bincount(label_of[(one != other) & (one > 0) & (other > 0)], minlength=len(shared))
            shared = shared + count
    assert np.median(shared[1:]) > 9  # pixel edges: half of the typical diameter


def test_density_and_clustering_do_what_they_say() -> None:
    def cover(density: float) -> float:
        drawn = sample.draw_label_map((512, 512), rng=np.random.default_rng(3), density=density)
        return float((drawn > 0).mean())

    assert sample.draw_label_map((64, 64), rng=np.random.default_rng(0), density=0.0).max() == 0
    assert cover(0.2) < cover(0.4) < cover(0.6)
    assert all(abs(cover(d) - d) < 0.1 for d in (0.2, 0.4, 0.6))
    shares = []
    for clustering in (0.0, 0.5, 1.0):
        options = {"density": 0.3, "clustering": clustering}
        drawn = sample.draw_label_map((512, 512), rng=np.random.default_rng(4), **options)
        shares.append(label(drawn > 0, connectivity=1).max() / drawn.max())
    assert shares[0] > 0.9 > shares[1] > shares[2]


@pytest.mark.parametrize("modality", sample.MODALITIES)
def test_same_seed_same_bytes_other_seed_other_bytes(modality: str) -> None:
    image, label_map = sample.make_image(modality, (96, 130), seed=5)
    again, same = sample.make_image(modality, (96, 130), seed=5)
    other, different = sample.make_image(modality, (96, 130), seed=6)
    channels, dtype = EXPECTED[modality]
    assert image.shape == (channels, 96, 130) and image.dtype == dtype and label_map.shape == (96, 130)
    assert image.tobytes() == again.tobytes() and label_map.tobytes() == same.tobytes()
    assert image.tobytes() != other.tobytes() and label_map.tobytes() != different.tobytes()


@pytest.mark.parametrize("modality", sample.MODALITIES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (33, 9)])
def test_odd_shapes(modality: str, shape: tuple[int, int]) -> None:
    image, label_map = sample.make_image(modality, shape, seed=0)
    assert image.shape[1:] == label_map.shape == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_multiplex_has_any_number_of_channels(channels: int, dtype: type[np.generic]) -> None:
    image, _ = sample.make_image("multiplex", (64, 64), seed=0, channels=channels, dtype=dtype)
    assert image.shape == (channels, 64, 64) and image.dtype == dtype
    assert len(sample.channel_names("multiplex", channels)) == channels
    assert (image.std(axis=(1, 2)) > 0).all()


def test_nuclei_are_brighter_or_bluer_than_what_is_around_them() -> None:
    for seed in range(4):
        dapi, label_map = sample.make_image("fluorescence", seed=seed)
        inside = label_map > 0
        assert np.median(dapi[0][inside]) > 2 * np.median(dapi[0][~inside])
        stained, same = sample.make_image("he", seed=seed)
        assert (same == label_map).all()  # a seed's nuclei do not depend on the look
        red = stained[0].astype(float)
        assert np.median(red[inside]) < np.median(red[~inside]) - 25


def test_a_subtle_dip_runs_between_touching_nuclei() -> None:
    ratios = []
    for seed in range(4):
        dapi, label_map = sample.make_image("fluorescence", seed=seed)
        right, here = label_map[:, 1:], label_map[:, :-1]
        row, column = np.nonzero((right != here) & (right > 0) & (here > 0))
        keep = (column > 4) & (column < 250)
        row, column = row[keep], column[keep]
        sides = label_map[row, column - 4] == label_map[row, column]
        sides &= label_map[row, column + 5] == label_map[row, column + 1]
        row, column = row[sides], column[sides]
        grey = dapi[0].astype(float)
        border = grey[row, column] + grey[row, column + 1]
        ratios.append(np.median(border / (grey[row, column - 4] + grey[row, column + 5])))
    assert 0.6 < np.mean(ratios) < 0.95


def score_of_connected_components(label_maps: list[np.ndarray]) -> float:
    """Pooled F1 at IoU 0.5 of the connected components of the true foreground."""
    hits = true_count = found_count = 0
    for truth in label_maps:
        found = label(truth > 0, connectivity=1)
        rows, columns = int(truth.max()) + 1, int(found.max()) + 1
        pair = truth.astype(np.int64) * columns + found
        common = np.bincount(pair.ravel(), minlength=rows * columns).reshape(rows, columns)
        union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
        hits += int((common / np.maximum(union, 1) > 0.5)[1:, 1:].sum())
        true_count, found_count = true_count + rows - 1, found_count + columns - 1
    return 2 * hits / (true_count + found_count)


def test_connected_components_of_the_truth_do_not_solve_the_default_set(tmp_path: Path) -> None:
    folder = sample.write_sample(tmp_path / "set", counts=(1, 0, sample_writing.COUNTS[2]))
    items = json.loads((folder / "dataset.json").read_text())["test"]
    truth = [tifffile.imread(folder / item["label"]) for item in items]
    assert len(truth) == sample_writing.COUNTS[2]
    assert score_of_connected_components(truth) <= 0.55


@pytest.mark.parametrize("modality", sample.MODALITIES)
def test_written_set_is_what_was_made(modality: str, tmp_path: Path) -> None:
    options = {"modality": modality, "seed": 3, "counts": (2, 1, 1), "shape": (64, 80)}
    folder = sample.write_sample(tmp_path / "a" / "set", **options)
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    assert content["name"] == f"sample_{modality}"
    assert content["channels"] == sample.channel_names(modality)
    assert [len(content[split]) for split in sample_writing.SPLITS] == [2, 1, 1]
    for number, split in enumerate(sample_writing.SPLITS):
        for i, item in enumerate(content[split]):
            image, label_map = sample.make_image(modality, (64, 80), seed=(3, number, i))
            path = folder / item["image"]
            if modality in ("multiplex", "cells"):
                with tifffile.TiffFile(path) as tiff:
                    assert tiff.is_ome
                    assert all(f'Name="{name}"' in tiff.ome_metadata for name in content["channels"])
                    read = tiff.asarray()
            else:
                read = np.asarray(Image.open(path))
                read = read.transpose(2, 0, 1) if modality == "he" else read[None]
            np.testing.assert_array_equal(read, image)
            written = tifffile.imread(folder / item["label"])
            assert written.dtype == np.uint16
            np.testing.assert_array_equal(written, label_map)
            if modality == "cells":
                cells = sample.make_cells((64, 80), seed=(3, number, i))[2]
                np.testing.assert_array_equal(tifffile.imread(folder / item["cell_label"]), cells)
            else:
                assert "cell_label" not in item
    assert sorted(p.name for p in folder.parent.iterdir()) == ["set"]


def test_two_written_sets_are_byte_for_byte_equal(tmp_path: Path) -> None:
    options = {"modality": "multiplex", "counts": (1, 1, 1), "shape": (48, 48)}
    a, b = (sample.write_sample(tmp_path / name, **options) for name in "ab")
    files = [p.relative_to(a) for p in sorted(a.rglob("*")) if p.is_file()]
    assert len(files) == 7
    assert all((a / f).read_bytes() == (b / f).read_bytes() for f in files)


def test_a_set_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sample_writing, "_write_datalist", fail)
    with pytest.raises(OSError, match="disk full"):
        sample.ensure_sample(tmp_path / "set", counts=(1, 0, 0), shape=(32, 32))
    assert list(tmp_path.iterdir()) == []


def test_ensure_makes_once_says_so_and_leaves_a_present_set_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "set"
    folder.mkdir()  # empty is as good as absent
    options = {"counts": (1, 0, 0), "shape": (32, 32)}
    assert sample.ensure_sample(folder, **options) == folder
    assert [str(folder) in record.getMessage() for record in caplog.records] == [True]
    (folder / "dataset.json").write_text("mine")
    assert sample.ensure_sample(folder, seed=9, **options) == folder
    assert len(caplog.records) == 1 and (folder / "dataset.json").read_text() == "mine"
    with pytest.raises(FileExistsError, match="not an empty folder"):
        sample.write_sample(folder, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda folder: sample.make_image("dapi", seed=0), "modality 'dapi' is unknown"),
        (lambda folder: sample.make_image("he", seed=0, channels=4), "channels 4 does not fit"),
        (lambda folder: sample.make_image("he", seed=0, dtype=np.uint16), "dtype uint16 does not go"),
        (lambda folder: sample.make_cells(seed=0, channels=1), "channels 1 does not fit modality 'cells'"),
        (lambda folder: sample.make_image("multiplex", seed=0, channels=0), "channels 0 must be 1 or more"),
        (lambda folder: sample.make_image(seed=0, dtype=np.float32), "dtype float32 cannot be rendered"),
        (lambda folder: sample.make_image(seed=0, density=0.9), "density 0.9 must lie in"),
        (lambda folder: sample.make_image(seed=0, clustering=-0.5), "clustering -0.5 must lie in"),
        (lambda folder: sample.make_image(seed=0, radius_px=1.0), "radius_px 1.0 is too small"),
        (lambda folder: sample.make_image(seed=0, elongation=0.5), "elongation 0.5 must be 1 or more"),
        (lambda folder: sample.make_image("he", (0, 5), seed=0), r"shape \(0, 5\) must be"),
        (lambda folder: sample.write_sample(folder / "x", counts=(1, 2)), r"counts \(1, 2\) must be three"),
    ],
)
def test_wrong_options_are_named(call, message: str, tmp_path: Path) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match=message):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []
