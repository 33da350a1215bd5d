"""Any number of channels -> three maps -> CellViT: a vision transformer with a U-shaped decoder a branch."""

from .cellvit import CellViT
from .channel_adapter import ChannelAdapter
from .channelnet import ChannelNet
from .channelnet_cellvit import FRONTS, ChannelNetCellViT
from .nucleus_embeddings import NucleusEmbeddingsd, nucleus_embeddings
from .vit_encoder import ViTEncoder

__all__ = [
    "FRONTS",
    "CellViT",
    "ChannelAdapter",
    "ChannelNet",
    "ChannelNetCellViT",
    "NucleusEmbeddingsd",
    "ViTEncoder",
    "nucleus_embeddings",
]
