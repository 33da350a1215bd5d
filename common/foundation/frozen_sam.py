"""SAM's image encoder as a fixed function: image of any size -> features, never trained, never saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from .feature_cache import FeatureCache
from .sam_weights import DEFAULT_WEIGHTS, digest_of, load_sam_encoder

__all__ = ["FrozenSAM"]

# Of the red, green and blue of SAM's own training, in 0..255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# What is computed changed: features that were kept before have other names then.
_VERSION = 1


class FrozenSAM:
    """Features of SAM for every square of 16 x 16 pixels of an image.

    It is no module of torch on purpose: a network that holds it has none of its weights among its parameters
    or in its state dict, cannot train it, and does not copy it when it is copied. It moves to the device of
    the image that it is given, computes in float32 and without gradients, and is pickled by the name of its
    weights.

    SAM was trained on images of 1024 x 1024 pixels, 64 x 64 patches. Here it sees tiles: its positions are
    interpolated to their size, the absolute ones here, the relative ones by SAM's own code. An image that is
    larger than a tile is cut on a grid that begins at its first pixel, and mirrored up to the grid's end, so
    that a tile has the same features whatever lies around it; a smaller one is seen whole.

    Args:
        weights: see `load_sam_encoder`.
        tile_px: side of a tile, a multiple of 16.
        magnification: how much tiles are enlarged before SAM sees them; at 4 a tile of 256 px has the 1024 px
            that SAM was trained on, for 16 times the time. Features are then averaged over each 16 x 16
            pixels.
        cache_dir: folder in which features are kept that are asked for with `keep`; None keeps nothing.

    Attributes:
        in_channels: channels of the image: red, green, blue.
        features: channels of the features, 256 in SAM's three sizes.
        stride_px: pixels of the image to a feature, 16.
        digest: 16 bytes that tell these features from those of other weights or settings.

    Raises:
        FileNotFoundError: see `load_sam_encoder`.
        ValueError: the tile holds no patch, or see `load_sam_encoder`.

    References:
        Kirillov et al., Segment anything, ICCV 2023, section 3 (image encoder).
    """

    in_channels = 3
    stride_px = 16

    def __init__(
        self,
        weights: str | Path = DEFAULT_WEIGHTS,
        *,
        tile_px: int = 256,
        magnification: int = 1,
        cache_dir: str | Path | None = None,
    ) -> None:
        if tile_px < self.stride_px or tile_px % self.stride_px:
            raise ValueError(
                f"SAM's tile_px is {tile_px}: choose a multiple of {self.stride_px} px, the side of its "
                "patches, such as 256"
            )
        if magnification < 1:
            raise ValueError(f"SAM's magnification is {magnification}: choose a whole number of 1 or more")
        self._options: dict[str, Any] = {
            **{"weights": weights, "tile_px": tile_px},
            **{"magnification": magnification, "cache_dir": cache_dir},
        }
        self.tile_px, self.magnification = tile_px, magnification
        self._encoder = cast(Any, load_sam_encoder(weights))
        self.features = int(self._encoder.config.output_channels)
        # The tile's size decides which pixels a tile has, which the cache sees by itself.
        self.digest = digest_of(self._encoder)
        self._mean, self._std = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, STD))
        self._cache = None
        if cache_dir is not None:
            key = b"%s %d %d" % (self.digest, magnification, _VERSION)
            self._cache = FeatureCache(cache_dir, key)

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenSAM:
        return self  # it never changes

    def __getstate__(self) -> dict[str, Any]:
        return self._options

    def __setstate__(self, options: dict[str, Any]) -> None:
        self.__init__(**options)  # type: ignore[misc]

    @torch.no_grad()
    def __call__(self, image: Tensor, *, keep: bool = False) -> Tensor:
        """Return the features of images.

        Args:
            image: as the network sees it.
            keep: whether the same pixels will come again: features are then taken from `cache_dir`, or put
                there.

        Shapes:
            image: (b, 3, h, w), red, green, blue in 0..1; what lies beyond is clipped.
            returns: (b, features, ceil(h / 16), ceil(w / 16)) float16.

        Raises:
            ValueError: the image has not three channels.
        """
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise ValueError(
                f"SAM sees red, green and blue, and the image has {image.shape[-3]} channels: choose three "
                "with --channels, or take the bundle eunet3plus"
            )
        height, width = (-(-n // self.stride_px) for n in image.shape[2:])
        with torch.autocast(image.device.type, enabled=False):
            rows = self._padded(image.as_subclass(Tensor).float()).split(self.tile_px, dim=2)
            tiles = [[self._tiles(tile, keep) for tile in row.split(self.tile_px, dim=3)] for row in rows]
            return torch.cat([torch.cat(row, dim=3) for row in tiles], dim=2)[..., :height, :width]

    def _padded(self, image: Tensor) -> Tensor:
        """Return images with whole patches and, where they are larger than a tile, with whole tiles."""
        # Patches first, as networks' images are padded: a padded image and the image itself have equal tiles.
        image = _continued(image, [-n % self.stride_px for n in image.shape[2:]])
        return _continued(image, [-n % self.tile_px if n > self.tile_px else 0 for n in image.shape[2:]])

    def _tiles(self, tiles: Tensor, keep: bool) -> Tensor:
        cache = self._cache
        if not keep or cache is None:
            return self._encode(tiles)
        return torch.stack([cache.take(tile, self._encode_one) for tile in tiles])

    def _encode_one(self, tile: Tensor) -> Tensor:
        return self._encode(tile[None])[0]

    def _encode(self, tiles: Tensor) -> Tensor:
        """Return the features of tiles; the steps are those of SAM's own encoder, at any size."""
        encoder = self._encoder
        if next(encoder.parameters()).device != tiles.device:
            encoder.to(tiles.device)
        pixels = (255 * tiles.clamp(0, 1) - self._mean.to(tiles)) / self._std.to(tiles)
        if self.magnification > 1:
            pixels = functional.interpolate(
                pixels, scale_factor=float(self.magnification), mode="bilinear", align_corners=False
            )
        hidden = encoder.patch_embed.projection(pixels).permute(0, 2, 3, 1)
        if encoder.pos_embed is not None:
            hidden = hidden + stretched(encoder.pos_embed, *hidden.shape[1:3])
        for layer in encoder.layers:
            hidden = layer(hidden)
        features = functional.avg_pool2d(encoder.neck(hidden), self.magnification)
        return features.half()


def _continued(image: Tensor, more: list[int]) -> Tensor:
    """Return images with so many more rows and columns, mirrored where they are large enough."""
    down, right = more
    if not down and not right:
        return image
    mode = "reflect" if down < image.shape[2] and right < image.shape[3] else "replicate"
    return functional.pad(image, (0, right, 0, down), mode=mode)


def stretched(positions: Tensor, rows: int, columns: int) -> Tensor:
    """Return positions that were learnt on one grid for another that covers the same field.

    Args:
        positions: as learnt.
        rows: of the other grid.
        columns: of the other grid.

    Shapes:
        positions: (1, r, c, d).
        returns: (1, rows, columns, d).

    Example:
        >>> ramp = torch.linspace(0, 1, 8).reshape(1, 1, 8, 1).repeat(1, 8, 1, 2)
        >>> found = stretched(ramp, 4, 4)
        >>> found.shape, bool((found.diff(dim=2) > 0).all())
        (torch.Size([1, 4, 4, 2]), True)
    """
    if positions.shape[1:3] == (rows, columns):
        return positions
    return functional.interpolate(
        positions.permute(0, 3, 1, 2), size=(rows, columns), mode="bicubic", align_corners=False
    ).permute(0, 2, 3, 1)
