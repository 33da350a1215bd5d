"""The part of this package that a bundle needs, copied under the bundle's own name."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["copy_code", "rooms_needed"]

_PACKAGE = Path(__file__).resolve().parents[1]


def rooms_needed(configs: Mapping[str, Any], package: str) -> list[str]:
    """Return the rooms that configurations name, and those which the code in these imports, sorted.

    Args:
        configs: configurations of a packed bundle, by file.
        package: the package that they name.

    Example:
        >>> rooms = rooms_needed({"a.json": {"_target_": "b.losses.InstanceMapsLoss"}}, "b")
        >>> [name in rooms for name in ("losses", "engine", "bundle_config", "conversions", "packing")]
        [True, True, True, False, False]
    """
    waiting = [*_imported(_PACKAGE / "__init__.py"), *_named(configs, package)]
    found: set[str] = set()
    while waiting:
        room = waiting.pop()
        if room in found or not (_PACKAGE / room / "__init__.py").is_file():
            continue
        found.add(room)
        waiting += _rooms_of(room)
    return sorted(found)


def copy_code(rooms: list[str], target: Path) -> None:
    """Copy rooms of this package, which import each other relatively, so that any name will do.

    Args:
        rooms: as `rooms_needed` returns them.
        target: folder of the new package; must be absent.
    """
    target.mkdir()
    shutil.copyfile(_PACKAGE / "__init__.py", target / "__init__.py")
    for room in rooms:
        for file in sorted((_PACKAGE / room).rglob("*.py")):
            copy = target / file.relative_to(_PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _named(value: Any, package: str) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.findall(rf"(?<![\w.]){package}\.(\w+)\.", value)
    elif isinstance(value, (Mapping, list)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _named(part, package)


@cache
def _rooms_of(room: str) -> tuple[str, ...]:
    found = {name for file in (_PACKAGE / room).rglob("*.py") for name in _imported(file)}
    return tuple(sorted(found))


def _imported(file: Path) -> Iterator[str]:
    """Yield the first part below this package of what a file imports relatively."""
    inside = file.relative_to(_PACKAGE).parent.parts
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - node.level + 1]
            for alias in node.names:
                yield [*base, *(node.module or "").split("."), alias.name][0 if base or node.module else 1]
