"""The check of a data set before training: every file's header, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..readers import ChannelChoice, choose_channels, probe, probe_labels
from ..readers.dataset_json import Item, known_of


def check_dataset(
    items: Sequence[Item], *, channels: ChannelChoice = None, in_channels: int | None = None
) -> None:
    """Refuse the first pair of files that training would fail on: unreadable, of two sizes, or no channel.

    Args:
        items: a data list; items without "label" are checked for their image alone.
        channels: the choice of channels that the reader will make.
        in_channels: how many channels the network takes; None does not ask.

    Raises:
        FileNotFoundError: if a file is not there.
        ValueError: naming the first file that cannot be used, and the mend.
    """
    first: tuple[str, int] | None = None
    for item in items:
        image = item["image"]
        header = probe(image, channel_names=item.get("channels") or known_of(Path(image)).get("channels"))
        chosen = choose_channels(channels, header.channel_names, path=image)
        if first is None:
            first = (image, len(chosen))
        if len(chosen) != first[1]:
            raise ValueError(
                f"{image} has {len(chosen)} channel(s) but {first[0]} has {first[1]}: choose channels that "
                f"all images have, for example --channels 0"
            )
        if in_channels is not None and len(chosen) != in_channels:
            typed = ",".join(map(str, channels)) if isinstance(channels, (list, tuple)) else channels
            raise ValueError(
                f"{image} has {len(chosen)} channel(s) with --channels {typed}, but the network takes "
                f"{in_channels}: choose as many with --channels, or train with in_channels {len(chosen)} in "
                f"network_def"
            )
        if item.get("label") is None:
            continue
        size, label_size = header.shape[1:], probe_labels(item["label"]).shape[1:]
        if label_size != size:
            turned = " (it seems to be transposed)" if label_size == size[::-1] else ""
            raise ValueError(
                f"the label {item['label']} is {label_size[0]} x {label_size[1]} pixels but its image "
                f"{image} is {size[0]} x {size[1]}{turned}: export the label at the size of the image"
            )
