"""A folder that MONAI Label's server runs: packed bundles, and the code that serves them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_whole, write_whole_folder
from ..messages import sentence
from .own_code import copy_code, rooms_needed
from .pack import pack_bundle
from .packed_folder import INVENTORY, refuse_foreign

__all__ = ["WEB_APP", "write_label_app"]

_log = logging.getLogger(__name__)

_PACKAGE = "nuclei_label"
WEB_APP = f"{_PACKAGE}.label_server.monai_label.web:app"
"""What the server runs: MONAI Label's own web application, with limits."""
_MAIN = f'''"""What MONAI Label's server runs: the bundles of the folder `model`."""

from {_PACKAGE}.label_server.monai_label.nuclei_app import NucleiApp

__all__ = ["NucleiApp"]
'''


def write_label_app(
    app: Path, folders: list[Path], *, runs: Path, options: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Write the folder, or make one anew: bundles that were served before go, trainings in `trained` stay.

    Args:
        app: the folder.
        folders: of the bundles in the repository.
        runs: folder of one's own trainings: a bundle has the weights `runs/BUNDLE/model.pt` where they are,
            else the released ones.
        options: what bundles that have an option of this name are loaded and trained with.

    Returns:
        What is wrong with the bundles that could not be packed, one sentence each; the others are there.

    Raises:
        FileExistsError: the folder holds something else, or a bundle of before that was changed there.
        RuntimeError: no bundle could be packed.
    """
    if app.exists() and any(app.iterdir()) and not (app / "main.py").is_file():
        raise FileExistsError(f"{app} holds something else than an app of this project: name another --app")
    faults = {}
    _remove_packs(app / "model", keep={folder.name for folder in folders})
    for folder in folders:
        try:
            own = runs / folder.name / "model.pt"
            pack_bundle(folder, app / "model", weights=own if own.is_file() else None).archive.unlink()
        except (OSError, ValueError, RuntimeError) as error:
            faults[folder.name] = sentence(error)
            _log.error("%s is not served: %s", folder.name, faults[folder.name])
    if len(faults) == len(folders):
        raise RuntimeError(f"no bundle can be served: {next(iter(faults.values()), 'none is named')}")
    rooms = rooms_needed({"main": f"{_PACKAGE}.label_server.monai_label"}, _PACKAGE)
    write_whole_folder(app / _PACKAGE, lambda part: _copy(rooms, part))
    told = json.dumps({"options": dict(options or {}), "faults": faults}, indent=1) + "\n"
    write_whole(app / "served.json", lambda part: part.write_text(told, encoding="utf-8"))
    write_whole(app / "main.py", lambda part: part.write_text(_MAIN, encoding="utf-8"))
    return faults


def _remove_packs(place: Path, *, keep: set[str]) -> None:
    earlier = [folder for folder in sorted(place.glob("*")) if (folder / INVENTORY).is_file()]
    for folder in earlier:
        if folder.name not in keep:
            refuse_foreign(folder)
            shutil.rmtree(folder)


def _copy(rooms: list[str], part: Path) -> None:
    part.rmdir()
    copy_code(rooms, part)
