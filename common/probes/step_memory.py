"""The memory of a training step, measured on one crop before the training: said, or refused for a batch."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..devices import free_memory, low_precision
from .live_bytes import LiveBytes

__all__ = ["StepMemory", "check_step_memory", "measure_step"]

_log = logging.getLogger(__name__)

# What a process takes for a byte of its tensors: beside them there are the buffers of convolutions, and gaps
# between tensors that the C library cannot use. Measured: see `measure_step`.
_SHARE = {"cpu": 1.5, "cuda": 1.2}
# Code and buffers that come with the first step.
_FIRST_STEP = 80 * 10**6
# Gradient and two moments of AdamW, for a byte of weights.
_OPTIMIZER = 3
# Larger crops are measured by a part.
_LARGEST_PX = 256
# Smaller ones two at a time: batch normalization refuses a single pixel.
_SMALLEST_PX = 64
# The estimate may be wrong by so much: what is refused cannot fit, what is warned of may not.
_ERROR = 1.25


class StepMemory(NamedTuple):
    """Bytes that a training step takes, as a straight line over the batch size."""

    fixed: float
    """Whatever the batch size."""
    per_crop: float
    """For each crop of the batch."""

    def of(self, batch_size: int) -> float:
        """Return the bytes for a batch."""
        return self.fixed + batch_size * self.per_crop

    def largest_batch(self, free: float) -> int:
        """Return the largest batch that takes no more than some bytes; 0: not even one crop.

        Example:
            >>> StepMemory(fixed=10, per_crop=4).largest_batch(31)
            5
        """
        return max(0, int((free - self.fixed) // self.per_crop))


@contextmanager
def _same_random_numbers(device: torch.device) -> Iterator[None]:
    """Leave all generators of random numbers as they were."""
    numpy, python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        np.random.set_state(numpy)
        random.setstate(python)


def measure_step(
    network: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    image: Tensor,
    target: Tensor,
    *,
    amp: bool = True,
) -> StepMemory:
    """Return what a training step takes, from one step on one crop with copies of network and loss.

    Every tensor that the step makes and frees is followed, so that it holds for any network and loss. Nothing
    of them changes, nor do random numbers. About a second on a CPU, most of it for the first time only.

    Against the peak of a process, less what it had before, over two steps with AdamW (GB, one thread):

    =============  =======  =====  ====  =====
    bundle         crop_px  batch  said  taken
    =============  =======  =====  ====  =====
    logsage            192      4  0.75   0.68
    logsage            192     16  2.62   2.43
    resnet18_unet      192      4  0.47   0.43
    resnet18_unet      192     16  1.52   1.47
    resnet18_unet      192     32  2.92   3.29
    vgg16_unet         128      4  0.36   0.33
    vgg16_unet         128     16  1.03   1.09
    vgg16_unet         128     32  1.92   1.90
    =============  =======  =====  ====  =====

    So it is wrong by at most about an eighth there. On a GPU it was not compared.

    Not counted: images kept in memory (`cache_images`), an average of the weights, data loaders' workers.

    Args:
        network: image -> maps, on its device.
        loss: maps, target -> scalar.
        image: a crop as the training sees it.
        target: what belongs to it.
        amp: whether lower precision may be used; see `common.devices.low_precision`.

    Shapes:
        image: (c, h, w).
        target: (t, h, w).
    """
    weights = [each for each in network.parameters() if each.requires_grad]
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    side = _LARGEST_PX
    part = image[..., :side, :side]
    area = image[0].numel() / part[0].numel()
    count = 2 if min(part.shape[-2:]) <= _SMALLEST_PX else 1
    images, targets = (
        torch.as_tensor(each)[..., :side, :side].as_subclass(Tensor)[None].repeat(count, 1, 1, 1).to(device)
        for each in (image, target)
    )
    # MONAI's engine casts on a GPU alone; on a CPU `prepare` has the network do so.
    half = low_precision(device, amp=amp) if device.type == "cuda" else None
    with _same_random_numbers(device):
        network, loss = copy.deepcopy(network).train(), copy.deepcopy(loss)
        for weight in network.parameters():
            weight.grad = None
            if weight.requires_grad:  # counted apart, because they do not grow with the batch
                weight.register_post_accumulate_grad_hook(_forget)
        with torch.enable_grad(), LiveBytes() as live:
            with torch.autocast(device.type, half, enabled=half is not None):
                value = loss(network(images), targets)
            value.backward()
    share = _SHARE.get(device.type, 1.0)
    given = image.nbytes + target.nbytes
    fixed = _OPTIMIZER * sum(each.nbytes for each in weights) + (_FIRST_STEP if device.type == "cpu" else 0)
    return StepMemory(float(fixed), share * live.peak / count * area + given)


def _forget(weight: Tensor) -> None:
    weight.grad = None


def check_step_memory(
    network: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    transform: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    batch_size: int,
    amp: bool = True,
) -> None:
    """Say what a training step will take, and refuse a batch that cannot fit, before anything is trained.

    Without it the system ends the process in the middle of the first step without a word. Where the estimate
    cannot be made, because a part fails or the system does not tell what is free, the training goes on: it
    has an error of its own to tell.

    Args:
        network: image -> maps, on its device.
        loss: maps, target -> scalar.
        transform: item -> item with `image` (c, h, w) and `label` (t, h, w), a crop; a copy is used.
        items: the training's list; the first is loaded.
        batch_size: crops that a step takes at once.
        amp: whether lower precision may be used.

    Raises:
        ValueError: if the batch cannot fit: with the size that does.
    """
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    free = free_memory(device)
    try:
        with _same_random_numbers(device):
            item = copy.deepcopy(transform)(items[0])
        image, target = (torch.as_tensor(item[key]) for key in ("image", "label"))
        memory = measure_step(network, loss, image, target, amp=amp)
    except Exception as error:
        _log.debug("the memory of a training step is not known: %s", error)
        return
    needed = memory.of(batch_size)
    if free is None:
        _log.info("a training step of %d crops takes about %s of memory", batch_size, _size(needed))
        return
    told = f"{_size(needed)} of memory, and {_size(free)} are free"
    if needed > _ERROR * free:
        raise ValueError(
            f"--batch_size {batch_size} takes about {told}: {_mend(memory.largest_batch(free), batch_size)}"
        )
    level = logging.WARNING if _ERROR * needed > free else logging.INFO
    _log.log(level, "a training step of %d crops takes about %s", batch_size, told)


def _mend(fits: int, batch_size: int) -> str:
    if not fits:
        return "not even one crop fits: give a smaller --crop_px"
    steps = -(-batch_size // fits)
    return (
        f"--batch_size {fits} fits, and with --accumulation_steps {steps} as many crops count for a step; "
        "or give a smaller --crop_px"
    )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count < 9.95e9 else f"{count / 1e9:.0f} GB"
