"""Puts a training's settings into the bundle that runs its weights, and loads these weights."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser

from ...bundle_config import given_settings, running_config, running_parser, shown
from .other_bundle import refuse_other_bundle
from .settings import check_trained_settings, overruled_settings, settings_to_take, trained_settings
from .weights import choose_weights, find_weights, load_weights

__all__ = ["LoadWeights", "take_trained_settings", "use_trained_settings"]

_log = logging.getLogger(__name__)


def use_trained_settings(
    *,
    weights: str | Path | None = None,
    ckpt_dir: str | Path | None = None,
    bundle_root: str | Path | None = None,
) -> None:
    """Let what a training used hold in the bundle that is being executed; the first step of its command.

    In a configuration, before the step that runs the evaluator::

        {"_target_": "common.engine.trained.use_trained_settings", "weights": "@weights", ...}

    Args:
        weights: a file named by the user, see `choose_weights`.
        ckpt_dir: folder of one's own training, see `choose_weights`.
        bundle_root: folder of the bundle, see `choose_weights`.

    Raises:
        FileNotFoundError: if there are no weights.
        ValueError: if the user wants what the weights cannot do, see `check_trained_settings`.
    """
    # Their being found is told where they are loaded.
    path, _ = choose_weights(weights, ckpt_dir, bundle_root)
    parser, config = running_parser(), running_config()
    if parser is None or config is None:
        return
    if take_trained_settings(parser, config, path, given_settings(config)):
        # Setting forgets what was parsed, and MONAI is in the middle of a command.
        parser.parse()


def take_trained_settings(
    parser: ConfigParser, config: Mapping[str, Any], weights: Path, given: Collection[str]
) -> bool:
    """Put the settings of a training into a parser, where the user did not want others.

    Args:
        parser: what is changed.
        config: its content.
        weights: the file of weights, with the training's settings beside it.
        given: names of the settings that the user gave.

    Returns:
        Whether anything was changed.

    Raises:
        ValueError: if the user wants what the weights cannot do, see `check_trained_settings`.
    """
    trained = trained_settings(weights)
    if not trained:
        return False
    refuse_other_bundle(weights, config.get("bundle_root"))
    taken = settings_to_take(trained, config, given)
    check_trained_settings(weights, {**config, **taken}, given)
    _tell("as in the training", taken)
    _tell("unlike the training", {name: config[name] for name in overruled_settings(trained, config, given)})
    parser.update(taken)
    return bool(taken)


def _tell(what: str, settings: Mapping[str, Any]) -> None:
    if settings:
        _log.info("%s: %s", what, ", ".join(f"{name} {shown(value)}" for name, value in settings.items()))


class LoadWeights:
    """Loads weights into the network when an evaluator starts, and leaves the file as ``state.weights_file``.

    Args:
        network: the network.
        weights: a file named by the user, or None.
        ckpt_dir: folder of one's own training, see `choose_weights`.
        bundle_root: folder of the bundle, see `choose_weights`.
        config: the configuration, in which the training's settings must hold; by default the one that MONAI
            is executing.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        weights: str | Path | None = None,
        ckpt_dir: str | Path | None = None,
        bundle_root: str | Path | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.weights = weights
        self.ckpt_dir = ckpt_dir
        self.bundle_root = bundle_root
        self.config = running_config() if config is None else config
        self.given = given_settings(self.config) if self.config is not None else set()

    def attach(self, engine: Engine) -> None:
        """Follow an engine.

        Args:
            engine: a MONAI evaluator or trainer.
        """
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        """Find and load the weights."""
        path = find_weights(self.weights, self.ckpt_dir, self.bundle_root)
        if self.config is not None:
            check_trained_settings(path, self.config, self.given)
        load_weights(self.network, path)
        engine.state.weights_file = str(path)
