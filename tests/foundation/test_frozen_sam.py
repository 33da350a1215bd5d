"""The frozen SAM: what it sees is what SAM's own program sees, at any size, and nothing ever changes it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from small_sam import save_small_sam

from common.foundation import FrozenSAM


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_sam(tmp_path_factory.mktemp("weights") / "sam")


@pytest.fixture
def sam(folder: Path) -> FrozenSAM:
    return FrozenSAM(folder, tile_px=64)


def image(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_at_its_own_size_it_is_sams_own_program(folder: Path, sam: FrozenSAM) -> None:
    """An independent way: transformers' model, behind the normalisation of SAM's published processor."""
    from transformers import SamModel

    pixels = (255 * image(2, 3, 64, 64)).round()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (pixels / 255 - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)
    with torch.no_grad():
        expected = SamModel.from_pretrained(folder).get_image_embeddings(normalised)
    assert expected.std() > 0.1, "the small SAM says something"
    torch.testing.assert_close(sam(pixels / 255).float(), expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (16, 16), (48, 32), (65, 64), (100, 130), (200, 16), (5, 7), (1, 90)]
)
def test_any_size_has_a_feature_for_every_16_pixels(sam: FrozenSAM, height: int, width: int) -> None:
    features = sam(image(2, 3, height, width))
    assert features.shape == (2, 8, -(-height // 16), -(-width // 16))
    assert features.dtype == torch.float16 and features.isfinite().all()


def test_positions_are_stretched_over_the_tile(folder: Path, tmp_path: Path) -> None:
    """What transformers' own model of that size gives, its positions interpolated beforehand."""
    from torch.nn.functional import interpolate
    from transformers import SamVisionModel

    own = SamVisionModel.from_pretrained(folder).state_dict()
    larger = SamVisionModel.from_pretrained(save_small_sam(tmp_path, whole=False, image_size=128))
    for name, value in larger.state_dict().items():
        if "rel_pos" in name and value.shape != own[name].shape:
            own[name] = interpolate(own[name].T[None], size=len(value), mode="linear")[0].T
    positions = own["vision_encoder.pos_embed"].permute(0, 3, 1, 2)
    own["vision_encoder.pos_embed"] = interpolate(positions, size=(8, 8), mode="bicubic").permute(0, 2, 3, 1)
    larger.load_state_dict(own)
    pixels = image(1, 3, 128, 128)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = larger((pixels - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)).last_hidden_state
    found = FrozenSAM(folder, tile_px=128)(pixels)
    torch.testing.assert_close(found.float(), expected, atol=5e-3, rtol=5e-3)


def test_a_tile_does_not_know_its_neighbours(sam: FrozenSAM) -> None:
    whole = image(1, 3, 128, 192)
    features = sam(whole)
    torch.testing.assert_close(features[..., :4, 4:8], sam(whole[..., :64, 64:128]))


def test_a_padded_image_has_the_features_of_the_image(sam: FrozenSAM) -> None:
    whole = image(1, 3, 90, 120)
    padded = torch.nn.functional.pad(whole, (0, 8, 0, 6), mode="reflect")
    assert torch.equal(sam(whole), sam(padded))


def test_a_batch_is_its_images(sam: FrozenSAM) -> None:
    batch = image(3, 3, 80, 64)
    torch.testing.assert_close(sam(batch), torch.cat([sam(one[None]) for one in batch]), atol=2e-3, rtol=2e-3)


def test_magnified_tiles_keep_the_grid(folder: Path) -> None:
    large = FrozenSAM(folder, tile_px=32, magnification=2)
    assert large(image(1, 3, 64, 48)).shape == (1, 8, 4, 3)
    assert large.digest == FrozenSAM(folder).digest


@pytest.mark.parametrize("value", [0.0, 1.0, -5.0, 1000.0])
def test_white_and_black_tiles_do_no_harm(sam: FrozenSAM, value: float) -> None:
    found = sam(torch.full((1, 3, 64, 64), value))
    assert found.isfinite().all()
    assert torch.equal(found, sam(torch.full((1, 3, 64, 64), min(1.0, max(0.0, value))))), "it is clipped"


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_grey_and_four_channels_are_refused(sam: FrozenSAM, channels: int) -> None:
    with pytest.raises(ValueError, match=f"the image has {channels} channels: choose three with --channels"):
        sam(image(1, channels, 64, 64))


@pytest.mark.parametrize("tile_px", [0, 8, 15, 100])
def test_a_tile_without_a_whole_patch_is_refused(folder: Path, tile_px: int) -> None:
    with pytest.raises(ValueError, match=f"tile_px is {tile_px}: choose a multiple of 16 px"):
        FrozenSAM(folder, tile_px=tile_px)
    with pytest.raises(ValueError, match="magnification is 0: choose a whole number"):
        FrozenSAM(folder, magnification=0)


def test_nothing_gets_at_its_weights(sam: FrozenSAM) -> None:
    network = torch.nn.Conv2d(3, 1, 1)
    network.sam = sam
    assert [name for name, _ in network.named_parameters()] == ["weight", "bias"]
    assert set(network.state_dict()) == {"weight", "bias"}
    network.train()
    assert not any(module.training for module in sam._encoder.modules())
    assert copy.deepcopy(network).sam is sam
    assert not sam(image(1, 3, 32, 32).requires_grad_()).requires_grad


def test_lower_precision_around_it_does_not_reach_it(sam: FrozenSAM) -> None:
    tile = image(1, 3, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sam(tile), sam(tile))
        lowered = sam(tile)
    assert torch.equal(lowered, sam(tile))


def test_it_travels_to_a_worker_by_its_name(sam: FrozenSAM) -> None:
    packed = pickle.dumps(sam)
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert again.digest == sam.digest and torch.equal(again(image(1, 3, 32, 32)), sam(image(1, 3, 32, 32)))
