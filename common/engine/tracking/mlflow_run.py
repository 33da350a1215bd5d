"""A training or an evaluation as one run in MLflow: settings, numbers, pictures, weights, how it ended."""

from __future__ import annotations

import logging
import math
import numbers
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events, State
from monai.engines import Evaluator

from ...bundle_config import running_config, top_level_scalars
from ...messages import sentence
from ..checkpoints import Resume
from ..checkpoints.folder import config_text
from ..evaluation.instance_scores import NEGATIVE_LOSS
from ..order import Moment, call_at, hear_exceptions
from ..training import averages_of
from ..training.next_steps import ListsOfRun
from .mlflow_store import MLflowStore
from .pictures import Pictures
from .provenance import code_tags, given_tags
from .run_name import row_name, run_name
from .trained_method import lists_in_words, method_tags

__all__ = ["MLflowRun"]

_log = logging.getLogger(__name__)
# Of the hundred scores of an evaluation; all are in metrics.json, which is kept with the run.
_CHARTED = (
    *("ap_50_pooled", "f1_50_pooled", "f1_mu_pooled", "sq_pooled", "pq_pooled", "aji_mean", "dice_mean"),
    *("precision_50_pooled", "recall_50_pooled", "boundary_dice_mean"),
    *("bpq_mean", "bpq_tissue_mean"),  # where images know their tissue
    *("cell_f1_50_pooled", "cell_f1_mu_pooled", "cell_sq_pooled", "cell_pq_pooled"),  # of whole cells
)


def _is_on(enabled: bool | int | str | None) -> bool:
    """Read a switch as it arrives from a command line, ``off`` or ``False``.

    Example:
        >>> [_is_on(value) for value in (True, "on", False, "off", "none", None)]
        [True, True, False, False, False, False]
    """
    return str(enabled).strip().lower() not in ("", "0", "false", "no", "none", "off")


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    # A score that is not defined (no nucleus in the images) is not noted; a loss that became NaN is.
    usable = {name: value for name, value in values.items() if isinstance(value, numbers.Real)}
    return {name: float(v) for name, v in usable.items() if not math.isnan(v) or "loss" in name}


def _best(state: State) -> dict[str, float]:
    # MLflow lists runs by their last values; they are compared by the best, whose weights are kept.
    name, value = state.key_metric_name, state.best_metric
    if name == NEGATIVE_LOSS:
        name, value = "val_loss", -value
    return {f"best_{name}": value, "best_epoch": state.best_metric_epoch}


def _images(lists: ListsOfRun | None) -> int | None:
    # Of all lists: MLflow has one entry for a data set, whichever fold or list of it is used.
    if lists is None:
        return None
    return len(
        {item["image"] for by_split in lists.lists.values() for items in by_split.values() for item in items}
    )


def _written(file: Path) -> int | None:
    # When a file was last written, in nanoseconds; None where there is none.
    return file.stat().st_mtime_ns if file.is_file() else None


class MLflowRun:
    """Notes a run in MLflow, on a trainer or on an evaluator that works alone.

    After an exception the run ends as FAILED, or KILLED on Ctrl-C. An epoch has the scores of our tables, an
    evaluation ten, in a group of its split: ``test/pq_pooled``, and what the method costs where a `Cost`
    measured it. The data set is the run's input.

    Args:
        bundle: name of the bundle.
        experiment: name of the experiment: the data set.
        evaluator: the evaluator of a trainer's validation.
        ckpt_dir: folder whose ``model.pt``, if this training wrote it, is kept with the run.
        fingerprint: short text that changes with the data.
        lists: the lists of the data set, which tell how many images it has.
        split: which list of the data set an evaluation is of.
        note: description shown on the run's page.
        tags: more tags.
        artifacts: more files to keep with the run, if they were written in its time.
        pictures: how many validation images to draw, or a `Pictures` that draws them.
        enabled: whether to note anything; "off", "none", "no", "false" and "0" are false.
        tracking_uri: address of the store, by default ``sqlite:///mlruns.db``; ``MLFLOW_TRACKING_URI``
            overrides it.
        config: the executed configuration; by default the one that MONAI is executing.
        resume: the training that is continued, whose run is continued too.
    """

    def __init__(
        self,
        bundle: str,
        experiment: str,
        *,
        evaluator: Evaluator | None = None,
        ckpt_dir: str | Path | None = None,
        fingerprint: str | None = None,
        lists: ListsOfRun | None = None,
        split: str = "test",
        note: str | None = None,
        tags: Mapping[str, str] | None = None,
        artifacts: Sequence[str | Path] = (),
        pictures: int | Pictures = 4,
        enabled: bool | int | str | None = True,
        tracking_uri: str | None = None,
        config: Mapping[str, Any] | None = None,
        resume: Resume | None = None,
    ) -> None:
        self.bundle = bundle
        self.experiment = experiment
        self.evaluator = evaluator
        self.ckpt_dir = None if ckpt_dir is None else Path(ckpt_dir)
        self.fingerprint = fingerprint
        self.lists = lists
        self.split = split
        self.note = note
        self.tags = dict(tags or {})
        self.artifacts = [Path(file) for file in artifacts]
        self.pictures = Pictures(pictures) if isinstance(pictures, int) else pictures
        self.enabled = _is_on(enabled)
        self.tracking_uri = tracking_uri
        self.config = running_config() if config is None else config
        self.resume = resume
        self.store: MLflowStore | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._given: dict[str, str] = {}
        self._before: dict[Path, int | None] = {}
        self._noted_epoch = 0

    def attach(self, engine: Engine) -> None:
        """Follow an engine.

        Args:
            engine: a MONAI trainer, or a MONAI evaluator that works alone.
        """
        if not self.enabled:
            return
        hear_exceptions(engine, self._exception_raised)
        call_at(Moment.OPEN, engine, Events.STARTED, self._started)
        call_at(Moment.NOTE, engine, Events.COMPLETED, self._completed)
        if isinstance(engine, Evaluator):
            self.evaluator = engine
        else:
            averages_of(engine)
            call_at(Moment.NOTE, engine, Events.EPOCH_COMPLETED, self._epoch_completed)
        if self.evaluator is not None:
            self.pictures.attach(self.evaluator)

    def _started(self, engine: Engine) -> None:
        job = "evaluating" if isinstance(engine, Evaluator) else "training"
        what = job if job == "training" else self.split
        self._given = {**given_tags(), **self.tags}
        config = self.config or {}
        row = self._given.get("row")
        name = run_name(self.bundle, what, config) if row is None else row_name(row, what, config)
        store = MLflowStore(self.experiment, name, tracking_uri=self.tracking_uri)
        tags = {"bundle": self.bundle, "job": job, **code_tags(), **self._given}
        if self.fingerprint is not None:
            tags["data_fingerprint"] = str(self.fingerprint)
        if job == "evaluating":
            tags = {"split": self.split, "lists": lists_in_words(config), **tags}
        tags["mlflow.note.content"] = self.note or f"`{tags['command']}`"
        earlier = self.resume.run_id if self.resume is not None and self.resume.found else None
        # A parameter too: MLflow's comparison of runs groups and colours by parameters alone.
        params = {**top_level_scalars(config), **({} if row is None else {"row": row})}
        store.open(params=params, tags=tags, run_id=earlier)
        self.store = store
        # Kept by the last checkpoint, so that a later start finds this run.
        engine.state.mlflow_run_id = store.run_id
        continues = store.run_id == earlier
        # A training that is killed between the note of an epoch and its checkpoint repeats the epoch.
        self._noted_epoch = store.last_step("epoch_seconds") if continues else 0
        self._scratch = tempfile.TemporaryDirectory(prefix="mlflow_", ignore_cleanup_errors=True)
        # What an earlier run wrote is not this run's; a run that is continued wrote it itself.
        self._before = {} if continues else {file: _written(file) for file in self._kept_files()}
        if self.fingerprint is not None and not continues:
            store.data_set(
                self.experiment,
                digest=str(self.fingerprint),
                context="training" if job == "training" else "evaluation",
                source=(self.config or {}).get("dataset_dir"),
                images=_images(self.lists),
            )
        if self.config is not None:
            store.text(config_text(self.config), "train.json" if job == "training" else "evaluate.json")
        _log.info("MLflow: run %r of experiment %r", store.run_name, self.experiment)

    def _kept_files(self) -> dict[Path, str | None]:
        """Return the files to keep with the run, each with its folder there."""
        weights = {} if self.ckpt_dir is None else {self.ckpt_dir / "model.pt": "model"}
        return {**weights, **dict.fromkeys(self.artifacts)}

    def _epoch_completed(self, engine: Engine) -> None:
        if self.store is None:
            return
        epoch, averages = engine.state.epoch, averages_of(engine)
        values: dict[str, Any] = {"train_loss": averages.loss, "epoch_seconds": averages.seconds}
        # A loss may tell its sum among its terms; it is the "train_loss" already.
        terms = {name: value for name, value in averages.terms.items() if name != "total"}
        values.update({f"train_loss_{name}": value for name, value in terms.items()})
        if rates := averages.learning_rates:
            values["learning_rate"] = rates[0]
            if len(set(rates)) > 1:
                values.update(
                    {f"learning_rate_{number}": rate for number, rate in enumerate(rates[1:], start=1)}
                )
        # Between two validations the evaluator's state still holds the scores of the earlier one.
        state = None if self.evaluator is None else self.evaluator.state
        if state is not None and state.epoch == epoch:
            values.update({name: value for name, value in state.metrics.items() if name != NEGATIVE_LOSS})
        if state is not None and state.best_metric_epoch == epoch:
            values.update(_best(state))
        if epoch > self._noted_epoch:
            self.store.metrics(_numbers(values), step=epoch)
        if state is not None and state.best_metric_epoch == epoch:
            self._draw("best", self.store)

    def _draw(self, what: str, store: MLflowStore) -> None:
        assert self._scratch is not None
        folder = Path(self._scratch.name) / what
        try:
            files = self.pictures.save(folder)
        except (OSError, ValueError, TypeError, IndexError) as error:
            # A picture is a help; no training ends for the lack of one.
            _log.warning("the %s validation images could not be drawn: %s", what, error)
            return
        if files:
            store.artifacts(folder, f"overlays/{what}")

    def _completed(self, engine: Engine) -> None:
        if isinstance(engine, Evaluator) and self.store is not None:
            scores = {**engine.state.metrics, **getattr(engine.state, "instance_summary", {})}
            # Those that are not ours are few, and in no file.
            others = engine.state.metrics.keys() - getattr(engine.state, "instance_summary", {}).keys()
            kept = {name: scores[name] for name in (*_CHARTED, *sorted(others)) if name in scores}
            values = {f"{self.split}/{name}": value for name, value in _numbers(kept).items()}
            # What a method costs is no score, and in no group.
            self.store.metrics({**values, **_numbers(getattr(engine.state, "cost", {}))}, step=0)
            if weights := getattr(engine.state, "weights_file", None):
                root, folders = ((self.config or {}).get(name) for name in ("bundle_root", "dataset_dir"))
                told = method_tags(weights, root, dataset_dir=folders, data=self.experiment)
                for name, value in {"weights": str(weights), **told}.items():
                    if name not in self._given:  # whoever started the evaluation may know a shorter name
                        self.store.tag(name, value)
        self._end("FINISHED")

    def _exception_raised(self, engine: Engine, error: BaseException) -> None:
        # ignite tells of an exception within an iteration twice; the run is ended the first time.
        if isinstance(error, KeyboardInterrupt):
            self._end("KILLED")
        else:
            if self.store is not None:
                self.store.tag("error", sentence(error)[:500])
            self._end("FAILED")

    def _end(self, status: str) -> None:
        store, self.store = self.store, None
        if store is None:
            return
        self._draw("last", store)
        for file, folder in self._kept_files().items():
            if _written(file) != self._before.get(file):
                store.artifact(file, folder)
        store.close(status)
        if self._scratch is not None:
            self._scratch.cleanup()
