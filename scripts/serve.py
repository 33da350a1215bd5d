"""Segment, correct and retrain in MONAI Label's clients: `python -m scripts.serve --studies IMAGES`.

Packs bundles, writes an app of them, and starts MONAI Label's server on this machine alone. It runs in an
environment of its own: `make label` makes it, or `pip install -r requirements-label.txt`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from common.bundle_config import bundle_folder, project_root
from common.commands import main
from common.files import write_whole_folder
from common.packing import WEB_APP, check_name, write_label_app
from common.sample import ensure_sample

# MONAI Label keeps the weights of its own models up to date by itself, and looks for them online.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def serve(
    studies: str | None = None,
    *,
    bundles: str | tuple[str, ...] = "logsage",
    port: int = 8000,
    host: str = "127.0.0.1",
    app: str = "runs/label_app",
    runs: str = "runs",
    sam_weights: str | None = None,
    upload_mb: int = 2048,
    start: bool = True,
) -> Path:
    """Serve bundles to MONAI Label's clients until it is stopped (Ctrl+C).

    The bundles have the weights of your own training (RUNS/BUNDLE/model.pt), else those released with them.
    One without weights can be trained by the server, from corrected labels.

    Args:
        studies: folder of the images; corrected labels come into its folder `labels/final`. Without it images
            of the embedded sample are served, copied to runs/label_studies.
        bundles: names with commas.
        port: where the server listens.
        host: 127.0.0.1: this machine alone; 0.0.0.0: everyone who can reach it, who can then read the images
            and write labels.
        app: folder of the packed bundles and of what they learn; made anew but for the latter.
        runs: the folder of your trainings.
        sam_weights: what eunet3plus_sam takes for SAM, a folder or a name on the hub, see its document.
        upload_mb: larger requests are refused.
        start: whether the server starts; otherwise the folder alone is made.

    Returns:
        The app's folder; where the server starts this does not return.

    Raises:
        FileNotFoundError: there is no such folder of images, or no such bundle.
        ImportError: MONAI Label is not installed here.
        ValueError: nothing is named to serve.
    """
    if studies is not None and not Path(studies).is_dir():
        raise FileNotFoundError(f"--studies {studies} is no folder: name one with images")
    if not 0 < int(port) < 65536:
        raise ValueError(f"--port {port} is none: name one from 1 to 65535")
    if start and importlib.util.find_spec("monailabel") is None:
        raise ImportError(
            "MONAI Label is not installed here: `make label` makes its own environment and starts it, or"
            " `pip install -r requirements-label.txt` in one"
        )
    names = bundles.split(",") if isinstance(bundles, str) else list(bundles)
    folders = [bundle_folder(name.strip()) for name in names if name.strip()]
    if not folders:
        raise ValueError("--bundles names none: name one, or several with commas")
    for folder in folders:
        check_name(folder.name)
    place = Path(app).resolve()
    options = {} if sam_weights is None else {"sam_weights": _whole_path(sam_weights)}
    faults = write_label_app(place, folders, runs=Path(runs), options=options)
    if not start:
        return place
    images = (_sample() if studies is None else Path(studies)).resolve()
    command = [
        *(sys.executable, "-m", "monailabel.main", "start_server", "--app", str(place)),
        *("--studies", str(images), "--host", host, "--port", str(port), "--uvicorn_app", WEB_APP),
    ]
    path = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    tracked = f"sqlite:///{(project_root() / 'mlruns.db').as_posix()}"
    environment = {
        "MLFLOW_TRACKING_URI": tracked, **os.environ, **_OFFLINE, "PYTHONPATH": path,
        "NUCLEI_LABEL_UPLOAD_MB": str(int(upload_mb)),
        # What clients send lies in a folder of its own: no request reaches files of other programs.
        "TMPDIR": tempfile.mkdtemp(prefix="nuclei_label_"),
    }  # fmt: skip
    served = ", ".join(folder.name for folder in folders if folder.name not in faults)
    print(f"serving {served} at http://{host}:{port}", flush=True)
    # The server takes this process' place: whoever stops this one stops it.
    os.execve(sys.executable, command, environment)


def _whole_path(weights: str) -> str:
    """Return a folder so that it is found from anywhere, since trainings run in folders of their own."""
    folder = Path(weights).expanduser()
    return str(folder.resolve()) if folder.is_dir() else weights


def _sample() -> Path:
    """Return a folder of the embedded sample's images of its own: labels come into it."""
    folder = Path("runs") / "label_studies"
    if not folder.is_dir():
        images = ensure_sample("runs/sample_fluorescence") / "images"
        write_whole_folder(folder, lambda part: [shutil.copy(file, part) for file in images.iterdir()])
    return folder


if __name__ == "__main__":
    main(serve)
