"""U-Net3+: every level of the decoder sees every scale, with units that may be gated."""

from .activated_convolution import ACTIVATIONS, ActivatedConvolution, matched_width
from .full_scale_decoder import FullScaleDecoder
from .unet3plus import UNet3Plus

__all__ = ["ACTIVATIONS", "ActivatedConvolution", "FullScaleDecoder", "UNet3Plus", "matched_width"]
