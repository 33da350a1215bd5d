"""Words for people: an exception in one sentence, all faults at once, the name that was meant."""

from .error_sentence import add_hint, hint_of, sentence
from .faults import refuse_faults
from .nearest import nearest, suggest

__all__ = ["add_hint", "hint_of", "nearest", "refuse_faults", "sentence", "suggest"]
