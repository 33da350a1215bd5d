"""A decoder that looks for a map which is not there is found out, whatever the network finds."""

from __future__ import annotations

import pytest
import torch

import common.decoders
from common.commands import check_decoder, maps_with_nuclei

DECODERS = {
    "CentreVotesDecoder": ({"offsets": [2, 3]}, {"offsets": [2, 4]}, {"foreground": 4}),
    "ComponentsDecoder": ({"foreground": 3}, {"foreground": 4}),
    "ContourDecoder": ({"contour": 1}, {"contour": 4}, {"foreground": 9}),
    "HoVerDecoder": ({"vectors": [2, 3]}, {"vectors": [2, 4]}, {"foreground": 4}),
    "WatershedDecoder": ({"distance": 1}, {"distance": 4}, {"foreground": 9}),
}


@pytest.mark.parametrize("name", DECODERS)
def test_every_map_that_a_decoder_names_is_looked_for(name: str) -> None:
    good, *bad = DECODERS[name]
    config = {"network_def": {"out_channels": 4}}
    check_decoder({**config, "decoder": {"_target_": f"common.decoders.{name}", **good}})
    for options in bad:
        with pytest.raises(
            ValueError,
            match="^the decoder looks for a map that is not there .*: network_def puts out 4 maps, numbered",
        ):
            check_decoder({**config, "decoder": {"_target_": f"common.decoders.{name}", **options}})


def test_every_decoder_is_among_them() -> None:
    assert {name for name in common.decoders.__all__ if name.endswith("Decoder")} == set(DECODERS)


def test_a_network_that_finds_nothing_would_not_tell() -> None:
    """Why the maps have nuclei."""
    decoder = common.decoders.CentreVotesDecoder(offsets=[2, 7])
    assert not decoder(torch.full((4, 64, 64), -5.0).numpy()).any()
    with pytest.raises(IndexError):
        decoder(maps_with_nuclei(4).numpy())


def test_nothing_is_drawn_at_random() -> None:
    before = torch.get_rng_state()
    check_decoder(
        {"network_def": {"out_channels": 4}, "decoder": {"_target_": "common.decoders.ComponentsDecoder"}}
    )
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("network", [None, {}, {"out_channels": "@maps"}, {"out_channels": True}])
def test_where_the_number_of_maps_is_not_said_nothing_is_refused(network: dict | None) -> None:
    config = {"decoder": {"_target_": "common.decoders.ComponentsDecoder", "foreground": 9}}
    check_decoder({**config, "network_def": network})
    with pytest.raises(ValueError, match="numbered 0 to 0"):
        check_decoder({**config, "network_def": {"out_channels": 1}})
