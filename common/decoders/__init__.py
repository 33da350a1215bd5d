"""Maps -> label map."""

from .centre_votes import CentreVotesDecoder
from .clean import clean_labels
from .components import ComponentsDecoder
from .contour import ContourDecoder
from .decode import DecodeMapsd
from .hover import HoVerDecoder
from .tensor_votes import CentreVotesModule
from .watershed import WatershedDecoder

__all__ = [
    "CentreVotesDecoder",
    "CentreVotesModule",
    "ComponentsDecoder",
    "ContourDecoder",
    "DecodeMapsd",
    "HoVerDecoder",
    "WatershedDecoder",
    "clean_labels",
]
