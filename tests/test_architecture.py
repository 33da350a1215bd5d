"""The project's picture, held by the code: who may import whom, how files are named, how long they are.

The picture may change: then ALLOWED, the README's figure and docs/decisions.md change in the same commit.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Rooms that know nothing of the others, and which all may use.
LEAVES = {"files", "geometry", "likeness", "messages", "devices"}
# room of common -> the rooms it may import beside the leaves. A room of engine stands for itself.
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(LEAVES, set()),
    "bundle_config": set(),
    "commands": {"bundle_config"},
    "sample": set(),
    "readers": set(),
    "datalists": {"readers", "sample"},
    "conversions": {"readers"},
    "transforms": set(),
    "probes": set(),
    "networks": {"probes"},
    # Apart from the networks, which get its models by their configs: it alone needs transformers.
    "foundation": set(),
    "losses": set(),
    "decoders": set(),
    "metrics": set(),
    "export": set(),
    "engine/order": set(),
    "engine/trained": {"bundle_config"},
    "engine/checkpoints": {"bundle_config", "networks", "engine/order", "engine/trained"},
    "engine/training": {
        *("bundle_config", "networks"),
        *("engine/order", "engine/trained", "engine/checkpoints"),
    },
    "engine/evaluation": {"metrics", "export", "engine/order", "engine/trained", "engine/checkpoints"},
    "engine/segmentation": {"bundle_config", "readers", "export", "engine/trained"},
    "engine/tracking": {
        *("bundle_config", "export"),
        *("engine/order", "engine/trained", "engine/checkpoints", "engine/training", "engine/evaluation"),
    },
    # A grid starts trainings by their commands: of the code it needs what tells data, settings and scores.
    "experiments": {
        *("bundle_config", "datalists"),
        *("engine/trained", "engine/evaluation", "engine/tracking"),
    },
    # What leaves the repository is a bundle's configurations, with what its training used.
    "packing": {"bundle_config", "engine/trained"},
    # Weights for everyone, with what is told of them.
    "release": {"bundle_config", "engine/trained"},
    # A server asks this of packed bundles: it reads images, sends labels, starts trainings by command.
    "label_server": {"bundle_config", "readers", "conversions", "export"},
    # What is timed is the whole way, beside its parts.
    "benchmarks": {
        *("bundle_config", "probes", "sample", "transforms", "networks", "losses", "decoders", "metrics"),
    },
    # Other packages run in environments of their own; what comes back is scored and noted as a bundle's is.
    "peers": {
        *("bundle_config", "datalists", "readers", "export", "experiments"),
        *("engine/order", "engine/evaluation", "engine/tracking"),
    },
    "leaderboard": {"engine/tracking", "experiments"},
    # What a paper shows is made of everything that made its method.
    "figures": {
        *("readers", "transforms", "networks", "foundation", "losses", "metrics", "export"),
        "engine/trained",
    },
}
MAX_FILES = 15
# Beside the CPU wheel of torch torchvision cannot be imported; two others bring it along, OpenCV clashes.
FORBIDDEN = {"torchvision", "timm", "segment_anything", "cv2"}
VAGUE = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "tools.py", "common.py"}
MAX_LINES, MAX_EXPRESSION = 300, 110


def files(folder: str, pattern: str = "*.py") -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob(pattern) if "__pycache__" not in path.parts)


COMMON, SCRIPTS, TESTS = files("common"), files("scripts"), files("tests")
CONFIGS = [path for path in files("bundles", "*.json") if "configs" in path.parts]
SHARED = files("common/configs", "*.json")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield level (number of dots) and name of all that a file imports, `from .a import b` as 1, "a.b"."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.level, ".".join(filter(None, (node.module, alias.name)))


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room that a module lies in: a folder of common, or a folder of engine."""
    return "/".join(parts[:2]) if parts[0] == "engine" and len(parts) > 1 else parts[0]


def imported_rooms(path: Path, root: Path) -> set[str]:
    """Return the rooms that a module imports relatively; ".." for what lies outside `root`."""
    package = path.relative_to(root).parent.parts
    found = set()
    for level, name in imports(path):
        if level == 0:
            continue
        up = level - 1
        if up > len(package):
            found.add("..")
            continue
        found.add(room_of((*package[: len(package) - up], *name.split("."))))
    return found


@pytest.mark.parametrize(
    ("place", "line", "expected"),
    [
        ("readers/a.py", "from .b import c", "readers"),
        ("readers/a.py", "from ..metrics import c", "metrics"),
        ("readers/a.py", "from .. import metrics", "metrics"),
        ("engine/training/a.py", "from .b import c", "engine/training"),
        ("engine/training/a.py", "from ..trained import c", "engine/trained"),
        ("engine/training/a.py", "from ...export import c", "export"),
        ("readers/a.py", "from ..engine.tracking import c", "engine/tracking"),
        ("readers/a.py", "from ...scripts import c", ".."),
        ("losses/a.py", "def f():\n    from ..metrics import c", "metrics"),
    ],
)
def test_this_file_sees_who_imports_whom(tmp_path: Path, place: str, line: str, expected: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert imported_rooms(path, tmp_path) == {expected}


def test_importing_common_imports_no_room() -> None:
    code = "import sys, common.engine; print([name for name in sys.modules if name.startswith('common.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['common.engine']"


@pytest.mark.parametrize("path", COMMON, ids=named)
def test_rooms_know_only_those_they_may(path: Path) -> None:
    root = ROOT / "common"
    parts = path.relative_to(root).parts
    if parts in (("__init__.py",), ("engine", "__init__.py")):
        return  # test_importing_common_imports_no_room
    own = room_of(parts[:-1]) if len(parts) > 1 else ""
    assert own in ALLOWED, f"{named(path)} lies in no room of the picture: see ALLOWED"
    used = imported_rooms(path, root) - {own} - LEAVES
    assert used <= ALLOWED[own], (
        f"{named(path)} imports {', '.join(sorted(used - ALLOWED[own]))}: wire the pieces in a config, or "
        f"move what both need into a leaf: {', '.join(sorted(LEAVES))}"
    )
    if own in LEAVES:
        assert imported_rooms(path, root) <= {own}, f"{named(path)}: a leaf knows no other room"


def test_the_picture_has_no_room_that_is_not_there() -> None:
    there = {
        room_of(path.relative_to(ROOT / "common").parts[:-1])
        for path in COMMON
        if path.parent.name != "common"
    }
    assert there - {"engine"} == set(ALLOWED)


@pytest.mark.parametrize("folder", sorted({path.parent for path in COMMON}), ids=named)
def test_rooms_and_the_folders_in_them_are_small(folder: Path) -> None:
    inside = [path for path in COMMON if path.parent == folder and path.name != "__init__.py"]
    assert len(inside) <= MAX_FILES, f"{named(folder)} holds {len(inside)} files: make two of it"


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_rooms_are_not_empty(room: str) -> None:
    assert any(ROOT / "common" / room in path.parents and path.name != "__init__.py" for path in COMMON)


@pytest.mark.parametrize("path", COMMON, ids=named)
def test_only_tracking_knows_mlflow(path: Path) -> None:
    roots = {name.split(".")[0] for level, name in imports(path) if level == 0}
    assert "mlflow" not in roots or path.parent.name == "tracking", named(path)


@pytest.mark.parametrize("path", COMMON, ids=named)
def test_common_imports_itself_relatively(path: Path) -> None:
    absolute = [name for level, name in imports(path) if level == 0 and name.split(".")[0] == "common"]
    assert not absolute, f"{named(path)} imports {absolute}: use dots, a packed bundle renames it"


@pytest.mark.parametrize("path", COMMON + SCRIPTS, ids=named)
def test_nobody_imports_scripts_bundles_or_tests(path: Path) -> None:
    roots = {name.split(".")[0] for level, name in imports(path) if level == 0}
    assert not roots & {"scripts", "bundles", "tests", "conftest"}
    assert "scripts" not in path.parts or not any(level for level, _ in imports(path)), (
        "scripts know only common"
    )


@pytest.mark.parametrize("path", COMMON + SCRIPTS + TESTS, ids=named)
def test_packages_that_break_are_not_imported(path: Path) -> None:
    assert not {name.split(".")[0] for _, name in imports(path)} & FORBIDDEN


@pytest.mark.parametrize("path", COMMON + SCRIPTS + TESTS, ids=named)
def test_every_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    first = docstring.split("\n\n")[0]
    assert first.rstrip().endswith((".", "?", ":")), (
        f"{named(path)}: begin with one sentence that says what it is"
    )
    assert path.name not in VAGUE, f"{named(path)}: name the file after its concept"


@pytest.mark.parametrize("path", COMMON + SCRIPTS, ids=named)
def test_files_are_short(path: Path) -> None:
    count = len(path.read_text("utf-8").splitlines())
    assert count <= MAX_LINES, (
        f"{named(path)} has {count} lines: one concept a file, at most {MAX_LINES} lines"
    )


def targets(value: Any) -> Iterator[str]:
    """Return every class or function that a config names."""
    if isinstance(value, dict) and isinstance(target := value.get("_target_"), str):
        yield target
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from targets(part)


def test_configs_name_nothing_that_is_a_module_too() -> None:
    """MONAI finds `package.thing` by pydoc, which from Python 3.12 on takes a module `thing.py` first."""
    configs = [path for folder in ("bundles", "common") for path in files(folder, "*.json")]
    named_ones = {name for path in configs for name in targets(json.loads(path.read_text("utf-8")))}
    own = {name for name in named_ones if name.startswith("common.")}
    assert len(own) > 50
    clashes = [name for name in sorted(own) if (ROOT / f"{name.replace('.', '/')}.py").is_file()]
    assert not clashes, f"{clashes}: name the file otherwise than its function"


def test_each_room_exports_by_name() -> None:
    for room in ALLOWED:
        path = ROOT / "common" / room / "__init__.py"
        assert "\n__all__ = [" in path.read_text("utf-8"), (
            f"{named(path)}: re-export the folder's public names and list them in __all__"
        )


def test_every_folder_is_a_package() -> None:
    folders = {path.parent for path in COMMON + SCRIPTS}
    missing = [named(folder) for folder in folders if not (folder / "__init__.py").is_file()]
    assert not missing, f"{missing} lack an __init__.py with one line that says what they are"


def test_bundles_hold_no_code() -> None:
    assert not [named(path) for path in files("bundles", "*.py*")]


def test_tests_mirror_common() -> None:
    """tests/<folder>/test_<concept>.py stands beside common/<folder>, or scripts, and shadows no package."""
    assert not (ROOT / "tests" / "common").exists(), "a folder tests/common would shadow the package"
    assert not [named(path) for path in TESTS if path.name == "__init__.py"]
    homes = {*ALLOWED, "engine", "scripts", "bundles"}
    for path in TESTS:
        inside = path.relative_to(ROOT / "tests").parent.as_posix()
        assert inside in (".", *homes), f"{named(path)} tests a room that common does not have"


def asserts(node: ast.AST, helpers: Set[str] = frozenset()) -> bool:
    """Tell whether something can fail in a piece of a test, by itself or in a helper that can."""
    ends = {"pytest.raises", "pytest.warns", "pytest.fail", *helpers}
    called = [ast.unparse(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node)) or any(
        name in ends or name.split(".")[-1].startswith("assert_") for name in called
    )


def idle_tests(tree: ast.Module) -> list[str]:
    """Return the tests of a file that assert nothing, neither themselves nor by a function of the file."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    helpers: set[str] = set()
    # Helpers of helpers come with a later round.
    while more := {node.name for node in functions if asserts(node, helpers)} - helpers:
        helpers |= more
    return [node.name for node in functions if node.name.startswith("test") and node.name not in helpers]


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_every_test_asserts_something(path: Path) -> None:
    idle = idle_tests(ast.parse(path.read_text("utf-8")))
    assert not idle, f"{named(path)}: {', '.join(idle)} cannot fail but by an error: assert what is promised"


@pytest.mark.parametrize(
    ("code", "idle"),
    [
        ("def test_a(): f()", ["test_a"]),
        ("def test_a(): assert f()", []),
        ("def test_a():\n with pytest.raises(ValueError): f()", []),
        ("def test_a(): np.testing.assert_allclose(f(), 1)", []),
        ("def f(): assert g()\ndef h(): f()\ndef test_a(): h()", []),
        ("class TestA:\n def test_a(self): f()\n def test_b(self): assert f()", ["test_a"]),
    ],
)
def test_this_file_sees_a_test_that_cannot_fail(code: str, idle: list[str]) -> None:
    assert idle_tests(ast.parse(code)) == idle


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    assert not twice, f"{twice} stand twice: MONAI takes the last one and only warns"
    return dict(pairs)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


@pytest.mark.parametrize("path", CONFIGS + SHARED, ids=named)
def test_configs_hold_no_programs(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"), object_pairs_hook=unique_keys)
    if path.name == "metadata.json":
        return
    for text in strings(config):
        if text.startswith("$"):
            assert "lambda" not in text, f"{named(path)}: name a function instead of {text!r}"
            assert len(text) <= MAX_EXPRESSION, f"{named(path)}: name a function for the long {text!r}"
            assert not ("@" in text and "import" in text), (
                f"{named(path)}: MONAI cannot run {text!r}: @ and import"
            )
        assert not (path in SHARED and text.startswith("%")), (
            f"{named(path)}: {text!r}: macros go one hop only"
        )


def test_no_path_of_a_machine() -> None:
    # Written in parts, so that this file does not accuse itself.
    places = "|".join(
        ("ho" + "me", "ro" + "ot", "Us" + "ers", "t" + "mp", "wo" + "rk", "o" + "pt", "m" + "nt")
    )
    pattern = re.compile(rf"(?<![\w.:/*}}])/({places})/\w|[A-Z]:\\\\?Users")
    suffixes = (".py", ".json", ".md", ".toml", ".txt", ".yml", ".cff", "")
    texts = [path for path in ROOT.iterdir() if path.is_file() and path.suffix in suffixes]
    for folder in ("bundles", "common", "docs", "scripts", "tests", ".ci", ".github"):
        texts += [path for path in files(folder, "*") if path.is_file() and path.suffix in suffixes]
    found = []
    for path in texts:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{named(path)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)
