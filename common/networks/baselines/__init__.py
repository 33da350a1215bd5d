"""Networks of other papers, that methods for stained sections are compared with."""

from .awgunet import AWGUNet
from .ddunet import DDUNet
from .wavelet_attention import WaveletAttention, haar_bands

__all__ = ["AWGUNet", "DDUNet", "WaveletAttention", "haar_bands"]
