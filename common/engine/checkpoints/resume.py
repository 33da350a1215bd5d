"""The training that `--resume` continues: its last checkpoint, refused where the settings are others."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...bundle_config import as_json, first_difference, running_config, shown
from .early_stop import EarlyStop

__all__ = ["FREE_SETTINGS", "Resume", "forbidden_change"]

_log = logging.getLogger(__name__)

# What a continued training may change: how long, where, how fast, and what does not concern training.
FREE_SETTINGS = {
    *("resume", "epochs", "patience", "num_workers", "cache_images", "device", "mlflow", "pretrained"),
    "sam_cache",
    *("bundle_root", "dataset_dir", "ckpt_dir", "output_dir", "weights", "split", "overlay"),
}
# Wiring: a newer version of the code may write it differently.
_WIRING = {
    *("hardware", "data", "network", "train", "validate", "evaluate"),
    *("initialize", "training", "run", "evaluating"),
}


def forbidden_change(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """Find the first setting of a training that is another now, although a continued one must not change it.

    Args:
        then: the settings that the training was begun with.
        now: those that it shall be continued with. What only one of them has came with another version of the
            code, and is no change.

    Returns:
        The setting's name, and both values; None where nothing stands against going on.

    Example:
        >>> forbidden_change({"seed": 0, "epochs": 5}, {"seed": 0, "epochs": 9, "new_option": 1}) is None
        True
        >>> forbidden_change({"seed": 0, "epochs": 5}, {"seed": 1, "epochs": 5})
        ('seed', 0, 1)
    """
    names = [key for key in then if key in now and key not in FREE_SETTINGS | _WIRING]
    return first_difference({key: then[key] for key in names}, {key: now[key] for key in names})


class Resume:
    """Finds what an earlier training in a folder left, if it shall be continued.

    Without a checkpoint the training starts anew and the log says so: the script of a cluster job is the same
    for its first and its later starts.

    Args:
        ckpt_dir: folder of the checkpoints.
        enabled: whether to continue at all.
        fingerprint: text that changes with the data.
        config: the configuration; by default the one that MONAI is executing.
    """

    def __init__(
        self,
        ckpt_dir: str | Path,
        *,
        enabled: bool = False,
        fingerprint: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(ckpt_dir) / "last.pt"
        self.enabled = enabled
        self.fingerprint = fingerprint
        self.config = as_json(running_config() if config is None else config)
        self.epoch = 0
        self.run_id: str | None = None
        self._checkpoint: dict[str, Any] | None = None
        self._looked = False

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint must say so that a later start can be compared with this one."""
        return {"settings": json.dumps(self.config), "fingerprint": self.fingerprint}

    @property
    def found(self) -> bool:
        """Whether there is a checkpoint to continue from.

        Raises:
            ValueError: if the file is damaged, or the training was begun with other settings or images.
        """
        if not self._looked:
            self._look()
            self._looked = True
        return self.epoch > 0

    def over(self, epochs: int, early_stop: EarlyStop | None = None) -> str | None:
        """Return why there is nothing left to train, or None.

        Args:
            epochs: how many epochs are wanted.
            early_stop: the early stopping.
        """
        assert self._checkpoint is not None
        if self.epoch >= epochs:
            return f"{self.epoch} of {epochs} epochs; a larger --epochs goes on"
        counter = (self._checkpoint.get("early_stop") or {}).get("counter", 0)
        if early_stop is not None and counter >= early_stop.patience:
            return f"{counter} validations without improvement; a larger --patience goes on"
        return None

    def take(self) -> dict[str, Any]:
        """Return the checkpoint once, and keep no copy in memory."""
        assert self.found and self._checkpoint is not None
        checkpoint, self._checkpoint = self._checkpoint, None
        return checkpoint

    def _look(self) -> None:
        if not self.enabled:
            return
        if not self.path.is_file():
            _log.info("nothing to resume: there is no %s, so that the training starts anew", self.path)
            return
        try:
            checkpoint = torch.load(self.path, map_location="cpu", weights_only=True)
            epoch, settings = int(checkpoint["epoch"]), checkpoint["settings"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.path} cannot be resumed, because it is damaged or from another program:"
                " leave out --resume to start anew"
            ) from error
        self._refuse_others(json.loads(settings), checkpoint.get("fingerprint"))
        self.epoch, self.run_id = epoch, checkpoint.get("mlflow_run_id")
        self._checkpoint = checkpoint

    def _refuse_others(self, settings: Any, fingerprint: str | None) -> None:
        mend = "leave out --resume to start anew, which moves the earlier training aside"
        known = isinstance(settings, Mapping) and isinstance(self.config, Mapping)
        if known and (found := forbidden_change(settings, self.config)) is not None:
            name, before, value = found
            raise ValueError(
                f"--resume cannot continue {self.path}: {name} was {shown(before)} and is now"
                f" {shown(value)}: give the same, or {mend}"
            )
        if None not in (fingerprint, self.fingerprint) and fingerprint != self.fingerprint:
            raise ValueError(
                f"--resume cannot continue {self.path}: the images are not those it was trained on"
                f" (fingerprint {fingerprint}, now {self.fingerprint}): give the same folder, or {mend}"
            )
