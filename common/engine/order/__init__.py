"""What must run before what among the handlers of an engine, however they are listed."""

from .moment import Moment, call_at, hear_exceptions

__all__ = ["Moment", "call_at", "hear_exceptions"]
