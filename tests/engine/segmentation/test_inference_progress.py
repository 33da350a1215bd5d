"""Tests of what is shown during a segmentation."""

from __future__ import annotations

import logging

from common.engine.segmentation import InferenceProgress


def test_every_image_is_counted_and_the_last_line_names_the_folder(workshop, caplog, tmp_path):
    caplog.set_level(logging.INFO, logger="common")
    workshop.evaluator([InferenceProgress(tmp_path, every_seconds=0)]).run()
    assert caplog.messages[:-1] == ["1 of 3 images", "2 of 3 images", "3 of 3 images"]
    assert caplog.messages[-1].startswith("3 images in ")
    assert caplog.messages[-1].endswith(str(tmp_path))


def test_a_quick_run_says_only_where_the_results_are(workshop, caplog, tmp_path):
    caplog.set_level(logging.INFO, logger="common")
    workshop.evaluator([InferenceProgress(tmp_path, every_seconds=3600)]).run()
    assert len(caplog.messages) == 1
