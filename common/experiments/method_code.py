"""A fingerprint of the code that decides a cell's scores, so that a change of it runs the cell again.

Neither the commit nor all of the code will do: a new bundle's network, a picture or a sentence in a
docstring would throw away hours of trainings that they cannot have changed. So the classes and functions
that a bundle's configuration names are followed through the imports to the files they need, and of these
files the syntax trees count, without docstrings and comments.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_parser

__all__ = ["code_fingerprint", "files_of_method", "method_config"]

# Rooms that record, draw, speak and store; they change no weight and no score.
_NO_METHOD = ("engine/tracking", "commands", "messages", "export", "files", "figures", "bundle_config")
_PACKAGE = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"\bcommon((?:\.\w+)+)")


def method_config(bundle: Path) -> dict[str, Any]:
    """Return a bundle's training with the shared wiring in place, without what only records it.

    Args:
        bundle: the bundle's folder.
    """
    return _without_records(bundle_parser(bundle, "train.json").get())


def _without_records(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_records(part) for key, part in value.items() if not _records(part)}
    if isinstance(value, list):
        return [_without_records(part) for part in value if not _records(part)]
    return value


def _records(value: Any) -> bool:
    target = value.get("_target_", "") if isinstance(value, Mapping) else ""
    room = str(target).removeprefix("common.").replace(".", "/")
    return room.startswith(tuple(f"{each}/" for each in _NO_METHOD))


def code_fingerprint(config: Mapping[str, Any], *, package: Path = _PACKAGE) -> str:
    """Return 12 hexadecimal digits that change when the code does that a configuration's classes need.

    Args:
        config: a configuration, as `method_config` returns it, perhaps with other classes in some places.
        package: the folder `common`.
    """
    digest = hashlib.blake2b(digest_size=6)
    for file in files_of_method(config, package=package):
        digest.update(f"{file.relative_to(package).as_posix()} {_meaning(file)}\n".encode())
    return digest.hexdigest()


def files_of_method(config: Mapping[str, Any], *, package: Path = _PACKAGE) -> list[Path]:
    """Return the files that hold what a configuration names, and what these import, sorted.

    Args:
        config: a configuration.
        package: the folder `common`.
    """
    waiting = [
        file
        for text in _texts(config)
        for name in _NAMED.findall(text)
        for file in _files(package, package, name[1:].split("."))
    ]
    found: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file in found or file.relative_to(package).as_posix().startswith(_NO_METHOD):
            continue
        found.add(file)
        waiting += _imported(file, package)
    return sorted(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _imported(file: Path, package: Path) -> Iterator[Path]:
    for node in _imports(file):
        if node.level:
            base = file.parents[node.level - 1]
            for alias in node.names:
                path = [*(node.module or "").split("."), alias.name]
                yield from _files(package, base, [part for part in path if part])


def _files(package: Path, base: Path, path: list[str]) -> Iterator[Path]:
    """Yield the file in which a dotted name is defined: a package is left as soon as it only passes it on."""
    if not path or not base.is_relative_to(package):
        return
    name, *rest = path
    if (base / name).is_dir():
        yield from _files(package, base / name, rest)
    elif (base / f"{name}.py").is_file():
        yield base / f"{name}.py"
    elif (base / "__init__.py").is_file():
        init = base / "__init__.py"
        for node in _imports(init):
            if name in [each.asname or each.name for each in node.names]:
                inner = [*(node.module or "").split("."), name]
                yield from _files(package, init.parents[node.level - 1], [part for part in inner if part])
                return
        yield init  # it defines the name itself


def _meaning(file: Path) -> str:
    """Return a digest of a file's syntax tree, without docstrings; comments are in no tree."""
    return _meaning_of(file.read_bytes())


@cache
def _meaning_of(source: bytes) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del body[0]
    return hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()


def _imports(file: Path) -> tuple[ast.ImportFrom, ...]:
    return _imports_of(file.read_bytes())


# By content: a grid runs for hours, in which the code may be edited, and asks for each of its cells.
@cache
def _imports_of(source: bytes) -> tuple[ast.ImportFrom, ...]:
    return tuple(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
