"""ImageNet weights for an encoder, from a file or from the official address, for any number of channels."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

OFFICIAL = {  # architecture -> file; the end of the name begins the file's SHA-256
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "vgg16_bn": "https://download.pytorch.org/models/vgg16_bn-6c64b313.pth",
}
# Of the red, green and blue of images in 0..1, by which the official weights expect them normalised.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read_weights(source: str | os.PathLike[str] | None, architecture: str) -> dict[str, Tensor]:
    """Return an official state dict.

    Args:
        source: a file in torch's format; None for the official file, which is taken from torch's folder of
            downloads (`TORCH_HOME` moves it) and downloaded into it, and checked, the first time.
        architecture: one of `OFFICIAL`.

    Raises:
        ConnectionError: the file cannot be downloaded.
        FileNotFoundError: there is no such file.
        ValueError: the architecture is unknown, or the file is damaged or no state dict.
    """
    if architecture not in OFFICIAL:
        raise ValueError(f"no ImageNet weights for {architecture!r}: choose from {', '.join(OFFICIAL)}")
    url = OFFICIAL[architecture]
    if source is not None and not Path(source).is_file():
        raise FileNotFoundError(f"no weights {source}: give the file of {url}, or nothing to download it")
    try:
        if source is None:
            weights = torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
        else:
            weights = torch.load(source, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        path = source or Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
        raise ValueError(
            f"{path} is no file of weights, or a damaged one: delete it and download {url} again"
        ) from error
    except OSError as error:  # urllib's errors are among them
        if source is not None:
            raise
        raise ConnectionError(
            f"cannot download {url} ({error}): download it where there is a network and give the file's "
            f"path, or put it into {torch.hub.get_dir()}/checkpoints"
        ) from error
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{source} is no state dict: names of weights -> tensors, like {url}")
    return dict(weights)


def adapt_first_convolution(weight: Tensor, in_channels: int) -> tuple[Tensor, Tensor]:
    """Return the first convolution for images of any number of channels with intensities in 0..1.

    Trained were images of three channels, normalised by `MEAN` and `STD`: their normalisation goes into the
    kernels. Other numbers of channels than three share the mean of the three kernels, so that an image of
    equal channels is answered like the same image in grey.

    Args:
        weight: kernels for red, green and blue.
        in_channels: channels of the image.

    Returns:
        The kernels, and what to subtract from the response of each, except at the image's border, where
        zeros that were padded before and after normalising differ.

    Shapes:
        weight: (k, 3, n, n).
        kernels: (k, in_channels, n, n).
        shift: (k,).

    Raises:
        ValueError: the kernels are not those of a first convolution.
    """
    if weight.ndim != 4 or weight.shape[1] != 3:
        raise ValueError(
            f"kernels of shape {tuple(weight.shape)} are not for 3 channels: wrong file of weights"
        )
    mean, std = (torch.tensor(values, dtype=weight.dtype).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    kernels = weight / std
    shift = (kernels * mean).sum(dim=(1, 2, 3))
    if in_channels != 3:
        kernels = kernels.sum(dim=1, keepdim=True).repeat(1, in_channels, 1, 1) / in_channels
    return kernels, shift


def fill_encoder(encoder: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load into an encoder its part of a whole network's state dict; names beyond the encoder's are left out.

    Args:
        encoder: a module whose names are those of `weights`.
        weights: name -> tensor; may lack the counters of batch norm, as official files of before 2018 do.

    Raises:
        ValueError: a weight is missing or has another shape.
    """
    own = encoder.state_dict()
    for name, value in own.items():
        if name not in weights and not name.endswith("num_batches_tracked"):
            raise ValueError(f"the weights lack {name!r}: they are not of this encoder")
        if name in weights and weights[name].shape != value.shape:
            raise ValueError(
                f"the weight {name!r} has the shape {tuple(weights[name].shape)}, the encoder wants "
                f"{tuple(value.shape)}: only an encoder of the published width can take ImageNet weights"
            )
    encoder.load_state_dict({name: weights.get(name, value) for name, value in own.items()})
