"""The bundles that a benchmark measures, and their configurations."""

from __future__ import annotations

from collections.abc import Sequence

from monai.bundle import ConfigParser

from ..bundle_config import bundle_folder, bundle_names, bundle_overlays, bundle_parser
from ..messages import suggest

__all__ = ["chosen_bundles", "config_of"]

_TRAIN = "train.json"


def chosen_bundles(bundles: str | Sequence[str] | None) -> list[str]:
    """Return names of bundles; all where none is named, but for those that need weights from outside.

    Args:
        bundles: one name, several, or several with commas between; a bundle with overlays is its name and
            theirs, with "+" between, such as "eunet3plus+deep_supervision".

    Raises:
        ValueError: naming a bundle or an overlay that does not exist.
    """
    known = bundle_names()
    if bundles is None:
        return [name for name in known if "sam_weights" not in bundle_parser(bundle_folder(name), _TRAIN)]
    names = bundles.split(",") if isinstance(bundles, str) else [str(name) for name in bundles]
    names = [name.strip() for name in names if name.strip()]
    for name in names:
        bundle, *overlays = name.split("+")
        if bundle not in known:
            raise ValueError(f"--bundles {name} is no bundle: {suggest(bundle, known)}")
        there = bundle_overlays(bundle_folder(bundle))
        for overlay in overlays:
            if overlay not in there:
                hint = suggest(overlay, list(there))
                raise ValueError(f"--bundles {name}: there is no overlay {overlay}: {hint}")
    return names


def config_of(bundle: str, kind: str, *, amp: bool) -> ConfigParser:
    """Return a bundle's configuration on the CPU.

    Args:
        bundle: its name, of a training perhaps with overlays, see `chosen_bundles`.
        kind: "train" or "inference".
        amp: whether lower precision may be used.
    """
    name, *overlays = bundle.split("+")
    parser = bundle_parser(bundle_folder(name), f"{kind}.json", overlays=overlays)
    parser["device"], parser["amp"] = "cpu", amp
    return parser
