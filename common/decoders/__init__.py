"""Maps -> label map."""

from .centre_votes import CentreVotesDecoder
from .clean import clean_labels
from .components import ComponentsDecoder
from .decode import DecodeMapsd

__all__ = ["CentreVotesDecoder", "ComponentsDecoder", "DecodeMapsd", "clean_labels"]
