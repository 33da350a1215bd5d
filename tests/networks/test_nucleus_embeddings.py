"""Embeddings tell kinds of nuclei apart, belong to their ids, and do not depend on tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer
from torch import nn

from common.networks import CellViT, ChannelNetCellViT, NucleusEmbeddingsd, TileInferer, nucleus_embeddings
from common.transforms import resample_image

SMALL = {"embed_dim": 24, "num_heads": 2, "skip_blocks": (1, 2, 3, 4), "features": (4, 4, 8, 8), "window": 4}


def two_kinds(side: int = 256, seed: int = 0) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Draw bright round and dim elongated nuclei; return the image, the label map, and the kind of each."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    image, label_map = 0.02 * rng.random((side, side)), np.zeros((side, side), np.int64)
    kinds = []
    for number, (row, column) in enumerate(np.ndindex(side // 32, side // 32), 1):
        kind = int(rng.integers(2))
        down, right = rows - 32 * row - rng.integers(13, 19), columns - 32 * column - rng.integers(13, 19)
        angle, axes = rng.uniform(0, np.pi), ((9, 9), (12, 4))[kind]
        along, across = (np.cos(angle) * a + np.sin(angle) * b for a, b in ((down, right), (right, -down)))
        inside = (along / axes[0]) ** 2 + (across / axes[1]) ** 2 < 1
        label_map[inside], image[inside] = number, (0.9, 0.3)[kind] + 0.05 * rng.random(int(inside.sum()))
        kinds.append(kind)
    return torch.from_numpy(image.astype(np.float32))[None], label_map, np.array(kinds)


def network(name: str = "cellvit", **options: object) -> nn.Module:
    torch.manual_seed(0)
    if name == "cellvit":
        return CellViT(1, 4, **{**SMALL, **options}).eval()
    return ChannelNetCellViT(None, 4, **{**SMALL, **options}).eval()


@pytest.mark.parametrize("name", ["cellvit", "channelnet_cellvit"])
def test_kinds_lie_apart_even_with_random_weights(name: str) -> None:
    image, label_map, kinds = two_kinds()
    own = network(name).train()
    with torch.no_grad():
        for _ in range(30):  # no weight is learnt; batch norms get to know the image's numbers
            own(image[None])
    found = nucleus_embeddings(own, image, label_map, inferer=TileInferer(divisor=16))
    assert found.shape == (64, 24) and found.dtype == np.float32
    apart = np.linalg.norm(found[:, None] - found[None], axis=-1)
    same = kinds[:, None] == kinds[None]
    others = ~np.eye(64, dtype=bool)
    assert apart[same & others].mean() < 0.8 * apart[~same].mean()
    shuffled = np.random.default_rng(0).permutation(kinds)
    at_random = shuffled[:, None] == shuffled[None]
    assert apart[at_random & others].mean() > 0.9 * apart[~at_random].mean(), "of no kinds it would not hold"


def test_it_is_the_mean_of_the_tokens_over_the_nucleus_pixels() -> None:
    image, label_map, _ = two_kinds(64)
    label_map[label_map == 2] = 7
    own = network()
    with torch.no_grad():
        tokens = own.tokens(image[None])[0]
    pixels = tokens.repeat_interleave(16, 1).repeat_interleave(16, 2).numpy()
    found = nucleus_embeddings(own, image, label_map, inferer=TileInferer(divisor=16))
    assert found.shape == (7, 24)
    for number in (1, 3, 7):
        assert np.allclose(found[number - 1], pixels[:, label_map == number].mean(axis=1), atol=1e-5)
    assert np.isnan(found[1]).all(), "no nucleus has this number"


def test_a_nucleus_that_tiles_cut_has_nearly_the_embedding_of_the_whole_image() -> None:
    image, label_map, _ = two_kinds(352)
    image, label_map = image[:, 16:336, 16:336], label_map[16:336, 16:336]
    own = network(window=4)
    whole = nucleus_embeddings(own, image, label_map, inferer=TileInferer(320, divisor=16, step_px=64))
    inferer = TileInferer(192, divisor=16, step_px=64)
    spans = [row for _, row, _ in inferer.tiles(image[None], own)]
    cuts = {span.first for span in spans} - {0}
    cut = np.unique(np.concatenate([label_map[c] * (label_map[c] == label_map[c - 1]) for c in cuts]))
    assert len(cut) > 10, "some nuclei are cut"
    tiled = nucleus_embeddings(own, image, label_map, inferer=inferer)
    there = ~np.isnan(whole).any(axis=1)
    scale = np.linalg.norm(whole[there][:, None] - whole[there][None], axis=-1).mean()
    assert np.linalg.norm((tiled - whole)[there], axis=1).max() < 0.05 * scale
    # An image that is no multiple of anything.
    odd = nucleus_embeddings(own, image[:, :301, :299], label_map[:301, :299], inferer=inferer)
    present = np.unique(label_map[:301, :299])[1:] - 1
    assert np.isfinite(odd[present]).all() and len(present) > 70


def test_training_mode_and_weights_are_as_they_were() -> None:
    image, label_map, _ = two_kinds(64)
    own = network().train()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    nucleus_embeddings(own, image, label_map, inferer=TileInferer(divisor=16))
    assert own.training and all(torch.equal(value, before[name]) for name, value in own.state_dict().items())


def test_an_image_without_nuclei_has_a_table_without_rows() -> None:
    image, label_map, _ = two_kinds(64)
    found = nucleus_embeddings(network(), image, 0 * label_map, inferer=TileInferer(divisor=16))
    assert found.shape == (0, 24)


def test_as_a_step_of_a_pipeline_on_the_grid_of_the_nuclei() -> None:
    image, label_map, _ = two_kinds(64)
    options = {"network": network(), "inferer": TileInferer(divisor=16), "resample": resample_image}
    step = NucleusEmbeddingsd("pred_map", **options)
    item = {"image": image, "pred_map": torch.from_numpy(label_map)[None]}
    found = step(item)["embeddings"]
    expected = nucleus_embeddings(options["network"], image, label_map, inferer=options["inferer"])
    assert np.array_equal(found, expected)
    twice = {**item, "pred_map": item["pred_map"].repeat_interleave(2, 1).repeat_interleave(2, 2)}
    assert step(twice)["embeddings"].shape == found.shape
    cells = {**item, "pred_map": torch.cat([item["pred_map"], 1 + 0 * item["pred_map"]])}
    assert np.array_equal(step(cells)["embeddings"], expected), "of the nuclei"
    assert NucleusEmbeddingsd("pred_map", enabled=False, **options)(item).keys() == item.keys()


def test_a_network_without_tokens_is_refused_in_a_sentence() -> None:
    options = {"inferer": TileInferer(divisor=16), "resample": resample_image}
    with pytest.raises(ValueError, match="--embeddings True needs a transformer .*: Conv2d has none"):
        NucleusEmbeddingsd("pred_map", network=nn.Conv2d(1, 1, 1), **options)
    assert NucleusEmbeddingsd("pred_map", network=nn.Conv2d(1, 1, 1), enabled=False, **options)({}) == {}
    # An inferer of MONAI's is as good as ours where nothing is asked for.
    options["inferer"] = SimpleInferer()
    assert NucleusEmbeddingsd("pred_map", network=network(), enabled=False, **options)({}) == {}
    with pytest.raises(ValueError, match="needs common.networks.TileInferer.*the inferer is SimpleInferer"):
        NucleusEmbeddingsd("pred_map", network=network(), **options)
