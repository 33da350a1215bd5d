"""What `--pretrained` names: a file of weights, or the word that stands for the official ones of ImageNet."""

from __future__ import annotations

from pathlib import Path

from ..messages import nearest

__all__ = ["IMAGENET", "check_pretrained_source"]

IMAGENET = "imagenet"  # a file of that name is ./imagenet


def check_pretrained_source(source: str | Path | None) -> None:
    """Refuse a name that is neither the word nor a file.

    Args:
        source: what was given; None and MONAI expressions are left alone.

    Raises:
        FileNotFoundError: with the word, if it was probably meant.

    Example:
        >>> check_pretrained_source("imagenet")
        >>> check_pretrained_source("imagnet")
        Traceback (most recent call last):
        FileNotFoundError: there is no file of weights --pretrained imagnet: did you mean imagenet?
    """
    if not source or source == IMAGENET or str(source).startswith(("$", "@", "%")) or Path(source).is_file():
        return
    near = nearest(str(source), [IMAGENET])
    mend = f"did you mean {near}?" if near else f"name an existing file, or {IMAGENET}"
    raise FileNotFoundError(f"there is no file of weights --pretrained {source}: {mend}")
