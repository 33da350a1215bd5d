"""U-Net3+: every level of the decoder sees every scale, with units that may be gated."""

from .activated_convolution import ACTIVATIONS, ActivatedConvolution, matched_width
from .enhanced_fusion import EnhancedFusion
from .full_scale_decoder import FullScaleDecoder
from .fused_unet3plus import FUSIONS, Foundation, FusedUNet3Plus
from .unet3plus import UNet3Plus

__all__ = [
    "ACTIVATIONS",
    "FUSIONS",
    "ActivatedConvolution",
    "EnhancedFusion",
    "Foundation",
    "FullScaleDecoder",
    "FusedUNet3Plus",
    "UNet3Plus",
    "matched_width",
]
