"""Files -> images, label maps and data lists."""

from .channels import ChannelChoice, choose_channels
from .dataset_json import choose_label_keys
from .image_file import choose_from, probe, read_image
from .image_memory import fitting_pixels, memory_fault
from .image_record import BadFileError, ImageFile, ImageHeader
from .label_file import probe_labels, read_labels
from .monai_reader import LabelReader, MicroscopyReader

__all__ = [
    "BadFileError",
    "ChannelChoice",
    "ImageFile",
    "ImageHeader",
    "LabelReader",
    "MicroscopyReader",
    "choose_channels",
    "choose_from",
    "choose_label_keys",
    "fitting_pixels",
    "memory_fault",
    "probe",
    "probe_labels",
    "read_image",
    "read_labels",
]
