"""A bundle's configurations without macros, with the names that its own copy of the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_parser, project_root, read_json

__all__ = ["FIND_HOME", "FlatNames", "flat_configs", "other_configs"]

_PACKAGE = "common"
_DOTTED = re.compile(rf"{_PACKAGE}((?:\.\w+)+)")
_CONFIG = re.compile(r"bundles/(\w+)/configs/(.+)\.json")
_TENSORRT = "inference_trt.json"  # one overlay for every bundle
HERE = "."
"""What `bundle_root` is until the bundle runs, see `common.bundle_config.settle_packed`."""
# MONAI makes a bundle's folder known to Python only after `initialize`, and hands its place to nobody: this
# looks for the workflow among the callers, as `common.bundle_config` does once it can be imported.
FIND_HOME = (
    "$__import__('sys').path.insert(0, str(next("
    "one.frame.f_locals['self'].config_root_path.absolute().parent for one in __import__('inspect').stack(0)"
    " if 'config_root_path' in getattr(one.frame.f_locals.get('self'), '__dict__', {}))))"
)


class FlatNames:
    """Writes names of the repository as they are in a packed bundle.

    Args:
        bundle: name of the bundle, which its package has too.

    Example:
        >>> names = FlatNames("my_unet")
        >>> names.text("common.networks.LoGSAGE"), names.text("$common.devices.seed_all(1)")
        ('my_unet.networks.LoGSAGE', '$my_unet.devices.seed_all(1)')
        >>> names.text("nuclei have this in common. Nothing else")
        'nuclei have this in common. Nothing else'
        >>> names.text("bundles/my_unet"), names.text("bundles/other/configs/train.json")
        ('.', "$@bundle_root + '/configs/other.json'")
        >>> names.text("bundles/my_unet/models/model.pt"), names.text("bundles/other/models/model.pt")
        ("$@bundle_root + '/models/model.pt'", 'bundles/other/models/model.pt')
    """

    def __init__(self, bundle: str) -> None:
        self.bundle = bundle

    def __call__(self, value: Any) -> Any:
        """Return a configuration, or a part of one, with other names."""
        if isinstance(value, Mapping):
            return {key: self(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self(part) for part in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Return a string of a configuration; prose stays as it is."""
        if text == f"bundles/{self.bundle}":
            return HERE
        if (weights := text.removeprefix(f"bundles/{self.bundle}/models/")) != text:
            return f"$@bundle_root + '/models/{weights}'"
        if found := _CONFIG.fullmatch(text):
            return f"$@bundle_root + '/configs/{self.file(found[1], found[2])}'"
        if found := _DOTTED.fullmatch(text):
            return self.bundle + found[1]
        if text.startswith("$"):
            return re.sub(rf"(?<![\w.@:]){_PACKAGE}(?=\.\w)", self.bundle, text)
        return text

    def file(self, bundle: str, name: str) -> str:
        """Return the file in `configs` that a bundle's configuration is packed as.

        Args:
            bundle: this bundle, or one that it trains first.
            name: its configuration, without the suffix.

        Example:
            >>> names = FlatNames("cascade")
            >>> names.file("cascade", "train"), names.file("unet", "train"), names.file("unet", "ablations/a")
            ('train.json', 'unet.json', 'unet_ablations_a.json')
        """
        if bundle == self.bundle:
            return f"{name}.json"
        return f"{bundle}.json" if name == "train" else f"{bundle}_{name.replace('/', '_')}.json"


def other_configs(config: Any, bundle: str) -> Iterator[tuple[str, str]]:
    """Yield bundle and name of the other bundles' configurations that a configuration runs, sorted.

    Args:
        config: a configuration, macros resolved.
        bundle: the bundle that it is of.

    Example:
        >>> list(other_configs({"first": {"config_file": ["bundles/unet/configs/train.json"]}}, "cascade"))
        [('unet', 'train')]
    """
    found = {(match[1], match[2]) for text in _strings(config) if (match := _CONFIG.fullmatch(text))}
    yield from sorted(pair for pair in found if pair[0] != bundle)


def flat_configs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return all configurations of a packed bundle by file name inside `configs`, metadata left out.

    Args:
        folder: the bundle's folder in the repository.

    Raises:
        ValueError: a configuration is broken, in one sentence.
    """
    bundle, names = folder.name, FlatNames(folder.name)
    own = [file.relative_to(folder / "configs") for file in sorted((folder / "configs").rglob("*.json"))]
    waiting = [(bundle, file.with_suffix("").as_posix()) for file in own if file.name != "metadata.json"]
    found: dict[str, dict[str, Any]] = {}
    while waiting:
        owner, name = waiting.pop(0)
        place = names.file(owner, name)
        if place in found:
            continue
        flat = dict(bundle_parser(folder.parent / owner, f"{name}.json").get())
        flat.pop("_meta_", None)
        waiting += other_configs(flat, bundle)
        found[place] = _settled(names({key: _home(key, value, owner) for key, value in flat.items()}), bundle)
    found[_TENSORRT] = names(read_json(project_root() / "common" / "configs" / _TENSORRT))
    return found


def _home(key: str, value: Any, owner: str) -> Any:
    # The folders that the repository keeps apart from a bundle.
    if key == "bundle_root" and value == f"bundles/{owner}":
        return HERE
    return "$@bundle_root + '/models'" if key == "ckpt_dir" and value == f"runs/{owner}" else value


def _settled(config: dict[str, Any], bundle: str) -> dict[str, Any]:
    if isinstance(config.get("initialize"), list):
        config["initialize"] = [FIND_HOME, *config["initialize"]]
    return config


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(part)
