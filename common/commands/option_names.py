"""Names of options: one that is misspelt, or other programs', is answered with the one that was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ..messages import nearest

__all__ = ["DAILY", "refuse_unknown", "root_of"]

DAILY = (
    *("dataset_dir", "channels", "pixel_size_um", "epochs", "batch_size", "learning_rate", "device"),
    *("num_workers", "ckpt_dir", "output_dir", "weights", "pretrained", "resume", "seed"),
)
"""What is typed most, in the order of the README's table."""

# What other programs call it -> what it is here, perhaps with its value; the first that there is counts.
_SYNONYMS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("lr", "eta", "step_size", "base_lr", "max_lr"): ("learning_rate",),
    ("bs", "batch", "batchsize", "b"): ("batch_size",),
    ("wd", "decay", "l2"): ("weight_decay",),
    ("max_epochs", "n_epochs", "num_epochs", "nepochs", "ep", "iterations"): ("epochs",),
    ("steps", "iters", "num_steps"): ("steps_per_epoch",),
    ("gpu", "gpus", "cuda", "use_gpu", "use_cuda"): ("device cuda",),
    ("cpu", "no_cuda", "use_cpu", "no_gpu"): ("device cpu",),
    ("accelerator", "dev"): ("device",),
    ("workers", "threads", "num_threads", "n_workers", "jobs", "cpus", "j"): ("num_workers",),
    ("data", "data_dir", "data_path", "dataroot", "dataset"): ("dataset_dir", "source"),
    ("images", "image_dir", "img_dir", "input", "input_dir", "in", "i"): ("dataset_dir", "source"),
    ("folder", "dir", "path"): ("dataset_dir", "source"),
    ("out", "output", "outdir", "out_dir", "o"): ("output_dir", "ckpt_dir"),
    ("save_dir", "savedir", "save_path", "results", "dest"): ("output_dir", "ckpt_dir"),
    ("model", "model_path", "model_file", "checkpoint", "ckpt", "load", "w"): ("weights", "pretrained"),
    ("init", "finetune", "fine_tune", "initial_weights", "backbone_weights"): ("pretrained",),
    ("continue", "restart", "resume_from"): ("resume",),
    ("model_dir", "checkpoint_dir", "run_dir", "log_dir", "logdir", "exp_dir"): ("ckpt_dir", "output_dir"),
    ("channel", "chan", "ch", "stain", "nuclear_channel"): ("channels",),
    ("mpp", "pixel_size", "resolution", "spacing", "microns_per_pixel"): ("pixel_size_um",),
    ("diameter", "diam", "nucleus_size", "object_size"): ("diameter_px",),
    ("zoom", "rescale", "resize", "downsample"): ("scale",),
    ("crop", "crop_size", "patch", "patch_size", "patch_px", "img_size", "imgsz", "image_size"): ("crop_px",),
    ("early_stopping", "early_stop", "earlystop"): ("patience",),
    ("random_seed", "random_state", "rng"): ("seed",),
    ("fp16", "half", "mixed_precision", "bf16", "precision"): ("amp",),
    ("ema",): ("ema_decay",),
    ("warmup",): ("warmup_epochs",),
    ("grad_clip", "clip", "max_norm", "gradient_clipping"): ("clip_norm",),
    ("grad_accum", "accumulate", "gradient_accumulation_steps"): ("accumulation_steps",),
    ("val_every", "eval_every", "validate_every", "eval_interval"): ("val_interval",),
    ("metric", "monitor", "key_metric"): ("select_by",),
    ("cache",): ("cache_images",),
    ("subset", "list"): ("split",),
    ("recurse", "subfolders", "r"): ("recursive",),
    ("skip_existing", "skip_done", "skip"): ("skip_finished",),
    ("embedding", "features", "tokens", "latents", "feature_vectors"): ("embeddings",),
    ("csv", "measurements", "measure", "regionprops"): ("table",),
    ("geojson", "polygons", "qupath", "imagej", "rois", "format", "export"): ("formats",),
    ("overlays", "outlines", "plot", "visualize"): ("overlay",),
    ("config", "cfg", "conf", "c"): ("config_file", "overlay"),
    ("name", "model_name"): ("bundle",),
}
_MEANT = {word: names for words, names in _SYNONYMS.items() for word in words}
# As many can be read at a glance.
_FEW = 16


def root_of(key: str) -> str:
    """Return the top-level item that a key changes.

    Example:
        >>> {root_of(key) for key in ("a::b", "a#b", "+a", "a=3")}
        {'a'}
    """
    return re.split(r"::|#|=", key.lstrip("+"), maxsplit=1)[0]


def meant_by(name: str, known: Collection[str]) -> str | None:
    """Return the option that was probably meant, perhaps with its value.

    Args:
        name: what was typed, without dashes.
        known: the options that there are; of several that can be meant the first one wins.

    Example:
        >>> meant_by("lr", ["learning_rate"]), meant_by("gpu", ["device"]), meant_by("nomlflow", ["mlflow"])
        ('learning_rate', 'device cuda', 'mlflow False')
        >>> meant_by("out", ["ckpt_dir"]), meant_by("out", ["ckpt_dir", "output_dir"])
        ('ckpt_dir', 'output_dir')
        >>> meant_by("epoch", ["epochs"]), meant_by("zzz", ["epochs"])
        ('epochs', None)
    """
    word = name.strip().casefold().replace("-", "_")
    for other in _MEANT.get(word, ()):
        if other.split()[0] in known:
            return other
    if word.startswith("no") and word[2:].lstrip("_") in known:
        return f"{word[2:].lstrip('_')} False"
    return nearest(word, known)


def refuse_unknown(
    options: Iterable[str],
    known: Iterable[str],
    *,
    accepted: Collection[str] = (),
    avoided: Collection[str] = (),
    file: str | None = None,
) -> None:
    """Refuse an option that does not exist, and name the one that was meant, else those used most.

    Args:
        options: the names that were typed, without dashes; "a::b" and "a#b" stand for a.
        known: the options that there are.
        accepted: further names that are let through, but are no options to choose from.
        avoided: options that exist but do nothing here: offered only to who misspells them.
        file: the configuration whose top level holds them, named where they are too many to list.

    Raises:
        ValueError: for the first unknown option.

    Example:
        >>> refuse_unknown(["epoch"], ["epochs", "seed"])
        Traceback (most recent call last):
        ValueError: unknown option --epoch: did you mean --epochs?
    """
    choices = list(known)
    for option in options:
        root = root_of(option)
        if root in choices or root in accepted:
            continue
        useful = [name for name in choices if name not in avoided]
        near = meant_by(root, useful) or nearest(root, [*choices, *accepted])
        raise ValueError(f"unknown option --{root}: {_hint(near, useful, file)}")


def _hint(near: str | None, choices: Collection[str], file: str | None) -> str:
    if near:
        return f"did you mean --{near}?"
    daily = [name for name in DAILY if name in choices]
    others = sorted(name for name in choices if name not in daily and not name.startswith("_"))
    if len(choices) <= _FEW or file is None:
        return f"the options are {', '.join(f'--{name}' for name in [*daily, *others])}"
    return f"those used most are {', '.join(f'--{name}' for name in daily)}; all {len(choices)} are in {file}"
