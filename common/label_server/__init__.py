"""Packed bundles behind a MONAI Label server: what it needs to know of them, of images and of corrections."""

from .annotations import annotation_of
from .corrections import read_correction, write_training_set
from .fine_tuning import FineTuning, fine_tune, last_result, refuse_whole_cells
from .result_file import RESULT_SUFFIXES, result_suffix, write_result
from .section import Section, read_section
from .served_bundle import ServedBundle, find_bundles
from .uncertainty import uncertainty

__all__ = [
    "RESULT_SUFFIXES",
    "FineTuning",
    "Section",
    "ServedBundle",
    "annotation_of",
    "fine_tune",
    "find_bundles",
    "last_result",
    "read_correction",
    "read_section",
    "refuse_whole_cells",
    "result_suffix",
    "uncertainty",
    "write_result",
    "write_training_set",
]
