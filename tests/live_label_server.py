"""A server of MONAI Label that tests start, and what its clients do."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import requests
import tifffile

ROOT = Path(__file__).resolve().parents[1]


class Server(NamedTuple):
    """A server that runs, and where its things lie."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=params, timeout=60)

    def infer(self, model: str, image: str, **params: Any) -> requests.Response:
        return requests.post(
            f"{self.url}/infer/{model}", params={"image": image, "output": "image"},
            data={"params": json.dumps(params)}, timeout=300,
        )  # fmt: skip

    def labels(self, model: str, image: str, **params: Any) -> np.ndarray:
        answer = self.infer(model, image, result_extension=".tif", **params)
        assert answer.status_code == 200, answer.text
        return np.asarray(tifffile.imread(io.BytesIO(answer.content)))

    def submit(self, image: str, labels: np.ndarray, name: str = "label.tif") -> requests.Response:
        file = io.BytesIO()
        tifffile.imwrite(file, labels)
        return requests.put(
            f"{self.url}/datastore/label", params={"image": image},
            files={"label": (name, file.getvalue())}, timeout=60,
        )  # fmt: skip

    def train(self, model: str, **how: Any) -> dict[str, Any]:
        """Train in the background, and ask now and then whether it is done."""
        started = requests.post(f"{self.url}/train/{model}", json=how, timeout=60)
        assert started.status_code == 200, started.text
        while (state := self.get("/train/").json())["status"] in ("SUBMITTED", "RUNNING"):
            assert self.get("/info/").status_code == 200  # it answers meanwhile
            time.sleep(0.5)
        assert state["status"] == "DONE", state
        return dict(state)


def run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def options(values: Mapping[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def bundle_run(config: str, *start: str, **values: Any) -> str:
    command = [sys.executable, "-m", "monai.bundle", "run", *start, "--config_file", config]
    return run([*command, *options(values)])


@contextmanager
def started(folder: Path, **values: Any) -> Iterator[Server]:
    """Start a server, and wait until it answers.

    Args:
        folder: of its app, its log and its MLflow store.
        values: options of `scripts.serve`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "scripts.serve",
        *options({"app": folder / "app", "port": port, **values}),
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlruns.db'}"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", process, folder)
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "server.log").read_text()[-4000:]
            try:
                assert server.get("/info/").status_code == 200
                break
            except requests.ConnectionError:
                time.sleep(0.5)
        yield server
    finally:
        process.kill()
        process.wait()
