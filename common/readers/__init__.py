"""Files -> images, label maps and data lists."""

from .channels import ChannelChoice, choose_channels
from .crop_sampler import CropSampler
from .datalist import dataset_name, fingerprint, load_datalist
from .dataset_check import check_dataset
from .dataset_folder import dataset_folder
from .image_file import probe, read_image
from ..file_stem import stem_of
from .image_list import list_image_items, list_images
from .image_record import BadFileError, ImageFile, ImageHeader
from .label_file import probe_labels, read_labels
from .monai_reader import LabelReader, MicroscopyReader
from .pixel_sizes import measure_training, nucleus_diameter_px, pixel_size_of, tell_scales
from .run_data import RunData
from .sample import ensure_sample, make_image, write_sample, write_slide

__all__ = [
    "BadFileError",
    "CropSampler",
    "dataset_folder",
    "ChannelChoice",
    "ImageFile",
    "ImageHeader",
    "LabelReader",
    "MicroscopyReader",
    "RunData",
    "check_dataset",
    "choose_channels",
    "dataset_name",
    "fingerprint",
    "list_image_items",
    "list_images",
    "load_datalist",
    "probe",
    "probe_labels",
    "read_image",
    "read_labels",
    "ensure_sample",
    "make_image",
    "measure_training",
    "nucleus_diameter_px",
    "pixel_size_of",
    "stem_of",
    "tell_scales",
    "write_sample",
    "write_slide",
]
