"""The command line of a script: a function behind fire that refuses what it does not know before it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fire

from .errors import report
from .logs import show_logs
from .options import refuse_unknown
from .termination import end_like_interrupt

__all__ = ["main"]


def _is_flag(word: str) -> bool:
    # As fire decides it: a number such as -1 is a value.
    return word.startswith("--") or (len(word) > 1 and word[0] == "-" and word[1].isalpha())


def _read(words: list[str]) -> tuple[list[str], list[str]]:
    """Split a command line the way fire does: the values by position, and the names of the options."""
    values: list[str] = []
    names: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not _is_flag(word):
            values.append(word)
            continue
        names.append(word.lstrip("-").split("=", 1)[0].replace("-", "_"))
        if "=" not in word and position < len(words) and not _is_flag(words[position]):
            position += 1  # the option's value
    return values, names


def _usage(function: Callable[..., Any], command: str) -> str:
    words = [f"usage: {command}"]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            words.append(f"[--{name} {parameter.default}]")
        else:
            words.append(f"--{name} ..." if parameter.kind is parameter.KEYWORD_ONLY else name.upper())
    return " ".join(words)


def _check(function: Callable[..., Any], words: list[str], command: str) -> None:
    values, names = _read(words)
    parameters = inspect.signature(function).parameters
    # fire's way to say no to a switch: --nooverwrite
    switches = {f"no{name}" for name, parameter in parameters.items() if isinstance(parameter.default, bool)}
    refuse_unknown((name for name in names if name not in switches), parameters)
    positional = [n for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY and n not in names]
    if len(values) > len(positional):
        raise ValueError(f"unexpected {values[len(positional)]!r}: {_usage(function, command)}")
    for name, parameter in parameters.items():
        given = name in names or name in positional[: len(values)]
        if parameter.default is inspect.Parameter.empty and not given:
            raise ValueError(f"{name} is missing: {_usage(function, command)}")


def main(function: Callable[..., Any], *, log_dir: str | Path = "runs/logs") -> None:
    """Run a function with the arguments of the command line, and end the program where that fails.

    fire runs a function first and complains about the unknown option afterwards; here it is refused before,
    with the nearest name. ``--help`` prints the usage and the function's docstring. A wrong command line ends
    with exit code 2, an exception with 1, each with one sentence as the last line.

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
        _check(function, words, command)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    show_logs()
    end_like_interrupt()
    try:
        # What a function returns is for callers in Python: without a serializer fire would print it.
        fire.Fire(function, command=words, name=command, serialize=_nothing)
    except Exception as error:
        report(error, log_dir)
        sys.exit(1)
    except KeyboardInterrupt as error:
        report(error, log_dir)
        sys.exit(130)  # what a shell reports for a program ended by Ctrl-C


def _nothing(result: Any) -> None:
    """Print nothing of a result."""
