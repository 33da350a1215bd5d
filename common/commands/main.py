"""The command line of a script: a function behind fire that refuses what it does not know before it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from inspect import Parameter
from pathlib import Path
from typing import Any

import fire
from fire.decorators import SetParseFn
from fire.parser import DefaultParseValue

from ..messages import add_hint, hint_of
from .errors import report
from .logs import show_logs
from .option_names import refuse_unknown
from .termination import end_like_interrupt

__all__ = ["main"]

_ROOT_HAS = "common/configs/train.json"
# Annotations of what is a text and nothing else, as they are written.
_TEXTS = ("str", "str | None")


def _usage(function: Callable[..., Any], command: str) -> str:
    words = [f"usage: {command}"]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not Parameter.empty:
            words.append(f"[--{name} {parameter.default}]")
        else:
            words.append(f"--{name} ..." if parameter.kind is Parameter.KEYWORD_ONLY else name.upper())
    return " ".join(words)


def _value(name: str, typed: str, parameter: Parameter) -> Any:
    """Return what a typed word means: to fire 2024 is a number, false a text and "a#b" the text "a"."""
    value = DefaultParseValue(typed)
    if "#" in typed and "#" not in str(value):
        raise ValueError(
            f"--{name} {typed} cannot be used, because what follows '#' is cut off: name it without"
        )
    if isinstance(parameter.default, bool) and value not in (True, False):
        raise ValueError(f"--{name} must be True or False, not {value!r}")
    if parameter.annotation not in _TEXTS:
        return value
    if isinstance(value, bool):
        raise ValueError(f"--{name} has no value: write it after the name")
    return typed if isinstance(value, (int, float, complex)) else value


def _arguments(function: Callable[..., Any], words: list[str], command: str) -> dict[str, Any]:
    """Return the function's arguments, by name, as a command line has them.

    fire calls first and complains afterwards: so it calls a stand-in that has the function's parameters,
    takes whatever else there is as well, and only notes the words.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name, each in parameters.items() if each.kind is not Parameter.KEYWORD_ONLY]
    missing = object()
    given: dict[str, Any] = {}
    more: list[Any] = []

    def note(*values: Any, **options: Any) -> None:
        given.update(zip(names, values, strict=False))
        given.update(options)
        more.extend(values[len(names) :])

    every = [each.replace(default=missing) for each in parameters.values()]
    every.insert(len(names), Parameter("_more", Parameter.VAR_POSITIONAL))
    every.append(Parameter("_unknown", Parameter.VAR_KEYWORD))
    note.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    fire.Fire(SetParseFn(str)(note), command=words, name=command)
    typed = {name: word for name, word in given.items() if word is not missing}
    refuse_unknown(typed, parameters)
    if more:
        raise ValueError(f"unexpected {more[0]!r}: {_usage(function, command)}")
    for name, each in parameters.items():
        if each.default is Parameter.empty and name not in typed:
            raise ValueError(f"{name} is missing: {_usage(function, command)}")
    return {name: _value(name, word, parameters[name]) for name, word in typed.items()}


def main(function: Callable[..., Any], *, log_dir: str | Path = "runs/logs") -> None:
    """Run a function with the arguments of the command line, and end the program where that fails.

    An unknown option is refused with the nearest name before anything runs. ``--help`` prints the usage and
    the function's docstring. A wrong command line ends with exit code 2, an exception with 1, each with one
    sentence as the last line.

    Args:
        function: what to run; its parameters are the options, those without a default may stand without a
            name.
        log_dir: folder of the file with the traceback.
    """
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    command = f"python -m {spec.name}" if spec is not None else f"python {sys.argv[0]}"
    words = sys.argv[1:]
    if "--help" in words or "-h" in words:
        print(f"{_usage(function, command)}\n\n{inspect.getdoc(function) or ''}".rstrip())
        return
    try:
        arguments = _arguments(function, words, command)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    show_logs()
    end_like_interrupt()
    try:
        function(**arguments)
    except Exception as error:
        if not hint_of(error) and not Path(_ROOT_HAS).is_file():
            # Bundles and shared settings are found from there.
            add_hint(error, f"this is not the repository's root: type it in {Path(__file__).parents[2]}")
        report(error, log_dir)
        sys.exit(1)
    except KeyboardInterrupt as error:
        report(error, log_dir)
        sys.exit(130)  # what a shell reports for a program ended by Ctrl-C
