"""Arrays -> tensors; label map -> targets."""

from .affine_crop import RandAffineCropd
from .border_weights import BorderWeightsd, border_weights
from .hover_maps import hover_maps
from .instance_targets import InstanceTargetsd, instance_targets
from .intensity import ScalePercentilesd, scale_percentiles
from .nucleus_shapes import NucleusShapesd
from .pixel_size import ToImageGridd, ToModelScaled, resample_image, resample_labels

__all__ = [
    "BorderWeightsd",
    "InstanceTargetsd",
    "NucleusShapesd",
    "RandAffineCropd",
    "ScalePercentilesd",
    "ToImageGridd",
    "ToModelScaled",
    "border_weights",
    "hover_maps",
    "instance_targets",
    "resample_image",
    "resample_labels",
    "scale_percentiles",
]
