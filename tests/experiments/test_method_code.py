"""Which code a cell hangs on: what its classes need, and no sentence, picture or other network."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiments import code_fingerprint, files_of_method, method_config

FILES = {
    "__init__.py": "",
    "networks/__init__.py": "from .mine import Mine\nfrom .other import Other\n",
    "networks/mine.py": '"""Mine."""\nfrom ..geometry import side\nfrom ..export import draw\n'
    "class Mine: x = 1\n",
    "networks/other.py": "class Other:\n    x = 1\n",
    "geometry/__init__.py": "from .sides import side\nfrom .angles import angle\n",
    "geometry/sides.py": "def side(): return 2  # pixels\n",
    "geometry/angles.py": "def angle(): return 3\n",
    "export/__init__.py": "def draw(): return 4\n",
}
CONFIG = {"network_def": {"_target_": "common.networks.Mine"}, "seed": 0}


def write(folder: Path, **changed: str) -> Path:
    package = folder / "common"
    for name, text in {**FILES, **changed}.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return package


def test_what_a_class_imports_is_followed_to_the_file(tmp_path: Path) -> None:
    package = write(tmp_path)
    found = [file.relative_to(package).as_posix() for file in files_of_method(CONFIG, package=package)]
    assert found == ["geometry/sides.py", "networks/mine.py"]


@pytest.mark.parametrize(
    ("file", "old", "new", "other"),
    [
        ("networks/mine.py", "x = 1", "x = 2", True),
        ("geometry/sides.py", "return 2", "return 3", True),
        ("geometry/sides.py", "# pixels", "# of the crop, in pixels", False),
        ("networks/mine.py", "Mine.", "Mine, which is new.", False),
        ("networks/other.py", "x = 1", "x = 2", False),
        ("geometry/angles.py", "3", "4", False),
        ("export/__init__.py", "4", "5", False),
    ],
)
def test_only_code_that_decides_counts(tmp_path: Path, file: str, old: str, new: str, other: bool) -> None:
    before = code_fingerprint(CONFIG, package=write(tmp_path / "before"))
    package = write(tmp_path / "after", **{file: FILES[file].replace(old, new)})
    assert (code_fingerprint(CONFIG, package=package) != before) == other


def test_of_a_bundle_the_scores_and_its_own_network_count(repository: Path) -> None:
    found = {file.name for file in files_of_method(method_config(repository / "bundles" / "logsage"))}
    assert {"logsage.py", "level_set_curvature.py", "matching.py", "crop_sampler.py", "tiff_file.py"} <= found
    assert not {"resnet18_unet.py", "mlflow_run.py", "progress.py", "overlay.py", "nearest.py"} & found
