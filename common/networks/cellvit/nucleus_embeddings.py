"""What a transformer knows of each nucleus: the mean of its tokens over the nucleus' pixels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.inferers import Inferer
from monai.networks.utils import eval_mode
from monai.transforms import MapTransform
from scipy import sparse
from torch import Tensor, nn

from ..tile_inferer import TileInferer

EMBEDDINGS_KEY = "embeddings"
Resample = Callable[[Tensor, Sequence[int]], Tensor]


def nucleus_embeddings(
    network: nn.Module, image: Tensor, label_map: np.ndarray, *, inferer: TileInferer
) -> np.ndarray:
    """Return the mean of a network's tokens over the pixels of each nucleus.

    A pixel has the token of the patch that it lies in. An image that is too large goes through in tiles; a
    nucleus that a tile's edge cuts gets from each tile the part whose maps that tile gave, weighed by pixels.
    Beside the tokens nothing is kept, so that memory does not grow with the image.

    Args:
        network: has `tokens(image)`, the tokens of its encoder's last block as a map, and `token_px`, the
            side of a patch. It runs in evaluation mode, in float32.
        image: as the network gets it.
        label_map: the nuclei on the same grid; ids as they are, best without large gaps.
        inferer: says which tiles there are.

    Shapes:
        image: (c, h, w).
        label_map: (h, w), 0..N.
        returns: (N, d) float32; row i - 1 is that of nucleus i, NaN where there is none.

    References:
        Hörst et al., CellViT, Medical Image Analysis, 2024, where tokens of a cell's place describe it; here
        weighed by pixels.
    """
    count, (height, width) = int(label_map.max(initial=0)), label_map.shape
    device = next(network.parameters()).device
    images = torch.as_tensor(image).as_subclass(Tensor).float()[None].to(device)
    sums: np.ndarray | None = None
    with eval_mode(network):
        for tile, row, column in inferer.tiles(images, network):
            kept = label_map[row.first : min(row.last, height), column.first : min(column.last, width)]
            if sums is not None and not kept.any():
                continue
            tokens: Tensor = network.tokens(tile)[0]  # type: ignore[operator]
            rows, columns = (
                (np.arange(span.first, min(span.last, size)) - span.start) // network.token_px
                for span, size in ((row, height), (column, width))
            )
            patches = rows[:, None] * tokens.shape[2] + columns
            inside = kept > 0
            pixels = sparse.csr_matrix(
                (np.ones(int(inside.sum()), np.float32), (kept[inside] - 1, patches[inside])),
                (count, tokens.shape[1] * tokens.shape[2]),
            )  # how many pixels of each nucleus lie in each patch
            found = pixels @ tokens.flatten(1).T.float().cpu().numpy()
            sums = found if sums is None else sums + found
    assert sums is not None
    areas = np.bincount(label_map.ravel(), minlength=count + 1)[1:, None]
    with np.errstate(invalid="ignore"):
        result: np.ndarray = (sums / areas).astype(np.float32)
    return result


class NucleusEmbeddingsd(MapTransform):
    """Add the embedding of each nucleus to an item whose maps were decoded, before they are resized.

    Args:
        keys: the label map; one key. Of two planes the first, the nuclei.
        network: what found the nuclei.
        inferer: what ran it over images.
        resample: an image (c, h, w) and a height and width -> the image of that size, where nuclei were found
            on another grid than the image was brought to.
        enabled: whether to add anything.
        image_key: the image as the network got it.
        allow_missing_keys: skip absent keys.

    Shapes:
        label map: (k, h, w), integers.
        "embeddings": (N, d) float32, see `nucleus_embeddings`.

    Raises:
        ValueError: the network has no tokens, or the inferer no tiles.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        network: nn.Module,
        inferer: Inferer,
        resample: Resample,
        enabled: bool = True,
        image_key: str = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if enabled and not isinstance(inferer, TileInferer):
            raise ValueError(
                f"--embeddings True needs common.networks.TileInferer, which tells where tiles lie, and the "
                f"inferer is {type(inferer).__name__}: leave one of the two out"
            )
        if enabled and not hasattr(network, "tokens"):
            raise ValueError(
                f"--embeddings True needs a transformer that describes an image in tokens, as cellvit and "
                f"channelnet_cellvit have: {type(network).__name__} has none, leave the option out"
            )
        self.network, self.inferer, self.resample = network, inferer, resample
        self.enabled, self.image_key = enabled, image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add them."""
        d = dict(data)
        if self.enabled:
            for key in self.key_iterator(d):
                label_map = np.asarray(torch.as_tensor(d[key]).cpu())[0]
                image = torch.as_tensor(d[self.image_key]).as_subclass(Tensor)
                if tuple(image.shape[1:]) != label_map.shape:
                    image = self.resample(image.cpu(), label_map.shape)
                assert isinstance(self.inferer, TileInferer)
                d[EMBEDDINGS_KEY] = torch.from_numpy(
                    nucleus_embeddings(self.network, image, label_map, inferer=self.inferer)
                )
        return d
