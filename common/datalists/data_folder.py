"""The data set's folder of a run; the embedded sample is made on first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PREFIX = "sample_"


def dataset_folder(dataset_dir: str | Path | Sequence[str | Path]) -> Path:
    """Return the folder of a data set (or one image to segment); a `sample_<modality>` not there is made.

    Args:
        dataset_dir: folder of a data set, or for example `runs/sample_fluorescence`, `runs/sample_multiplex`,
            `runs/sample_cells`, `runs/sample_he`, for the embedded sample.

    Raises:
        FileNotFoundError: it does not exist and is no sample's.
        ValueError: several folders are given where one is meant.
    """
    if not isinstance(dataset_dir, (str, Path)):
        named = ", ".join(map(str, dataset_dir))
        raise ValueError(f"--dataset_dir names several folders ({named}) where one is meant: give one")
    folder = Path(dataset_dir).expanduser()
    if folder.name.startswith(PREFIX):
        from ..sample import MODALITIES, ensure_sample  # here, so that own images need no generator

        if (modality := folder.name.removeprefix(PREFIX)) in MODALITIES:
            return ensure_sample(folder, modality=modality)
    if not folder.exists():
        several = ", and write several folders as \"['A','B']\"" if "," in str(folder) else ""
        raise FileNotFoundError(
            f"the data set folder {dataset_dir} does not exist: check --dataset_dir{several}"
        )
    return folder
