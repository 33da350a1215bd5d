"""What each map of a network is, told by the configuration of its training: the one source of these words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["describe_maps", "finds_cells", "map_order", "target_maps"]

_WORDS = {
    "foreground": "foreground (logit)",
    "border": "contour, the outermost pixel of each {one} (logit)",
    "distance": "distance to the outline, 1 at the innermost pixel",
    "row_offset": "row offset to the centre, in {scale:g} px",
    "column_offset": "column offset to the centre, in {scale:g} px",
    "horizontal": "horizontal distance to the centre, -1 at the left end, 1 at the right one",
    "vertical": "vertical distance to the centre, -1 at the upper end, 1 at the lower one",
}
_KINDS = {"label": ("nuclei", "nucleus"), "cell_label": ("cells", "cell")}
_OFFSET_SCALE_PX = 10.0  # of `common.transforms.InstanceTargetsd`


def target_maps(targets: Any) -> tuple[str, ...]:
    """Return the names of the maps that targets are made of, for one label map.

    Args:
        targets: `targets` of a configuration: a transform with `maps`, or a `Compose` of some.

    Raises:
        ValueError: none of its steps names maps.

    Example:
        >>> target_maps({"_target_": "Compose", "transforms": [{"keys": "weight"}, {"maps": ["foreground"]}]})
        ('foreground',)
    """
    return tuple(_step_with_maps(targets)["maps"])


def describe_maps(config: Mapping[str, Any]) -> list[str] | None:
    """Return what each map of a network is, in words, in the order of its output.

    Targets name the maps of a label map, those of nuclei first. A network's maps have the order of the
    targets, unless the loss names channels of its own for them.

    Args:
        config: a training's configuration, macros resolved: of it `network_def`, `targets`, `label_keys` and
            `loss` are read.

    Returns:
        A text a map; None where the configuration does not tell, because it has parts of one's own.

    Example:
        >>> config = {"network_def": {"out_channels": 2}, "targets": {"maps": ["foreground", "distance"]}}
        >>> describe_maps(config)
        ['foreground (logit)', 'distance to the outline, 1 at the innermost pixel']
        >>> loss = {"channels": {"foreground": 1}, "target_channels": {"foreground": 0}}
        >>> other = {"channels": {"foreground": 0}, "target_channels": {"foreground": 1}}
        >>> cells = {"targets": {"maps": ["foreground"]}, "label_keys": "label,cell_label"}
        >>> describe_maps({**config, **cells, "loss": {"nuclei": loss, "cells": other}})
        ['cells: foreground (logit)', 'nuclei: foreground (logit)']
    """
    try:
        step = _step_with_maps(config.get("targets"))
    except ValueError:
        return None
    kinds, order = _label_keys(config), map_order(config)
    names = [name for name in step["maps"] if name in _WORDS]
    if order is None or len(names) < len(step["maps"]) or not _KINDS.keys() >= set(kinds):
        return None
    scale = float(step.get("offset_scale_px", _OFFSET_SCALE_PX))
    words = []
    for kind in kinds:
        several, one = _KINDS[kind]
        prefix = f"{several}: " if len(kinds) > 1 else ""
        words += [prefix + _WORDS[name].format(one=one, scale=scale) for name in names]
    return [words[place] for place in order] if max(order, default=0) < len(words) else None


def map_order(config: Mapping[str, Any]) -> list[int] | None:
    """Return which target each map of a network learns.

    Args:
        config: a training's configuration, macros resolved.

    Returns:
        A channel of the targets a map: its own number, unless the loss has `target_channels`; None where the
        number of maps is not told, or one of them learns nothing.

    Example:
        >>> map_order({"network_def": {"out_channels": 2}})
        [0, 1]
    """
    network = config.get("network_def")
    count = network.get("out_channels") if isinstance(network, Mapping) else None
    if not isinstance(count, int):
        return None
    order = dict(_places(config.get("loss"))) or dict(enumerate(range(count)))
    return [order[number] for number in range(count)] if order.keys() >= set(range(count)) else None


def finds_cells(config: Mapping[str, Any]) -> bool:
    """Tell whether a training has label maps of whole cells beside those of nuclei.

    Args:
        config: a training's configuration.

    Example:
        >>> finds_cells({"label_keys": ["label", "cell_label"]}), finds_cells({})
        (True, False)
    """
    return "cell_label" in _label_keys(config)


def _label_keys(config: Mapping[str, Any]) -> list[str]:
    given = config.get("label_keys") or ["label"]
    return [word.strip() for word in (given.split(",") if isinstance(given, str) else given)]


def _step_with_maps(targets: Any) -> Mapping[str, Any]:
    steps = targets.get("transforms", [targets]) if isinstance(targets, Mapping) else targets
    for step in steps or ():
        if isinstance(step, Mapping) and "maps" in step:
            return step
    raise ValueError("targets names no maps: give one of its transforms `maps`, as InstanceTargetsd has them")


def _places(loss: Any) -> Iterator[tuple[int, int]]:
    """Yield channels of the network and of the target, as losses name them whose targets have an order."""
    if not isinstance(loss, Mapping):
        return
    if loss.get("target_channels"):
        for group, numbers in loss["channels"].items():
            if numbers is not None and group in loss["target_channels"]:
                yield from zip(_list(numbers), _list(loss["target_channels"][group]), strict=False)
    else:
        for part in loss.values():
            yield from _places(part)


def _list(numbers: Any) -> list[int]:
    return [numbers] if isinstance(numbers, int) else list(numbers)
