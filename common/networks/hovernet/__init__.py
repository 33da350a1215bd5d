"""HoVer-Net: a residual encoder and a densely connected decoder for each of two branches."""

from .hovernet import HoVerNet

__all__ = ["HoVerNet"]
