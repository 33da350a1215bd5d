"""Values of options that cannot work are refused before anything is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..devices import choose_device
from ..messages import nearest

__all__ = ["check_scalars"]

# name: (whole number?, lowest allowed value, is the lowest itself allowed?)
_LIMITS: dict[str, tuple[bool, float, bool]] = {
    "epochs": (True, 1, True),
    "steps_per_epoch": (True, 1, True),
    "batch_size": (True, 1, True),
    "crop_px": (True, 1, True),
    "val_interval": (True, 1, True),
    "patience": (True, 1, True),
    "warmup_epochs": (False, 0, True),
    "num_workers": (True, 0, True),
    "cache_images": (True, 0, True),
    "seed": (True, 0, True),
    "split_seed": (True, 0, True),
    "fold": (True, 0, True),
    "folds": (True, 3, True),
    "dataset_power": (False, 0, True),
    "learning_rate": (False, 0, False),
    "weight_decay": (False, 0, True),
    "ema_decay": (False, 0, True),
    "accumulation_steps": (True, 1, True),
    "clip_norm": (False, 0, True),
    "freeze_encoder_epochs": (True, 0, True),
    "encoder_learning_rate_factor": (False, 0, False),
    "pixel_size_um": (False, 0, False),
    "scale": (False, 0, False),
    "diameter_px": (False, 0, False),
    "model_diameter_px": (False, 0, False),
    "border_weight": (False, 0, True),
    "border_sigma_px": (False, 0, False),
    "stage1_epochs": (True, 1, True),
    "stage1_folds": (True, 0, True),
}
# name: what a number must stay below.
_BELOW = {"ema_decay": 1.0}
# Words that stand for a number.
_WORDS = {"pixel_size_um": ("ignore",), "diameter_px": ("auto",)}
# A command line makes True and False of these words alone; "false" would be a text, and a text is true.
_SWITCHES = ("amp", "embeddings", "mlflow", "overlay", "recursive", "resume", "skip_finished", "table")
# name: the words that there are.
_CHOICES = {
    "split": ("training", "validation", "test"),
    "border_classes": ("balanced", "mask", "equal"),
}
# Names, files and folders.
_TEXTS = (
    *("bundle_root", "bundle_name", "ckpt_dir", "output_dir", "weights", "pretrained"),
    *("test_platform", "select_by", "sam_weights", "sam_cache"),
)
# Words, several in a list or one: what they are, and whether numbers will do.
_LISTS: dict[str, tuple[str, bool]] = {
    "dataset_dir": ("a folder or a list of folders", False),
    "formats": ("geojson, geojson.gz, rois.zip, or several of them", False),
    "label_keys": ('label, or "label,cell_label"', False),
    "channels": ("a channel's name or its number from 0, or several of them", True),
}


def check_scalars(config: Mapping[str, Any]) -> None:
    """Refuse values of the common settings that cannot work, before anything is built.

    Args:
        config: settings by name; other names, None and MONAI expressions are left alone.

    Raises:
        ValueError: naming the option, the value and what it has to be.

    Example:
        >>> check_scalars({"epochs": 0})
        Traceback (most recent call last):
        ValueError: --epochs must be a whole number of at least 1, not 0
        >>> check_scalars({"split": "train"})
        Traceback (most recent call last):
        ValueError: --split must be training, validation or test, not 'train': did you mean training?
    """
    given = {name: value for name, value in config.items() if not _is_left_alone(value)}
    for name in _LIMITS.keys() & given.keys():
        _check_number(name, given[name])
    for name, value in given.items():
        if name in _SWITCHES and not isinstance(value, bool) and value not in (0, 1):
            raise ValueError(f"--{name} must be True or False, not {value!r}")
        if name in _CHOICES and value not in _CHOICES[name]:
            *front, last = _CHOICES[name]
            near = nearest(str(value), _CHOICES[name])
            hint = f": did you mean {near}?" if near else ""
            raise ValueError(f"--{name} must be {', '.join(front)} or {last}, not {value!r}{hint}")
        if name in _TEXTS and not isinstance(value, str):
            raise ValueError(f"--{name} must be a word or a path, not {value!r}")
        if name in _LISTS:
            _check_list(name, value)
    if "device" in given:
        choose_device(given["device"])
    _check_crop(config.get("crop_px"), config.get("inferer"))


def _is_left_alone(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.startswith(("$", "@", "%")))


def _check_number(name: str, value: Any) -> None:
    whole, lowest, included = _LIMITS[name]
    if value in _WORDS.get(name, ()):
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    good = is_number and (value >= lowest if included else value > lowest)
    below = _BELOW.get(name, math.inf)
    if not good or not value < below or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        bound = f"of at least {lowest:g}" if included else f"above {lowest:g}"
        limit = f" and below {below:g}" if math.isfinite(below) else ""
        words = "".join(f", or {word}" for word in _WORDS.get(name, ()))
        raise ValueError(f"--{name} must be {kind} {bound}{limit}{words}, not {value!r}")
    if whole and not isinstance(value, int):
        # It would be taken for a number of steps or images, and break where these are counted.
        raise ValueError(f"--{name} must be written as a whole number: {int(value)}, not {value!r}")


def _check_list(name: str, value: Any) -> None:
    what, numbers = _LISTS[name]
    several = list(value) if isinstance(value, (list, tuple)) else [value]

    def is_good(one: Any) -> bool:
        if isinstance(one, str):
            return bool(one.strip())
        return numbers and isinstance(one, int) and not isinstance(one, bool) and one >= 0

    if not several or not all(map(is_good, several)):
        raise ValueError(f"--{name} must be {what}, not {value!r}")


def _check_crop(crop_px: Any, inferer: Any) -> None:
    # Images are padded to what the network divides by, crops are not.
    divisor = inferer.get("divisor") if isinstance(inferer, Mapping) else None
    if isinstance(divisor, int) and isinstance(crop_px, (int, float)) and crop_px % divisor:
        lower = int(crop_px // divisor * divisor)
        choices = f"{lower} or {lower + divisor}" if lower else f"{divisor}"
        raise ValueError(
            f"--crop_px must be a multiple of {divisor} (try {choices}) for this network, not {crop_px}"
        )
