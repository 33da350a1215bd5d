"""Time what must be quick: `python -m scripts.benchmark [WHAT] [--repeats 9] [--output FILE.json]`.

python -m scripts.benchmark inference [--peers] [--bundles logsage,unet] [--image_px 1024]
python -m scripts.benchmark training [--bundles logsage,unet+he] [--num_workers 2] [--sam_weights FOLDER]
python -m scripts.benchmark export [--bundles logsage,unet] [--write]

Prints a Markdown table. Threads are torch's: `OMP_NUM_THREADS=1` in front takes one.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from typing import Any

from common.benchmarks import (
    CLOCKS,
    EAGER,
    PARTS,
    chosen_bundles,
    describe_machine,
    markdown,
    time_exported,
    time_inference,
    time_task,
    time_training,
    write_report,
)
from common.bundle_config import bundle_folder
from common.commands import main
from common.devices import tune_cpu
from common.packing import export_every_way, put_table
from common.peers import peer_python

BUNDLES = ("inference", "training", "export")
_GOES_WITH = {
    "bundles": BUNDLES,
    **dict.fromkeys(("image_px", "peers", "peers_dir", "clock"), ("inference",)),
    **dict.fromkeys(("num_workers", "sam_weights"), ("training",)),
    "write": ("export",),
}


def benchmark(
    what: str = "all",
    *,
    repeats: int = 9,
    bundles: Any = None,
    image_px: int = 1024,
    peers: bool = False,
    peers_dir: str = "runs/peers",
    clock: str = "wall",
    num_workers: int | None = None,
    sam_weights: str | None = None,
    write: bool = False,
    output: str | None = None,
) -> list[dict[str, Any]]:
    """Time bundles or single parts, and print a table.

    Inference goes from a file to a label map in memory, with random weights, and with true maps (and noise)
    for the decoder, on one crowded image of the sample: 1,402 nuclei at 1024 px. All take turns, so that
    ratios hold on a busy machine. StarDist is timed likewise, by its own package in its own environment.

    Export takes minutes a bundle: the network, with random weights, is written in every format, each file is
    held against it and timed beside it.

    Args:
        what: "inference", "training" or "export" of bundles; "metrics", "decoding", "targets", "curvature",
            or "all" of these four.
        repeats: how often each is timed, of which the median counts; one more warms up.
        bundles: which; all by default, but for those that need weights from outside. A bundle's overlays
            may follow its name: "unet+he".
        image_px: height and width of the image of inference.
        peers: time StarDist beside the bundles' inference.
        peers_dir: folder of the peers' environments.
        clock: of inference: "wall", or "processor", which leaves out what a busy machine does meanwhile; with
            one thread, as all threads' time is added up.
        num_workers: processes that make the batches of a training; as the bundle has it by default.
        sam_weights: SAM of a training, see the bundle eunet3plus_sam.
        write: of an export: put each bundle's table into its docs/README.md.
        output: JSON file for the same figures.

    Returns:
        The rows of the table.

    Raises:
        ValueError: if there is no such benchmark or bundle, an option does not go with it, or there is
            nothing to repeat.
        FileNotFoundError: if the peer's environment has not been made.
    """
    given = {
        "bundles": bundles, "image_px": image_px, "peers": peers, "peers_dir": peers_dir, "clock": clock,
        "num_workers": num_workers, "sam_weights": sam_weights, "write": write,
    }  # fmt: skip
    _check(what, repeats, given)
    if clock not in CLOCKS:
        raise ValueError(f"--clock is {clock}: choose {' or '.join(CLOCKS)}")
    python = peer_python("stardist", root=peers_dir) if peers else None
    machine = describe_machine() | ({"clock": clock} if what == "inference" else {})
    with tempfile.TemporaryDirectory() as folder:
        if what in BUNDLES:
            tune_cpu()  # as every program of ours
            names = chosen_bundles(bundles)
            if what == "inference":
                rows = time_inference(
                    names, folder, image_px=image_px, rounds=repeats, clock=clock, peer=python
                )
            elif what == "export":
                rows = [row for name in names for row in _export(name, machine, repeats, write=write)]
            else:
                options = {name: given[name] for name in ("num_workers", "sam_weights")}
                options = {name: value for name, value in options.items() if value is not None}
                rows = time_training(names, folder, steps=repeats, options=options)
        else:
            parts = PARTS if what == "all" else {what: PARTS[what]}
            tasks = [task for make_tasks in parts.values() for task in make_tasks()]
            rows = [time_task(task, repeats=repeats) for task in tasks]
    print(", ".join(f"{key} {value}" for key, value in machine.items()), end="\n\n")
    print(markdown(rows))
    if output is not None:
        write_report(output, machine, what=what, repeats=repeats, tasks=rows)
    return rows


def _export(bundle: str, machine: dict[str, Any], repeats: int, *, write: bool) -> list[dict[str, Any]]:
    """Return the rows of a bundle's table, which is put into its document if that is wished."""
    name, *overlays = bundle.split("+")
    if write and overlays:
        raise ValueError(f"--write puts the table of a bundle as it is into its document, not of {bundle}")
    folder = bundle_folder(name)
    made = export_every_way(folder, overlays=overlays)
    times = time_exported(made.network, made.programs, made.image, rounds=repeats)
    for row in made.rows:
        if row["format"] in times:
            row["time"] = times[row["format"]] / times[EAGER]
    if write:
        told = ", ".join(f"{name} {machine[name]}" for name in ("processor", "threads", "load", "torch"))
        shape = " x ".join(str(side) for side in made.image.shape[1:])
        text = (
            f"{markdown(made.rows)}\n\nAny batch. Random weights, noise of {shape}, float32; difference is"
            f" relative to a map's largest number; time is that of the network in Python ({times[EAGER]:.3g}"
            f" s) times this, medians of {repeats}: {told}."
        )
        put_table(folder / "docs" / "README.md", text)
    return [{"bundle": bundle, **row} for row in made.rows]


def _check(what: str, repeats: int, given: Mapping[str, Any]) -> None:
    known = [*BUNDLES, "all", *PARTS]
    if what not in known:
        raise ValueError(f"There is no benchmark {what!r}: choose one of {', '.join(known)}.")
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}: choose 1 or more.")
    defaults = inspect.signature(benchmark).parameters
    for name, jobs in _GOES_WITH.items():
        if given[name] != defaults[name].default and what not in jobs:
            raise ValueError(f"--{name} goes with {' or '.join(jobs)}, not with {what}: leave it out")


if __name__ == "__main__":
    main(benchmark)
