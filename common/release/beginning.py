"""What a release's training begins with, and whether one that was cut is still of the same recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..bundle_config import read_json, written
from ..files import free_name, sha256_of, write_whole
from .recipe import Recipe

__all__ = ["begin_training"]

_NOTE = "recipe.json"


def begin_training(recipe: Recipe, folders: Mapping[str, Path], checkpoints: Path) -> Path | None:
    """Look at what lies where a release is trained, before its training is begun or goes on.

    A training of another recipe, or of other lists, is moved aside whole: nothing could go on from it, and
    its weights would be released as those of this recipe.

    Args:
        recipe: the recipe.
        folders: its data sets.
        checkpoints: folder of the training; a note of the recipe lies beside it.

    Returns:
        Where an earlier training is now; None: none was moved.

    Raises:
        ValueError: if the training would begin with other weights than the recipe says.
    """
    note = checkpoints.with_name(_NOTE)
    now = {
        "recipe": read_json(recipe.overlay),
        "lists": {name: sha256_of(folders[name] / "dataset.json") for name in recipe.data},
    }
    moved = None
    if note.is_file() and read_json(note) != now and checkpoints.is_dir():
        moved = free_name(checkpoints)
        checkpoints.rename(moved)
    if not (checkpoints / "last.pt").is_file():
        _check_beginning(recipe)
    note.parent.mkdir(parents=True, exist_ok=True)
    write_whole(note, lambda part: part.write_text(written(now), encoding="utf-8"))
    return moved


def _check_beginning(recipe: Recipe) -> None:
    begun, file = recipe.begun_from, read_json(recipe.overlay).get("pretrained")
    if begun is None or not file or not Path(file).is_file() or sha256_of(Path(file)) == begun.sha256:
        return
    raise ValueError(
        f"{recipe.overlay.as_posix()}: release::begun_from is version {begun.version} of {begun.bundle}, and"
        f" {file} is another: put that version's file there (git has it), or write in begun_from which one"
        " it is"
    )
