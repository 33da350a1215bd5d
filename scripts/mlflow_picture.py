"""Photograph MLflow's pages for the documents: charts of two trainings, or a table's runs compared.

python -m scripts.mlflow_picture --store sqlite:///mlruns.db
python -m scripts.mlflow_picture --store sqlite:///mlruns.db --table logsage/table_1

Needs Chromium, Chrome or Edge. What the picture was made from is written beside it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import numpy as np

from common.commands import main
from common.experiments import slug
from common.export import write_picture
from common.figures import find_browser, photograph_page
from common.files import sha256_of, write_whole

PICTURES = Path("docs/pictures")
PICTURE, RECORD = "mlflow.png", "mlflow.json"
COMMAND = "python -m scripts.mlflow_picture --store STORE"
CHARTS = ("pq_pooled", "train_loss", "val_loss")
"""What is shown of each training, epoch by epoch."""
SETTINGS = (
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "crop_px",
    "warmup_epochs",
    "learning_rate",
    "seed",
    "row",
)
TRAININGS = "tags.job = 'training' and attributes.status = 'FINISHED'"
CELLS = "tags.table = '{table}' and tags.job = 'evaluating' and attributes.status = 'FINISHED'"
SCORES = ("test/pq_pooled", "test/f1_50_pooled", "test/dice_mean")
"""What is shown of each cell of a table."""
# A page of 1240 px is legible where the README shows it 830 px wide.
SIZE_PX, SCALE, COLOURS = (1240, 690), 1.34, 128
TABLE_SIZE_PX = (1240, 800)
# The first visit opens MLflow's assistant, which covers a quarter of the page.
REMEMBERED = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}
# The assistant's button, and the charts' tools, which a browser without a mouse shows all the time.
HIDDEN = ".modebar-container, [data-assistant-ui]"


def mlflow_picture(
    store: str,
    *,
    experiment: str | None = None,
    table: str | None = None,
    output_dir: str = PICTURES.as_posix(),
) -> Path:
    """Start MLflow on a store, take a picture of its charts of some runs, and end it.

    Args:
        store: address of a data base, for example sqlite:///mlruns.db.
        experiment: name of the experiment; the default is the first that has exactly two finished trainings,
            or the first that has runs of the table.
        table: show the evaluations of a table's cells, "logsage/table_1", instead of two trainings.
        output_dir: folder of the picture and its record.

    Returns:
        The picture.

    Raises:
        FileNotFoundError: if there is no browser.
        ValueError: if the store has no such experiment.
        TimeoutError: if MLflow or its page does not get ready.
    """
    find_browser()  # before MLflow takes its time
    with _server(store) as address:
        if table is None:
            number, runs = _two_trainings(address, store, experiment)
            picture = _photograph(address, number, TRAININGS, CHARTS, size_px=SIZE_PX, steps={})
        else:
            number, runs = _cells(address, store, experiment, table)
            picture = _photograph(
                address, number, CELLS.format(table=table), SCORES, size_px=TABLE_SIZE_PX,
                steps={_unfold(): _shows_links(min(len(runs), 5))},
            )  # fmt: skip
        with urlopen(f"{address}/version", timeout=10) as answer:
            version = answer.read().decode()
    name = PICTURE if table is None else f"mlflow_{slug(table.replace('/', '_'))}.png"
    file = write_picture(Path(output_dir) / name, picture, colours=COLOURS)
    noted = {name for run in runs for name in _names(run["data"].get("metrics", []))}
    record = {
        "picture": sha256_of(file),
        "command": COMMAND if table is None else f"{COMMAND} --table {table}",
        "mlflow": version,
        "trainings" if table is None else "evaluations": [
            {
                "name": run["info"]["run_name"],
                # A cell's own command names places of the machine; the table's is enough to make it anew.
                **({"command": _tags(run).get("command")} if table is None else {}),
                "git_commit": _tags(run).get("git_commit"),
                "settings": {name: _params(run)[name] for name in SETTINGS if name in _params(run)},
            }
            for run in runs
        ],
        # What the losses' terms are called is the bundle's own.
        "noted": sorted(name for name in noted if not name.startswith("train_loss_")),
    }
    text = json.dumps(record, indent=2) + "\n"
    write_whole(file.with_suffix(".json"), lambda part: part.write_text(text, encoding="utf-8"))
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
    return file


def _photograph(
    address: str,
    number: str,
    runs: str,
    charts: tuple[str, ...],
    *,
    size_px: tuple[int, int],
    steps: dict[str, str],
) -> np.ndarray:
    """Return a picture of the charts of an experiment's runs."""
    shown = {"workflowType": "machine_learning", "compareRunsMode": "CHART", "searchFilter": runs}
    return photograph_page(
        f"{address}/#/experiments/{number}/runs?{urlencode(shown, quote_via=quote)}",
        ready=_drawn(),
        size_px=size_px,
        scale=SCALE,
        remembered=REMEMBERED,
        steps={
            _press("Toggle sidebar"): "true",
            **steps,
            _search("^(" + "|".join(charts) + ")$"): _drawn(len(charts)),
        },
        hidden=HIDDEN,
    )


def _unfold() -> str:
    """Return the JavaScript that shows the runs below the first run in the list.

    The button has no name: it is the small one without words to the left of the run's own link.
    """
    return (
        "(() => { const link = document.querySelector('a[href*=\"/runs/\"]');"
        "for (let place = link.parentElement; place; place = place.parentElement) {"
        "const left = [...place.querySelectorAll('button, [role=button]')].find(each =>"
        " !each.textContent.trim() && each.querySelector('svg') && each.getBoundingClientRect().width < 30"
        " && each.getBoundingClientRect().right <= link.getBoundingClientRect().left + 2);"
        "if (left) { left.click(); return; } } })()"
    )


def _shows_links(number: int) -> str:
    return f"document.querySelectorAll('a[href*=\"/runs/\"]').length > {number}"


def _drawn(charts: int | None = None) -> str:
    """Return the JavaScript that is true when all charts have their lines, and there are so many of them."""
    every = "[...document.querySelectorAll('.js-plotly-plot')]"
    number = "length > 0" if charts is None else f"length === {charts}"
    return f"{every}.{number} && {every}.every(chart => chart.querySelector('.trace'))"


def _press(label: str) -> str:
    return f"document.querySelector({json.dumps(f'[aria-label={json.dumps(label)}]')}).click()"


def _search(words: str) -> str:
    """Return the JavaScript that types into the field above the charts, in the way that React notices."""
    return (
        "(() => { const box = document.querySelector(\"input[placeholder='Search metric charts']\");"
        "Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')"
        f".set.call(box, {json.dumps(words)});"
        "box.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def _two_trainings(address: str, store: str, experiment: str | None) -> tuple[str, list[dict[str, Any]]]:
    """Return the number of an experiment and its two trainings."""
    counts = {}
    for each in _ask(address, "experiments/search", max_results=1000).get("experiments", []):
        asked = {"experiment_ids": [each["experiment_id"]], "filter": TRAININGS, "max_results": 3}
        runs = _ask(address, "runs/search", **asked).get("runs", [])
        if len(runs) == 2 and experiment in (None, each["name"]):
            return each["experiment_id"], runs
        counts[each["name"]] = len(runs)
    told = ", ".join(f"{name} {count if count < 3 else 'more'}" for name, count in counts.items()) or "none"
    raise ValueError(
        f"{store} has no experiment{f' {experiment!r}' if experiment else ''} with exactly two finished "
        f"trainings ({told}): train twice with MLFLOW_TRACKING_URI={store}"
    )


def _cells(address: str, store: str, experiment: str | None, table: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the number of an experiment and its evaluations of a table's cells."""
    for each in _ask(address, "experiments/search", max_results=1000).get("experiments", []):
        asked = {"filter": CELLS.format(table=table), "max_results": 1000}
        runs = _ask(address, "runs/search", experiment_ids=[each["experiment_id"]], **asked).get("runs", [])
        if runs and experiment in (None, each["name"]):
            return each["experiment_id"], runs
    where = f" in the experiment {experiment!r}" if experiment else ""
    bundle, _, name = table.partition("/")
    raise ValueError(
        f"{store} has no evaluations of the table {table!r}{where}: run it,"
        f" python -m scripts.reproduce {bundle} --table {name or 'NAME'}"
    )


def _ask(address: str, what: str, **words: Any) -> dict[str, Any]:
    body, head = json.dumps(words).encode(), {"Content-Type": "application/json"}
    with urlopen(Request(f"{address}/api/2.0/mlflow/{what}", body, head), timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _names(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["key"] for entry in entries}


def _params(run: dict[str, Any]) -> dict[str, str]:
    return {entry["key"]: entry["value"] for entry in run["data"].get("params", [])}


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}


@contextmanager
def _server(store: str, *, timeout_s: float = 180.0) -> Iterator[str]:
    """Run MLflow on a store and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    where = ["--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with tempfile.TemporaryFile() as words:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *where], stdout=words, stderr=words
        )
        try:
            end = time.monotonic() + timeout_s
            while not _answers(address):
                if server.poll() is not None or time.monotonic() > end:
                    words.seek(0)
                    said = words.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                    raise TimeoutError(f"MLflow does not run on {store}: {said[-1]}")
                time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        urlopen(f"{address}/health", timeout=5).close()
    except (URLError, OSError):
        return False
    return True


if __name__ == "__main__":
    main(mlflow_picture)
