"""Which images are trained on, validated and tested: lists, folders, folds, platforms, crops."""

from .crop_batch import batch_crops
from .crop_sampler import CropSampler
from .data_folder import dataset_folder
from .datalist import dataset_name, fingerprint, load_datalist
from .dataset_check import check_dataset, item_fault
from .image_list import list_image_items, list_images
from .pixel_sizes import measure_training, nucleus_diameter_px, pixel_size_of, tell_scales
from .run_data import RunData
from .seeded_draws import SeededDraws
from .training_images import measure_training_images, training_image_ranges

__all__ = [
    "CropSampler",
    "RunData",
    "SeededDraws",
    "batch_crops",
    "check_dataset",
    "dataset_folder",
    "dataset_name",
    "fingerprint",
    "item_fault",
    "list_image_items",
    "list_images",
    "load_datalist",
    "measure_training",
    "measure_training_images",
    "nucleus_diameter_px",
    "pixel_size_of",
    "tell_scales",
    "training_image_ranges",
]
