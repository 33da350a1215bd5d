"""Time what must be quick: `python -m scripts.benchmark [WHAT] [--repeats 9] [--output FILE.json]`.

python -m scripts.benchmark inference [--peers] [--bundles logsage,unet] [--image_px 1024]
python -m scripts.benchmark training [--bundles logsage,unet+he] [--num_workers 2] [--sam_weights FOLDER]

Prints a Markdown table. Threads are torch's: `OMP_NUM_THREADS=1` in front takes one.
"""

from __future__ import annotations

import tempfile
from typing import Any

from common.benchmarks import (
    CLOCKS,
    PARTS,
    chosen_bundles,
    describe_machine,
    markdown,
    time_inference,
    time_task,
    time_training,
    write_report,
)
from common.commands import main
from common.devices import tune_cpu
from common.peers import peer_python

BUNDLES = ("inference", "training")


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
    output: str | None = None,
) -> list[dict[str, Any]]:
    """Time bundles or single parts, and print a table.

    Inference goes from a file to a label map in memory, with random weights, and with true maps (and noise)
    for the decoder, on one crowded image of the sample: 1,402 nuclei at 1024 px. All take turns, so that
    ratios hold on a busy machine. StarDist is timed likewise, by its own package in its own environment.

    Args:
        what: "inference" or "training" of bundles; "metrics", "decoding", "targets", "curvature", or "all"
            of these four.
        repeats: how often each is timed, of which the median counts; one more warms up.
        bundles: which; all by default, but for those that need weights from outside. Of a training a bundle's
            overlays may follow its name: "unet+he".
        image_px: height and width of the image of inference.
        peers: time StarDist beside the bundles' inference.
        peers_dir: folder of the peers' environments.
        clock: of inference: "wall", or "processor", which leaves out what a busy machine does meanwhile; with
            one thread, as all threads' time is added up.
        num_workers: processes that make the batches of a training; as the bundle has it by default.
        sam_weights: SAM of a training, see the bundle eunet3plus_sam.
        output: JSON file for the same figures.

    Returns:
        The rows of the table.

    Raises:
        ValueError: if there is no such benchmark or bundle, an option does not go with it, or there is
            nothing to repeat.
        FileNotFoundError: if the peer's environment has not been made.
    """
    _check(what, repeats=repeats, peers=peers, num_workers=num_workers, sam_weights=sam_weights)
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
            else:
                given = {"num_workers": num_workers, "sam_weights": sam_weights}
                options = {name: value for name, value in given.items() if value is not None}
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


def _check(what: str, *, repeats: int, peers: bool, num_workers: int | None, sam_weights: str | None) -> None:
    known = [*BUNDLES, "all", *PARTS]
    if what not in known:
        raise ValueError(f"There is no benchmark {what!r}: choose one of {', '.join(known)}.")
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}: choose 1 or more.")
    for name, given, goes_with in (
        ("peers", peers, "inference"),
        ("num_workers", num_workers is not None, "training"),
        ("sam_weights", sam_weights is not None, "training"),
    ):
        if given and what != goes_with:
            raise ValueError(f"--{name} goes with {goes_with}, not with {what}: leave it out")


if __name__ == "__main__":
    main(benchmark)
