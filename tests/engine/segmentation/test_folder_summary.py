"""Tests of the summary of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.engine.segmentation import FolderSummary
from common.engine.segmentation.folder_summary import summary_of
from common.export import nuclei_table, write_table

LABELS = np.zeros((6, 8), dtype=int)
LABELS[0:2, 0:2], LABELS[3:5, 0:4], LABELS[5, 6] = 1, 2, 3


def test_a_row_an_image_with_what_failed(tmp_path: Path) -> None:
    image = np.stack([LABELS, 10 * LABELS]).astype(float)
    names = ["DAPI", "CD3"]
    write_table(tmp_path / "a.csv", nuclei_table(LABELS, image, channel_names=names, pixel_size_um=0.5))
    write_table(tmp_path / "none.csv", nuclei_table(0 * LABELS, image, channel_names=names))
    found = summary_of(tmp_path, ["a", "broken", "none"], {"broken": "it is damaged"})
    assert found["image"] == ["a", "broken", "none"] and found["nuclei"] == [3, "", 0]
    assert found["fault"] == ["", "it is damaged", ""]
    assert (
        found["mean_area_px"] == [pytest.approx(13 / 3, rel=1e-5), "", ""] and found["median_area_px"][0] == 4
    )
    assert found["mean_area_um2"][0] == pytest.approx(13 / 12, rel=1e-5)
    assert found["mean_DAPI"][0] == 2 and found["mean_CD3"][0] == 20, "each nucleus counts once"


def test_it_is_written_at_the_end_where_tables_are(tmp_path: Path, workshop) -> None:
    write_table(tmp_path / "a.csv", nuclei_table(LABELS, LABELS[None]))
    workshop.evaluator([FolderSummary(tmp_path / "off", names=["a"], enabled=False)]).run()
    assert not (tmp_path / "off").exists()
    workshop.evaluator([FolderSummary(tmp_path, names=["a"])]).run()
    assert (tmp_path / "summary.csv").read_text().splitlines()[1].startswith("a,3,,")
