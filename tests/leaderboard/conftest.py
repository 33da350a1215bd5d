"""Evaluations as MLflow holds them, with scores that a method, a seed and an image decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common.engine.tracking import FinishedEvaluation
from common.leaderboard import SCORES

IMAGES = tuple(f"i{number}.png" for number in range(8))


def evaluation(
    method: str,
    level: float,
    *,
    seed: int = 0,
    lists: str = "as listed",
    images: tuple[str, ...] = IMAGES,
    data: str = "cells",
    root: str = "somewhere",
    run: str | None = None,
    ended: int = 1,
    metrics: dict[str, float] | None = None,
    **tags: str,
) -> FinishedEvaluation:
    """Return an evaluation whose images score `level`, a little more with each seed and image."""
    rows: list[dict[str, Any]] = []
    for image in images:
        value = level + 0.01 * seed + 0.002 * int("".join(filter(str.isdigit, image)) or 0)
        rows.append(
            {
                "image": f"{root}/images/{image}",
                **dict.fromkeys(("pq", "f1_50", "f1_mu", "aji", "dice"), value),
            }
        )
    mean = sum(row["pq"] for row in rows) / max(len(rows), 1)
    told = {
        **{
            "bundle": method,
            "seed": str(seed),
            "lists": lists,
            "split": "test",
            "method_key": f"key of {method}",
        },
        **{"data_fingerprint": "abc", "changes": "", "budget": "short", "git_commit": "c0ffee"},
        **tags,
    }
    return FinishedEvaluation(
        run_id=run or f"{method}{seed}{lists}".replace(" ", ""),
        name=f"{method} test seed {seed}",
        data=data,
        ended=ended,
        tags=told,
        metrics={"parameters": 2e6, "images_per_second": 2.0, "threads": 1.0} if metrics is None else metrics,
        report={**dict.fromkeys(SCORES, mean), "pq_pooled": mean / 2, "images": rows},
    )


@pytest.fixture
def make() -> Callable[..., FinishedEvaluation]:
    """The maker of evaluations."""
    return evaluation
