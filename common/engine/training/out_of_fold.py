"""Gives the second network of a cascade, in training, maps of first networks that have not seen the image."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.engines import default_prepare_batch
from torch import Tensor, nn

from ...bundle_config import running_config, shown
from ...devices import low_precision
from ..trained import load_weights
from .first_stage import ALL, FOLDS_FILE, LISTS, begun_as, fold_name, names_left_out

__all__ = ["OutOfFoldMaps"]


class OutOfFoldMaps:
    """A trainer's `prepare_batch` for a cascade: image and targets, and the map of stage one.

    At the first batch it loads the trained weights of stage one into the cascade, later than `Pretrained` and
    `Resume` did theirs. Where stage one has folds, each image of the batch then goes through the network that
    was trained without it, and its probability of nuclei is given to the cascade as `first_map`. As this
    happens after all augmentation, the map is that of the very crop that the second network sees.

    Args:
        network: the cascade, with a part `first`.
        ckpt_dir: folder of the cascade's checkpoints, in which `FirstStage` made `stage1`.
        folds: how many networks leave a part out; 0: none, then the cascade makes its own map.
        amp: whether lower precision may be used.
        config: the configuration of the cascade, whose lists must be those of stage one; by default the one
            that MONAI is executing.

    Shapes:
        image: (b, c, h, w).
        first_map: (b, 1, h, w), 0..1.

    Raises:
        FileNotFoundError: at the first batch, if stage one is not trained.
        ValueError: at the first batch, if stage one was cut, or trained on other lists, other folds or
            another network.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        ckpt_dir: str | Path,
        folds: int,
        amp: bool = True,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = (running_config() if config is None else config) or {}
        self.network, self.folder, self.folds, self.amp = network, Path(ckpt_dir) / "stage1", folds, amp
        self.fold_of: dict[str, int] = {}
        self.networks: list[nn.Module] = []
        self._ready = False

    def __call__(
        self, batch: Mapping[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> Any:
        """Return image, targets, no further arguments, and the map by its name."""
        if not self._ready:
            self._load(device)
            self._ready = True
        image, target = default_prepare_batch(batch, device, non_blocking, **kwargs)
        if not self.folds:
            return image, target
        return image, target, (), {"first_map": self._map(image, self._files(image))}

    def _load(self, device: torch.device | str) -> None:
        first = getattr(self.network, "first", None)
        if not isinstance(first, nn.Module):
            raise ValueError(f"{type(self.network).__name__} is no cascade: it has no part `first`")
        self._load_into(first, ALL)
        if not self.folds:
            return
        self.fold_of = json.loads((self.folder / FOLDS_FILE).read_text(encoding="utf-8"))
        if (found := len(set(self.fold_of.values()))) != self.folds:
            raise ValueError(
                f"stage one in {self.folder} has {found} folds, --stage1_folds is {self.folds}: "
                "run training_stage1 again, or give the same number"
            )
        for fold in range(self.folds):
            other = copy.deepcopy(first)
            self._load_into(other, fold_name(fold))
            self.networks.append(other.eval().to(device))

    def _load_into(self, network: nn.Module, part: str) -> None:
        """Load the best weights of one training of stage one, if they are what the folds say."""
        folder = self.folder / part
        file = folder / "model.pt"
        if not file.is_file():
            raise FileNotFoundError(
                f"stage one is not trained, there is no {file}: run training_stage1, or training"
            )
        told, finished = begun_as(folder)
        if not finished:
            raise ValueError(
                f"stage one in {folder} was cut before its end: run training, which goes on with it"
            )
        if told.get("left_out") != names_left_out(self.fold_of, part):
            raise ValueError(
                f"stage one in {folder} was trained without other images than {self.folder / FOLDS_FILE}"
                " says: run training_stage1 again"
            )
        for name in LISTS:
            if name in self.config and told.get(name) != self.config[name]:
                raise ValueError(
                    f"stage one in {folder} was trained with {name} {shown(told.get(name))}, which is now"
                    f" {shown(self.config[name])}: run training_stage1 again, or give the same"
                )
        try:
            load_weights(network, file)
        except ValueError as error:
            raise ValueError(f"{error}; stage one was another network: run training_stage1 again") from error

    def _files(self, image: Tensor) -> list[str]:
        files = [str(file) for file in image.meta["filename_or_obj"]]  # type: ignore[attr-defined]
        if unknown := [file for file in files if file not in self.fold_of]:
            raise ValueError(
                f"stage one in {self.folder} was trained on other images, without {unknown[0]}: "
                "run training_stage1 again"
            )
        return files

    @torch.no_grad()
    def _map(self, image: Tensor, files: list[str]) -> Tensor:
        plain = image.as_subclass(Tensor)
        folds = torch.tensor([self.fold_of[file] for file in files], device=plain.device)
        found = plain.new_empty((len(plain), 1, *plain.shape[2:]))
        low = low_precision(plain.device, amp=self.amp)
        with torch.autocast(plain.device.type, low, enabled=low is not None):
            for fold in sorted({self.fold_of[file] for file in files}):
                chosen = folds == fold
                found[chosen] = torch.sigmoid(self.networks[fold](plain[chosen])[:, :1].float())
        return found
