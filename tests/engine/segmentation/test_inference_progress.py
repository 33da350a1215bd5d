"""Tests of what is shown during a segmentation, by an evaluator that is not ours too."""

from __future__ import annotations

import logging

from common.engine.segmentation import InferenceProgress


def test_every_image_is_told_with_its_nuclei_and_the_last_line_names_the_folder(workshop, caplog, tmp_path):
    caplog.set_level(logging.INFO, logger="common")
    workshop.evaluator([InferenceProgress(tmp_path)]).run()
    told = [text for text in caplog.messages if "nuclei (image" in text]
    assert [text.split(":")[0] for text in told] == ["cells_0", "cells_1", "cells_2"]
    assert [text.split("image ")[1] for text in told] == ["1 of 3)", "2 of 3)", "3 of 3)"]
    assert caplog.messages[-1].startswith("3 images with ")
    assert caplog.messages[-1].endswith(str(tmp_path))
