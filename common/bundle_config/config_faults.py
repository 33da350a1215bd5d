"""The first fault of a bundle's configuration as one sentence with file, id and cause.

MONAI notices a slip only when it builds the item, wraps the exception in others, and names neither the file
nor the id. Here everything that can be seen without running is looked at first: JSON, macros, references, the
names of classes, functions and arguments, Python expressions. Then each item is built, and the innermost that
fails is named.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from pydoc import ErrorDuringImport, locate
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.config_item import ConfigComponent, ConfigExpression
from monai.bundle.reference_resolver import ReferenceResolver

from ..messages import nearest, sentence
from .json_file import read_json

__all__ = ["blamed", "build_items", "find_slip", "where"]


def _strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield id and text of every string inside a value."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(part, f"{name}::{key}" if name else str(key))


def _macro(text: str) -> tuple[str, str] | None:
    """Return the file ("" for the same) and the id of a macro such as "%common/configs/train.json::train"."""
    return ConfigParser.split_path_id(text[1:]) if text.startswith("%") else None


def where(name: str, files: Sequence[str | Path]) -> str:
    """Return the file that an id comes from, and the id: "common/configs/train.json: train::trainer".

    Args:
        name: the id.
        files: the bundle's own file, then the overlays.
    """
    parts = name.split("::")
    for file in reversed(files):
        for key, value in read_json(file).items():
            # An overlay may set an inner item too: "network_def::depth".
            keys = ReferenceResolver.normalize_id(key.lstrip("+")).split("::")
            shared = min(len(keys), len(parts))
            if keys[:shared] != parts[:shared]:
                continue
            for part in [*parts[len(keys) :], ""]:
                if isinstance(value, str) and (macro := _macro(value)) is not None:
                    return f"{macro[0] or Path(file).as_posix()}: {name}"
                value = value.get(part) if isinstance(value, dict) else None
            return f"{Path(file).as_posix()}: {name}"
    return f"{Path(files[0]).as_posix()}: {name}"


def blamed(name: str, files: Sequence[str | Path]) -> str:
    """Return where a fault shows, and before it the overlay that brought it: without overlays all is well.

    A network of three maps in an overlay breaks a loss in the bundle's own file, which has no fault.

    Args:
        name: the id that fails.
        files: the bundle's own file, which is in order by itself, then the overlays.
    """
    place = where(name, files)
    last = Path(files[-1]).as_posix()
    if len(files) == 1 or place.startswith(f"{last}: "):
        return place
    keys = ", ".join(sorted(read_json(files[-1])))
    return f"{last} changes {keys}, which does not fit {place}"


def find_slip(files: Sequence[str | Path]) -> None:
    """Look for what is wrong with a configuration as it is written, without building anything.

    Args:
        files: the bundle's own file, then the overlays.

    Raises:
        ValueError: for the first slip, in one sentence with file, id and cause.
    """
    for file in files:
        for name, text in _strings(read_json(file)):
            if (macro := _macro(text)) is not None and macro[0]:
                _check_macro(f"{Path(file).as_posix()}: {name}: {text!r}", *macro)
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    parser.resolve_macro_and_relative_ids()
    config = {key: value for key, value in parser.get().items() if key != ConfigParser.meta_key}
    for name, text in _strings(config):
        slip = _slip_of_text(text, parser)
        if slip:
            raise ValueError(f"{blamed(name, files)}: {slip}")
    for name, component in _components(config):
        slip = _slip_of_component(component, parser)
        if slip:
            raise ValueError(f"{blamed(name, files)}: {slip}")


def _check_macro(place: str, file: str, name: str) -> None:
    if not Path(file).is_file():
        folder = Path(file).parent
        near = nearest(Path(file).name, [path.name for path in folder.glob("*.json")])
        hint = f": did you mean {(folder / near).as_posix()}?" if near else ""
        raise ValueError(f"{place} includes {file}, which is not there{hint}")
    content = read_json(file)
    if name and name not in ConfigParser(content):
        near = nearest(name, content)
        hint = f": did you mean {near}?" if near else ""
        raise ValueError(f"{place} includes {name}, which {file} does not have{hint}")


def _slip_of_text(text: str, parser: ConfigParser) -> str | None:
    if text.startswith("%"):
        return f"{text!r} is a macro inside what a macro includes, and MONAI follows one only: write it out"
    for reference in ReferenceResolver.match_refs_pattern(text):
        if reference not in parser:
            *front, last = reference.split("::")
            outer = "::".join(front)
            beside = parser.get(outer) if outer else parser.get()
            near = nearest(last, map(str, beside)) if isinstance(beside, dict) else None
            hint = f": did you mean @{'::'.join([*front, near])}?" if near else ""
            return f"@{reference} refers to what is not there{hint}"
    if ConfigExpression.is_expression(text):
        code = re.sub(ReferenceResolver.id_matcher, "_", ReferenceResolver.normalize_id(text))[1:]
        try:
            ast.parse(code)
        except SyntaxError as error:
            return f"{text!r} is no Python: {error.msg}"
        # MONAI looks for import statements before it has replaced the references.
        if "@" in text and "import" in text:
            return f"{text!r} has a reference and the letters 'import', which MONAI cannot read: rename it"
    return None


def _components(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and content of every component, inner ones first."""
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _components(part, f"{name}::{key}" if name else str(key))
    if isinstance(value, dict) and ConfigComponent.is_instantiable(value):
        yield name, value


def _slip_of_component(component: dict[str, Any], parser: ConfigParser) -> str | None:
    if not isinstance(component["_target_"], str) or component["_target_"].startswith(("$", "@")):
        return None
    target = str(ConfigComponent(component, locator=parser.locator).resolve_module_name())
    try:
        found = locate(target)
    except ErrorDuringImport as error:
        return f"{target} cannot be imported: {sentence(error.value or error)}"
    if found is None:
        return f"there is no {component['_target_']}{_hint(target, parser)}"
    try:
        parameters = inspect.signature(found).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):  # some that are written in C do not tell
        return None
    given = {key for key in component if key not in ConfigComponent.non_arg_keys}
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in sorted(given - set(parameters)):
            near = nearest(name, parameters)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(parameters)}"
            return f"{target} has no argument {name!r}: {hint}"
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and name not in given
    ]
    if needed and component.get("_mode_", "default") == "default":
        return f"{target} needs the argument {needed[0]!r}"
    return None


def _hint(target: str, parser: ConfigParser) -> str:
    """Return the rest of the sentence about a class or function that is not there."""
    parts = target.split(".")
    if len(parts) == 1:
        # The locator's table of MONAI's short names is made at the first look, which has been.
        near = nearest(target, parser.locator._components_table or {})
        return (
            f" in MONAI: did you mean {near}?"
            if near
            else " in MONAI: write the full path of what is your own"
        )
    for count in range(len(parts) - 1, 0, -1):
        outer = locate(".".join(parts[:count]))
        if outer is None:
            continue
        if count == len(parts) - 1:
            known = {name for name in dir(outer) if callable(getattr(outer, name, None))}
        else:
            known = {module.name for module in pkgutil.iter_modules(getattr(outer, "__path__", []))}
        near = nearest(parts[count], known)
        return f": did you mean {'.'.join([*parts[:count], near, *parts[count + 1 :]])}?" if near else ""
    return f": there is no package {parts[0]}"


def build_items(parser: ConfigParser, files: Sequence[str | Path], *, leave: Collection[str] = ()) -> int:
    """Build every item of a parsed configuration, as MONAI does when something refers to it.

    Args:
        parser: the configuration, overlays merged and options set.
        files: what it was read from: the bundle's own file, then the overlays.
        leave: top-level ids that are not built: commands, which would run.

    Returns:
        How many items there are.

    Raises:
        ValueError: for the first that fails, in one sentence with file, id and cause.
    """
    resolver = parser.ref_resolver
    if not resolver.items:
        parser.parse()
    names = [name for name in resolver.items if name and name.split("::")[0] not in (*leave, parser.meta_key)]
    for name in names:
        try:
            parser.get_parsed_content(name)
        except Exception as error:
            culprit, cause = _innermost(resolver, name, error)
            raise ValueError(f"{blamed(culprit, files)}: {sentence(cause)}") from error
    return len(names)


def _innermost(resolver: ReferenceResolver, name: str, error: Exception) -> tuple[str, Exception]:
    """Return the item that fails by itself where others only fail because they need it, and its exception."""
    content = resolver.items[name].get_config()
    for inner in ReferenceResolver.find_refs_in_config(content, name):
        if inner in resolver.resolved_content or inner not in resolver.items:
            continue
        try:
            resolver.get_resolved_content(inner)
        except Exception as cause:
            return _innermost(resolver, inner, cause)
    return name, error
