"""What a training that has ended tells: where its best weights are, how good, and what to type next."""

from __future__ import annotations

import logging
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from monai.bundle import ConfigParser

from ...bundle_config import packed_root, running_command

__all__ = ["ListsOfRun", "best_line", "quoted", "tell_next_stage", "tell_next_steps"]

_log = logging.getLogger(__name__)
_RUN, _TUNE = "python -m monai.bundle run", "python -m scripts.tune"
# What was chosen for the machine or the record holds for the next command too; the method is saved.
_HABITS = ("device", "mlflow")
_TO_REPLACE = "FOLDER_OF_IMAGES"


@runtime_checkable
class ListsOfRun(Protocol):
    """The lists of a run by data set; `common.datalists.RunData` has them."""

    lists: dict[str, dict[str, list[dict[str, Any]]]]


def quoted(word: str) -> str:
    """Return a word as it is typed in a shell, readable and for most shells alike, Windows' too.

    Example:
        >>> print(quoted("runs/a"), quoted("my runs"), quoted("['a.json', 'b.json']"), quoted("$HOME"))
        runs/a "my runs" "['a.json', 'b.json']" '$HOME'
    """
    if re.fullmatch(r"[\w./:=,+@%-]+", word):
        return word
    # Within double quotes these mean something of their own; Windows' paths do not.
    special = any(sign in word for sign in '"$`!') or re.search(r"\\\\|\\$", word)
    return shlex.quote(word) if special or not word else f'"{word}"'


def best_line(last: Path, config: Mapping[str, Any] | None = None) -> str | None:
    """Return in one line how a training ended: its best score, when that was, and the file of these weights.

    Args:
        last: its `last.pt`.
        config: its configuration, which tells the score that the best weights are chosen by.

    Returns:
        The line; None where there is no checkpoint.
    """
    if not last.is_file():
        return None
    kept = torch.load(last, map_location="cpu", weights_only=True, mmap=True)
    best, weights = kept.get("best") or {}, last.with_name("model.pt")
    if not weights.is_file() or not best.get("epoch", 0) > 0:
        return f"no validation chose the best weights; those after epoch {kept['epoch']} are in {last}"
    name, value = str((config or {}).get("select_by") or "score"), float(best["metric"])
    if name == "val_loss":
        value = -value
    name = name.removesuffix("_pooled").removesuffix("_mean")
    shown = f"{name} {value:.3f}" if math.isfinite(value) else f"{name} not finite"
    return f"best weights: {weights} ({shown} in epoch {best['epoch']} of {kept['epoch']})"


def tell_next_steps(ckpt_dir: Path, config: Mapping[str, Any], lists: ListsOfRun | None = None) -> None:
    """Log the commands that tune, evaluate and segment with the weights of a training, whole, to be copied.

    Only what the weights' own settings do not tell is written out. Where no command of MONAI's runs the
    training, there is nothing to type.

    Args:
        ckpt_dir: folder of the training.
        config: its configuration.
        lists: its lists, which tell whether there is something to test.
    """
    command = running_command()
    if command is None or not command["config_files"]:
        return
    files, options = command["config_files"], command["options"]
    elsewhere = Path(_content(files[0]).get("ckpt_dir") or ".") != ckpt_dir
    habits = {name: options[name] for name in _HABITS if name in options}
    if packed_root() is None and _has_validation(lists):
        device = {name: value for name, value in habits.items() if name == "device"}
        tuning = _typed([_TUNE], {"ckpt_dir": ckpt_dir.as_posix(), **device})
        _log.info(
            "tune the decoder on the validation images, it takes minutes and often gains:\n  %s", tuning
        )
    if "evaluating" in config and (split := _split(lists)):
        places = {"output_dir": (ckpt_dir / "evaluation").as_posix()} if elsewhere else {}
        chosen = {} if split == "test" else {"split": split}
        given = {**_folder(ckpt_dir, elsewhere), **chosen, **places, **habits}
        _log.info("evaluate them on the %s images:\n  %s", split, _command("evaluating", files, given))
    inference = Path(files[0]).with_name("inference.json")
    if inference.is_file():
        places = {"output_dir": (ckpt_dir / "segmented").as_posix()} if elsewhere else {}
        known = _content(inference)
        habits = {name: value for name, value in habits.items() if name in known}
        given = {**_folder(ckpt_dir, elsewhere), "dataset_dir": _TO_REPLACE, **places, **habits}
        _log.info(
            "segment images, yours in place of %s:\n  %s",
            *(_TO_REPLACE, _command("", [inference.as_posix()], given)),
        )


def tell_next_stage(done: str, following: str) -> None:
    """Log the command of the stage that follows, if the one that is done was asked for alone.

    Args:
        done: what `monai.bundle run` is given for the stage that has ended.
        following: the same for the next one.
    """
    command = running_command()
    if command is not None and command["run_id"] == done:
        _log.info("the next stage:\n  %s", _command(following, command["config_files"], command["options"]))


def _content(file: str | Path) -> dict[str, Any]:
    try:
        return dict(ConfigParser.load_config_file(str(file)))
    except (OSError, ValueError):  # hours of training do not end in an error for the lack of a hint
        return {}


def _folder(ckpt_dir: Path, elsewhere: bool) -> dict[str, str]:
    return {"ckpt_dir": ckpt_dir.as_posix()} if elsewhere else {}


def _split(lists: ListsOfRun | None) -> str | None:
    """Return the list to evaluate on; a data set need not have images to test."""
    if lists is None:
        return "test"
    filled = (split for split in ("test", "validation") for each in lists.lists.values() if each.get(split))
    return next(filled, None)


def _has_validation(lists: ListsOfRun | None) -> bool:
    return lists is not None and any(each.get("validation") for each in lists.lists.values())


def _command(job: str, files: Sequence[str], options: Mapping[str, Any]) -> str:
    config = files[0] if len(files) == 1 else str(list(files))
    return _typed([_RUN, *([job] if job else [])], {"config_file": config, **options})


def _typed(words: Sequence[str], options: Mapping[str, Any]) -> str:
    given = (f"--{name} {quoted(str(value))}" for name, value in options.items())
    return " ".join([*words, *given])
