"""The names that a packed bundle may have: its code is a Python package of that name."""

from __future__ import annotations

import keyword
import re
import sys

__all__ = ["check_name"]

# Of these names there is a package already, in every program that runs a bundle or in this repository.
_TAKEN = {"monai", "torch", "numpy", "ignite", "common", "scripts", "tests", "bundles", "peers"}


def check_name(name: str) -> None:
    """Refuse a bundle's name that no package can have.

    Args:
        name: name of the bundle's folder.

    Raises:
        ValueError: with a name that would do.

    Example:
        >>> check_name("resnet18_unet")
        >>> check_name("resnet18-unet")
        Traceback (most recent call last):
        ValueError: 'resnet18-unet' cannot be packed, because its code needs a name that Python can import: \
rename the folder and bundle_name, to resnet18_unet for example
        >>> check_name("json")
        Traceback (most recent call last):
        ValueError: 'json' cannot be packed, because there is a package json already: rename the folder and \
bundle_name, to json_bundle for example
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        better = re.sub(r"\W", "_", name)
        better = better if better.isidentifier() and not keyword.iskeyword(better) else f"bundle_{better}"
        raise ValueError(
            f"{name!r} cannot be packed, because its code needs a name that Python can import: rename the"
            f" folder and bundle_name, to {better} for example"
        )
    if name in sys.stdlib_module_names or name in _TAKEN:
        raise ValueError(
            f"{name!r} cannot be packed, because there is a package {name} already: rename the folder and"
            f" bundle_name, to {name}_bundle for example"
        )
