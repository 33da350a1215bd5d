"""Maps -> label map."""

from .centre_votes import CentreVotesDecoder
from .clean import clean_labels
from .decode import DecodeMapsd

__all__ = ["CentreVotesDecoder", "DecodeMapsd", "clean_labels"]
