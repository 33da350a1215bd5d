"""What the documents tell people to type exists, versions agree, links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bundles/**/*.md")]
    if path.is_file()
)
# What `python -m monai.bundle run` takes besides the keys of a config file.
RUN_OPTIONS = {
    "run_id",
    "init_id",
    "final_id",
    "meta_file",
    "config_file",
    "logging_file",
    "tracking",
    "args_file",
}

# Packages whose modules are called otherwise.
MODULES = {
    **{"pytorch-ignite": "ignite", "scikit-image": "skimage", "scikit-learn": "sklearn", "pillow": "PIL"},
    **{"pynrrd": "nrrd", "openslide-python": "openslide", "swagger-ui-bundle": "swagger_ui_bundle"},
}
# Packages that no file imports.
NOT_IMPORTED = {
    "einops": "MONAI's Swin Transformer imports it",
    "hover-net": "the test of its scores reads the file itself",
    "pydantic": "bioimageio.core imports it, and does not say which versions it cannot use",
    "pytest-xdist": "a part of pytest, for `make test`",
    "openslide-bin": "openslide-python's library",
    "pydicom": "MONAI Label imports it, and does not say that it cannot use version 3",
    "ruff": "a command of `make lint`",
    "mypy": "a command of `make lint`",
    "onnxscript": "torch's exporter to ONNX imports it",
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(text: str) -> list[str]:
    """Return the lines of fenced shell blocks, continuation lines joined, comments and prompts left out."""
    found = []
    for block in re.findall(r"```(?:sh|bash|console|bat|powershell)\n(.*?)```", text, flags=re.DOTALL):
        for line in re.sub(r"[\\^`]\n\s*", " ", block).splitlines():
            line = re.sub(r"\s#.*$", "", line).strip().removeprefix("$ ")
            if line and not line.startswith("#"):
                found.append(line)
    return found


def options(command: str) -> set[str]:
    return {re.split(r"[=:#]", name)[0] for name in re.findall(r"--([\w:#=]+)", command)}


def parameters(script: Path) -> set[str]:
    """Return the parameters of a script's public function, the one that its last lines give to `main`."""
    tree = ast.parse(script.read_text("utf-8"))
    ran = [
        call.args[0].id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "main"
        if isinstance(call.args[0], ast.Name)
    ]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in ran:
            arguments = node.args
            return {one.arg for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    raise AssertionError(f"{named(script)} gives no function of its own to main")


def check_command(command: str) -> None:
    if make := re.fullmatch(r"make ([a-z-]+)", command):
        assert re.search(rf"^{make[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), command
    for file in re.findall(r"(?<=-r )(\S+)", command):
        assert (ROOT / file).is_file(), f"{command}: {file} is not there"
    if " monai.bundle run" in command:
        files = re.findall(r"[\w./-]+\.json", command)
        assert files, f"{command}: name the config file"
        missing = [file for file in files if not (ROOT / file).is_file()]
        assert not missing, f"{command}: {missing} are not there"
        keys = set(json.loads((ROOT / files[0]).read_text("utf-8")))
        unknown = options(command) - keys - RUN_OPTIONS
        assert not unknown, f"{command}: {files[0]} has no {sorted(unknown)}"
        run_id = re.search(r"monai\.bundle run (\w+)", command)
        assert (run_id[1] if run_id else "run") in keys, f"{command}: {files[0]} has no such key"
    if script := re.search(r" -m scripts\.(\w+)", command):
        path = ROOT / "scripts" / f"{script[1]}.py"
        assert path.is_file(), f"{command}: {named(path)} is not there"
        unknown = options(command) - parameters(path)
        assert not unknown, f"{command}: {named(path)} has no {sorted(unknown)}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_commands_exist(path: Path) -> None:
    for command in commands(path.read_text("utf-8")):
        check_command(command)


def test_the_readme_shows_the_commands_that_matter() -> None:
    shown = commands((ROOT / "README.md").read_text("utf-8"))
    assert shown[-1] and "make quickstart" in shown and "make test" in shown
    assert "python -m monai.bundle run training --config_file bundles/logsage/configs/train.json" in shown
    assert any(command.startswith(r".venv\Scripts\python") for command in shown), "Windows has no make"


@pytest.mark.parametrize(
    "command",
    [
        "make quickstar",
        "pip install -r requirement.txt",
        "python -m monai.bundle run training --config_file bundles/logsage/configs/trian.json",
        "python -m monai.bundle run training --config_file bundles/logsage/configs/train.json --epoch 3",
        "python -m monai.bundle run trainin --config_file bundles/logsage/configs/train.json",
        "python -m scripts.quickstart --outptu x",
        "python -m scripts.quickstar",
    ],
)
def test_this_file_sees_a_slip(command: str) -> None:
    with pytest.raises(AssertionError):
        check_command(command)


@pytest.mark.parametrize("path", sorted(ROOT.glob("scripts/[a-z]*.py")), ids=named)
def test_a_script_begins_with_its_command(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert f"python -m scripts.{path.stem}" in docstring
    assert parameters(path)


def version(pattern: str, file: str) -> str:
    found = re.search(pattern, (ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert found, f"{file} names no version"
    return found[1]


def test_versions_agree() -> None:
    expected = version(r'^version = "([\d.]+)"', "pyproject.toml")
    assert version(r"^## ([\d.]+)", "CHANGELOG.md") == expected
    assert version(r"^version: \"?([\d.]+)", "CITATION.cff") == expected


def test_pins_lie_in_the_ranges() -> None:
    """Every package of requirements.txt is in pyproject.toml and the other way round; two are pinned."""

    def packages(lines: list[str]) -> dict[str, str]:
        found = {}
        for line in lines:
            name, rest = re.match(r"([\w-]+)(.*)", line).groups()  # type: ignore[union-attr]
            found[name] = rest.split("#")[0].strip()
        return found

    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = text.split("\ndependencies = [\n")[1].split("\n]")[0]
    ranges = packages(re.findall(r'^ +"([^"]+)"', block, re.MULTILINE))
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = packages([line for line in lines if line and not line.startswith("#")])
    assert pins.keys() == ranges.keys()
    assert {name for name, pin in pins.items() if "==" in pin} == {"torch", "monai"}
    assert {name: pin for name, pin in pins.items() if "==" not in pin} == {
        name: given for name, given in ranges.items() if name not in ("torch", "monai")
    }


def imported(files: Iterable[Path]) -> set[str]:
    """Return the other packages that files import, `pytest.importorskip` included."""
    found: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
                found.add(ast.literal_eval(node.args[0]))
    own = {"common", "scripts", *(path.stem for path in (ROOT / "tests").glob("*.py"))}
    return {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - own


def required(*files: str) -> set[str]:
    lines = [line for file in files for line in (ROOT / file).read_text("utf-8").splitlines()]
    return {found[0] for line in lines if (found := re.match(r"[\w-]+", line))}


def test_what_is_imported_is_required_and_the_other_way_round() -> None:
    # What runs in the environment of MONAI Label's server has requirements of its own.
    there = [*ROOT.glob("common/label_server/**/*.py"), *ROOT.glob("tests/**/*label_server*")]
    there += ROOT.glob("tests/label_server/*.py")
    ours = imported({*ROOT.glob("common/**/*.py"), *ROOT.glob("scripts/*.py")} - {*there})
    tests = imported({*ROOT.glob("tests/**/*.py")} - {*there})
    needed, for_tests = (
        required("requirements.txt", "requirements-export.txt", "requirements-sam.txt"),
        required("requirements-test.txt", "requirements-peers.txt"),
    )
    every = needed | for_tests | required("requirements-label.txt")
    assert NOT_IMPORTED.keys() <= every and MODULES.keys() <= every
    assert {MODULES.get(name, name) for name in needed - NOT_IMPORTED.keys()} == ours
    known = {MODULES.get(name, name) for name in needed | for_tests}
    assert tests <= known, f"requirements-test.txt lacks {sorted(tests - known)}"
    served = required("requirements-label.txt")
    label = {MODULES.get(name, name) for name in served - NOT_IMPORTED.keys()} | {"pydantic"}
    there_used = imported(path for path in there if path.is_file())
    assert there_used - known <= label, f"requirements-label.txt lacks {sorted(there_used - known - label)}"
    assert label <= there_used | {"numpy"}, f"nothing imports {sorted(label - there_used)}"
    used = {MODULES.get(name, name) for name in for_tests - NOT_IMPORTED.keys()}
    assert used <= tests, f"no test imports {sorted(used - tests)}"


def test_this_file_sees_imports(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import os, torch.nn\nfrom PIL import Image\nfrom . import b\nimport common.files\n"
        "def f():\n    from ignite.engine import Engine\n    pytest.importorskip('sklearn.metrics')\n"
    )
    assert imported([tmp_path / "a.py"]) == {"torch", "PIL", "ignite", "sklearn"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file) if file else path
        assert place.exists(), f"{named(path)} links to {target}, which is not there"
        if anchor and place.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", place.read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{named(path)} links to {target}: no such heading"


CARD_SECTIONS = (
    *("Intended use and limits", "Input and output", "Scores", "Commands", "Reference", "Licence"),
)


@pytest.mark.parametrize(
    "card", sorted(ROOT.glob("bundles/*/docs/README.md")), ids=lambda card: card.parts[-3]
)
def test_a_bundles_card_has_all_sections_and_its_own_commands(card: Path) -> None:
    text, name = card.read_text("utf-8"), card.parts[-3]
    found = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    places = [
        i
        for section in CARD_SECTIONS
        for i, title in enumerate(found)
        if title.split(",")[0].rstrip("s") == section.rstrip("s")
    ]
    assert len(places) == len(CARD_SECTIONS) and places == sorted(places), found
    for configuration in ("train", "inference"):
        assert f"bundles/{name}/configs/{configuration}.json" in text
    described = json.loads((card.parents[1] / "configs" / "metadata.json").read_text("utf-8"))
    assert described["intended_use"].startswith("Research only") and "not for diagnosis" in text
    maps = described["network_data_format"]["outputs"]["pred"]["channel_def"].values()
    assert all(one in re.sub(r"\s+", " ", text) for one in maps), "the card names the maps otherwise"
