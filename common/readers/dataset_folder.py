"""The data set's folder of a run; the embedded sample is made on first use."""

from __future__ import annotations

from pathlib import Path

from .sample import MODALITIES, ensure_sample

PREFIX = "sample_"


def dataset_folder(dataset_dir: str | Path) -> Path:
    """Return the folder of a data set; one named `sample_<modality>` that is not there is made.

    Args:
        dataset_dir: folder of a data set, or for example `runs/sample_fluorescence`, `runs/sample_multiplex`,
            `runs/sample_he`, for the embedded sample.

    Raises:
        FileNotFoundError: the folder does not exist and is no sample's.
    """
    folder = Path(dataset_dir).expanduser()
    modality = folder.name.removeprefix(PREFIX)
    if folder.name.startswith(PREFIX) and modality in MODALITIES:
        return ensure_sample(folder, modality=modality)
    if not folder.is_dir():
        raise FileNotFoundError(f"the data set folder {dataset_dir} does not exist: check --dataset_dir")
    return folder
