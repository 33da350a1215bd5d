"""Kept features: those of the very pixels and weights, whole or made anew."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from small_sam import save_small_sam

from common.foundation import FeatureCache, FoundationFeaturesd, FrozenSAM


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("weights")
    return save_small_sam(place / "one"), save_small_sam(place / "other", seed=1)


def image(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 96, 80, generator=torch.Generator().manual_seed(seed))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_frozen_work_is_not_repeated(folders, encoded, tmp_path: Path) -> None:
    first = FrozenSAM(folders[0], tile_px=64, cache_dir=tmp_path)
    found = first(image(), keep=True)
    assert sum(encoded) == 4 and len(files(tmp_path)) == 4, "a file for each tile"
    assert torch.equal(found, first(image(), keep=True))
    # Another process has the same folder.
    assert torch.equal(found, FrozenSAM(folders[0], tile_px=64, cache_dir=tmp_path)(image(), keep=True))
    assert sum(encoded) == 4
    torch.testing.assert_close(found, FrozenSAM(folders[0], tile_px=64)(image()), atol=2e-3, rtol=2e-3)


def test_what_never_comes_again_is_not_kept(folders, tmp_path: Path) -> None:
    FrozenSAM(folders[0], cache_dir=tmp_path)(image())
    FrozenSAM(folders[0])(image(), keep=True)
    assert not files(tmp_path)


@pytest.mark.parametrize("changed", ["pixels", "weights", "magnification", "tile"])
def test_other_pixels_weights_or_settings_have_features_of_their_own(
    folders, encoded, tmp_path: Path, changed: str
) -> None:
    FrozenSAM(folders[0], tile_px=64, cache_dir=tmp_path)(image(), keep=True)
    before = sum(encoded)
    options = {"tile_px": 32 if changed == "tile" else 64, "cache_dir": tmp_path}
    options |= {"magnification": 2} if changed == "magnification" else {}
    other = FrozenSAM(folders[changed == "weights"], **options)
    pixels = image()
    if changed == "pixels":
        pixels[0, 0, 0, 0] += 1 / 256
    found = other(pixels, keep=True)
    assert sum(encoded) > before
    fresh = FrozenSAM(folders[changed == "weights"], **{**options, "cache_dir": None})
    torch.testing.assert_close(found, fresh(pixels), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("damage", ["byte", "cut", "empty", "text"])
def test_a_damaged_file_is_made_anew(folders, tmp_path: Path, damage: str, caplog) -> None:
    sam = FrozenSAM(folders[0], tile_px=96, cache_dir=tmp_path)
    found = sam(image(), keep=True)
    [file] = files(tmp_path)
    whole = file.read_bytes()
    place = whole.index(b"\n") + 40  # behind the array's header: a feature
    spoilt = {
        "byte": whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :],
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"no features",
    }
    file.write_bytes(spoilt[damage])
    with caplog.at_level(logging.WARNING):
        assert torch.equal(sam(image(), keep=True), found)
    assert f"{file} is damaged and is made anew" in caplog.text
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path, caplog) -> None:
    (tmp_path / "file").touch()
    cache = FeatureCache(tmp_path / "file", b"key")
    with caplog.at_level(logging.WARNING):
        for seed in (0, 1):
            assert cache.take(image(seed)[0], lambda tile: tile[:1, :2, :2]).shape == (1, 2, 2)
    assert caplog.text.count("cannot be written") == 1


def test_the_transform_puts_features_beside_the_image(folders, encoded, tmp_path: Path) -> None:
    sam = FrozenSAM(folders[0], tile_px=64, cache_dir=tmp_path)
    step = FoundationFeaturesd("image", sam)
    before = image()[0]
    item = step({"image": before, "label": 1})
    assert item["image"] is before and item["label"] == 1
    assert torch.equal(item["features"], sam(before[None], keep=True)[0])
    assert sum(encoded) == 4, "the second time they came from the disk"
    assert "features" not in FoundationFeaturesd("picture", sam, allow_missing_keys=True)({"image": before})


def test_a_worker_has_a_model_of_its_own_where_the_gpus_cannot_be_reached(
    folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = FrozenSAM(folders[0])
    on_cpu, on_gpu = FoundationFeaturesd("image", sam), FoundationFeaturesd("image", sam, device="cuda")
    assert on_gpu._model() == (sam, torch.device("cuda"))
    monkeypatch.setattr(torch.utils.data, "get_worker_info", object)
    assert on_cpu._model()[0] is sam
    own, device = on_gpu._model()
    assert own is not sam and device == torch.device("cpu") and on_gpu._model()[0] is own
    assert torch.equal(on_gpu({"image": image()[0]})["features"], sam(image())[0])
