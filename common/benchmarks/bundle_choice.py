"""The bundles that a benchmark measures, and their configurations."""

from __future__ import annotations

from collections.abc import Sequence

from monai.bundle import ConfigParser

from ..bundle_config import bundle_folder, bundle_names, bundle_parser
from ..messages import suggest

__all__ = ["chosen_bundles", "config_of"]


def chosen_bundles(bundles: str | Sequence[str] | None) -> list[str]:
    """Return names of bundles; all where none is named.

    Args:
        bundles: one name, several, or several with commas between.

    Raises:
        ValueError: naming one that does not exist.
    """
    known = bundle_names()
    if bundles is None:
        return list(known)
    names = bundles.split(",") if isinstance(bundles, str) else [str(name) for name in bundles]
    names = [name.strip() for name in names if name.strip()]
    for name in names:
        if name not in known:
            raise ValueError(f"--bundles {name} is no bundle: {suggest(name, known)}")
    return names


def config_of(bundle: str, kind: str, *, amp: bool) -> ConfigParser:
    """Return a bundle's configuration on the CPU.

    Args:
        bundle: its name.
        kind: "train" or "inference".
        amp: whether lower precision may be used.
    """
    parser = bundle_parser(bundle_folder(bundle), f"{kind}.json")
    parser["device"], parser["amp"] = "cpu", amp
    return parser
