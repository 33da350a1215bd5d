"""Image -> maps: the networks, and what runs them on a device and on images of any size."""

from .baselines import AWGUNet, DDUNet
from .cascaded_unet import CascadedUNet
from .cellvit import CellViT, ChannelNet, ChannelNetCellViT, NucleusEmbeddingsd, nucleus_embeddings
from .cia_net import CIANet
from .encoder import encoder_names, in_encoder, parameter_groups
from .hovernet import HoVerNet
from .log_filter import LoGFilter
from .logsage import LoGSAGE
from .prepared import prepare
from .resnet18_unet import ResNet18UNet
from .tile_inferer import TileInferer
from .unet3plus import FusedUNet3Plus, UNet3Plus
from .unet_plus_plus import UNetPlusPlus
from .vgg16_unet import VGG16UNet

__all__ = [
    "AWGUNet",
    "CIANet",
    "CascadedUNet",
    "DDUNet",
    "CellViT",
    "ChannelNet",
    "ChannelNetCellViT",
    "FusedUNet3Plus",
    "HoVerNet",
    "LoGFilter",
    "LoGSAGE",
    "NucleusEmbeddingsd",
    "ResNet18UNet",
    "TileInferer",
    "UNet3Plus",
    "UNetPlusPlus",
    "VGG16UNet",
    "encoder_names",
    "in_encoder",
    "nucleus_embeddings",
    "parameter_groups",
    "prepare",
]
