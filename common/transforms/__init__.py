"""Arrays -> tensors; label map -> targets."""

from .affine_crop import RandAffineCropd
from .border_weights import BorderWeightsd, border_weights
from .clahe import RandClahed, equalise_locally
from .elastic_crop import RandElasticCropd
from .hover_maps import hover_maps
from .instance_targets import InstanceTargetsd, instance_targets
from .intensity import ScalePercentilesd, scale_percentiles
from .nuclear_channel import repeat_first_channel
from .nucleus_shapes import NucleusShapesd
from .pixel_size import ToImageGridd, ToModelScaled, resample_image, resample_labels
from .stacked_labels import StackLabelsd
from .stain_density import from_density, stain_amounts, stain_directions, to_density
from .stain_jitter import RandStainJitterd
from .stain_normalisation import StainNormalised

__all__ = [
    "BorderWeightsd",
    "InstanceTargetsd",
    "NucleusShapesd",
    "RandAffineCropd",
    "RandClahed",
    "RandElasticCropd",
    "RandStainJitterd",
    "ScalePercentilesd",
    "StackLabelsd",
    "StainNormalised",
    "ToImageGridd",
    "ToModelScaled",
    "border_weights",
    "equalise_locally",
    "from_density",
    "hover_maps",
    "instance_targets",
    "repeat_first_channel",
    "resample_image",
    "resample_labels",
    "scale_percentiles",
    "stain_amounts",
    "stain_directions",
    "to_density",
]
