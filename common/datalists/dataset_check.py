"""The check of a data set before training: every file's header, no pixels; all faults are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..messages import refuse_faults, sentence
from ..readers import (
    ChannelChoice,
    ImageHeader,
    choose_from,
    memory_fault,
    probe,
    probe_labels,
    read_labels,
)
from ..readers.dataset_json import Item, known_of


def item_fault(item: Item, *, channels: ChannelChoice = None, in_channels: int | None = None) -> str | None:
    """Say in one sentence why an image, or its label, cannot be used, by their headers alone.

    Args:
        item: an entry of a data list; without "label" the image alone is looked at.
        channels: the choice of channels that the reader will make.
        in_channels: how many channels the network takes; None does not ask.

    Returns:
        The sentence, which names the file and the mend; None where nothing is wrong.

    Example:
        >>> item_fault({"image": "not/there.png"})
        'not/there.png does not exist: check the path, or the entry of dataset.json that names it'
    """
    return _look_at(item, channels, in_channels)[1]


def check_dataset(
    items: Sequence[Item], *, channels: ChannelChoice = None, in_channels: int | None = None
) -> None:
    """Refuse a data list in which some files cannot be used; the log names all of them, the error the first.

    Args:
        items: a data list; items without "label" are checked for their image alone.
        channels: the choice of channels that the reader will make.
        in_channels: how many channels the network takes; None does not ask, but all must have as many.

    Raises:
        ValueError: if a file is not there or cannot be read, label and image differ in size, a channel is
            not there, or an image needs more memory than there is.
    """
    refuse_files(dataset_faults(items, channels=channels, in_channels=in_channels), len(items))


def refuse_files(faults: Sequence[str], total: int) -> None:
    """Raise for what `dataset_faults` found, if anything; the log lists all of it.

    Args:
        faults: the sentences.
        total: how many images were looked at.

    Raises:
        ValueError: naming how many, and the first.
    """
    refuse_faults(faults, total, "images cannot be used")


def dataset_faults(
    items: Sequence[Item],
    *,
    channels: ChannelChoice = None,
    in_channels: int | None = None,
    any_channels: bool = False,
    label_keys: Sequence[str] = ("label",),
) -> list[str]:
    """Say in one sentence each what is wrong with the images and labels of a list, as `item_fault` does.

    Args:
        items: a data list.
        channels: the choice of channels that the reader will make.
        in_channels: how many channels the network takes; None does not ask, but all must have as many.
        any_channels: images may differ in their number of channels.
        label_keys: which label maps are looked at; all but the nuclei's have to be there.
    """
    faults: list[str] = []
    first: tuple[str, int] | None = None
    for item in items:
        count, fault = _look_at(item, channels, in_channels, label_keys)
        if fault is None and first is None:
            first = (item["image"], count)
        if fault is None and first is not None and count != first[1] and not any_channels:
            fault = (
                f"{item['image']} has {count} channel(s) but {first[0]} has {first[1]}: choose channels that "
                f"all images have, for example --channels 0"
            )
        if fault is not None:
            faults.append(fault)
    return faults


def _look_at(
    item: Item, channels: ChannelChoice, in_channels: int | None, label_keys: Sequence[str] = ("label",)
) -> tuple[int, str | None]:
    """Return how many channels of an image are chosen, and what is wrong with it or its label."""
    image = item["image"]
    try:
        header = probe(image, channel_names=item.get("channels") or known_of(Path(image)).get("channels"))
        count = len(choose_from(header, channels, path=image))
        fault = (
            _count_fault(image, header, count, channels, in_channels)
            or memory_fault(image, header, channels=count)
            or next(filter(None, (_label_fault(item, header, key) for key in label_keys)), None)
        )
        return count, fault
    except (OSError, ValueError) as error:  # the readers' own sentences, and files that we may not open
        return 0, sentence(error)


def _count_fault(
    image: str, header: ImageHeader, count: int, channels: ChannelChoice, in_channels: int | None
) -> str | None:
    if in_channels is None or count == in_channels:
        return None
    if header.is_rgb and in_channels == 1:
        return (
            f"{image} is a colour picture (R, G, B), but the network takes one channel: choose it with "
            f"--channels R, G or B; for H&E sections take a bundle for colour (a network of 3 channels)"
        )
    typed = ",".join(map(str, channels)) if isinstance(channels, (list, tuple)) else channels
    chosen = "" if channels is None else f" with --channels {typed}"
    return (
        f"{image} has {count} channel(s){chosen}, but the network takes {in_channels}: choose as many with "
        f"--channels, or train with in_channels {count} in network_def"
    )


def _label_fault(item: Item, header: ImageHeader, key: str) -> str | None:
    label = item.get(key)
    if label is None and key == "label":
        return None
    if not label:
        return (
            f'{item["image"]} has no "{key}" in dataset.json, which whole cells are learnt and scored by: '
            f"add it, or leave cells out (train without whole_cells.json, evaluate with --label_keys label)"
        )
    found = probe_labels(label)
    size, label_size = header.shape[1:], found.shape[1:]
    if label_size != size:
        turned = " (it seems to be transposed)" if label_size == size[::-1] else ""
        return (
            f"the label {label} is {label_size[0]} x {label_size[1]} pixels but its image "
            f"{item['image']} is {size[0]} x {size[1]}{turned}: export the label at the size of the image"
        )
    if found.dtype.kind == "f":  # whether real numbers are whole no header tells; such files are few
        read_labels(label)
    return None
