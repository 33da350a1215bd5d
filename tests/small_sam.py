"""A small SAM with random weights in the format of the Hugging Face hub, for what loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

VISION: dict[str, Any] = {
    **{"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 32},
    **{"image_size": 64, "window_size": 2, "global_attn_indexes": [1], "output_channels": 8},
}
_REST: dict[str, Any] = {
    "prompt_encoder_config": {"hidden_size": 8, "image_size": 64, "image_embedding_size": 4},
    "mask_decoder_config": {
        **{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 8},
        **{"iou_head_hidden_dim": 8},
    },
}


def draw(model: nn.Module, seed: int) -> None:
    """Give every weight, positions and norms included, a value that matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(1 + 0.1 * noise if "norm" in name and name.endswith("weight") else 0.3 * noise)


def save_small_sam(folder: Path, *, seed: int = 0, whole: bool = True, **vision: Any) -> Path:
    """Write config.json and model.safetensors as the hub has them.

    Args:
        folder: where.
        seed: of the weights.
        whole: a `SamModel`, as on the hub; or the image encoder alone.
        vision: settings of the encoder that are other than `VISION`.
    """
    from transformers import SamConfig, SamModel, SamVisionConfig, SamVisionModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    settings = {**VISION, **vision}
    model = (
        SamModel(SamConfig(vision_config=settings, **_REST))
        if whole
        else SamVisionModel(SamVisionConfig(**settings))
    )
    draw(model, seed)
    model.save_pretrained(folder)
    return folder


def fetch_small_sam(hub: Path, name: str = "facebook/sam-vit-base", *, seed: int = 0) -> Path:
    """Let a small SAM lie where the hub's own command would have put that of a name.

    Args:
        hub: folder of downloads, as `HF_HUB_CACHE` names it.
        name: on the hub.
        seed: of the weights.
    """
    commit = "0" * 40
    place = hub / f"models--{name.replace('/', '--')}"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    return save_small_sam(place / "snapshots" / commit, seed=seed)
