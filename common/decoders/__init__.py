"""Maps -> label map, of nuclei alone or of nuclei and whole cells."""

from .centre_votes import CentreVotesDecoder
from .clean import clean_labels
from .components import ComponentsDecoder
from .contour import ContourDecoder
from .decode import DecodeMapsd
from .hover import HoVerDecoder
from .nuclei_in_cells import NucleiInCells, match_cells
from .tensor_cells import NucleiInCellsModule, match_cells_tensor
from .tensor_components import ComponentsModule
from .tensor_votes import CentreVotesModule
from .watershed import WatershedDecoder

__all__ = [
    "CentreVotesDecoder",
    "CentreVotesModule",
    "ComponentsDecoder",
    "ComponentsModule",
    "ContourDecoder",
    "DecodeMapsd",
    "HoVerDecoder",
    "NucleiInCells",
    "NucleiInCellsModule",
    "WatershedDecoder",
    "clean_labels",
    "match_cells",
    "match_cells_tensor",
]
