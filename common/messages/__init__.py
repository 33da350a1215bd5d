"""Words for people: an exception in one sentence, the name that was meant."""

from .error_sentence import add_hint, hint_of, sentence
from .nearest import nearest, suggest

__all__ = ["add_hint", "hint_of", "nearest", "sentence", "suggest"]
