"""What the maps of a network are, told from its training: of every bundle and every overlay on disk."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.bundle_config import (
    bundle_names,
    bundle_overlays,
    bundle_parser,
    describe_maps,
    map_order,
    read_json,
)
from common.bundle_config.metadata_file import check_described
from common.bundle_config.network_maps import _OFFSET_SCALE_PX
from common.transforms import InstanceTargetsd

BUNDLES = Path(__file__).parents[2] / "bundles"
VARIANTS = [(name, None) for name in bundle_names()] + [
    (name, overlay) for name in bundle_names() for overlay in bundle_overlays(BUNDLES / name)
]


def training(bundle: str, overlay: str | None) -> dict[str, Any]:
    return dict(bundle_parser(BUNDLES / bundle, "train.json", overlays=[overlay] if overlay else []).get())


def decoders(value: Any) -> Iterator[dict[str, Any]]:
    """Yield a decoder's configuration, and those of its parts."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from decoders(part)


@pytest.fixture(autouse=True)
def _in_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


@pytest.mark.parametrize(("bundle", "overlay"), VARIANTS)
def test_every_map_has_a_name_and_the_decoder_reads_those_it_takes_them_for(
    bundle: str, overlay: str | None
) -> None:
    config = training(bundle, overlay)
    words = describe_maps(config)
    assert words is not None and len(words) == config["network_def"]["out_channels"]
    assert len(set(words)) == len(words)
    for decoder in decoders(config["decoder"]):
        if not str(decoder.get("_target_", "")).endswith("Decoder"):
            continue
        assert words[decoder.get("foreground", 0)].endswith("foreground (logit)")
        for option, expected in (
            ("offsets", ("row offset", "column offset")),
            ("vectors", ("horizontal", "vertical")),
        ):
            for channel, word in zip(decoder.get(option, ()), expected, strict=False):
                assert word in words[channel]
        if decoder.get("contour") is not None:
            assert words[decoder["contour"]].startswith("contour")


def test_the_words_for_offsets_know_their_unit() -> None:
    unit = inspect.signature(InstanceTargetsd).parameters["offset_scale_px"].default
    assert unit == _OFFSET_SCALE_PX


@pytest.mark.parametrize("bundle", bundle_names())
def test_metadata_say_what_the_training_makes(bundle: str) -> None:
    config, file = training(bundle, None), BUNDLES / bundle / "configs" / "metadata.json"
    check_described(file, config)
    formats = read_json(file)["network_data_format"]
    size = [f"{config['inferer']['divisor']}*n"] * 2
    assert formats["inputs"]["image"]["spatial_shape"] == formats["outputs"]["pred"]["spatial_shape"] == size
    swapped = {**config, "targets": {"maps": config["targets"].get("maps", ["distance"])[::-1]}}
    if len(swapped["targets"]["maps"]) > 1:
        with pytest.raises(ValueError, match="channel_def: map 0 is .* by targets and loss, not 'foreground"):
            check_described(file, swapped)


def test_whole_cells_have_maps_of_their_own_in_the_order_of_the_network() -> None:
    config = training("channelnet_cellvit", "whole_cells")
    words = describe_maps(config)
    assert words is not None and map_order(config) == [0, 1, 4, 5, 2, 3, 6, 7]
    assert [word.split(":")[0] for word in words] == [
        *("nuclei", "nuclei", "cells", "cells", "nuclei", "nuclei", "cells", "cells")
    ]
    assert (
        words[2] == "cells: foreground (logit)" and words[7] == "cells: column offset to the centre, in 10 px"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"targets": {"_target_": "mine.Targets"}},
        {"targets": {"maps": ["foreground", "my_map", "row_offset", "column_offset"]}},
        {"network_def": {"_target_": "mine.Network"}},
        {"network_def": {"out_channels": 5}},
    ],
)
def test_maps_of_ones_own_are_not_guessed(change: dict[str, Any]) -> None:
    assert describe_maps({**training("resnet18_unet", None), **change}) is None
