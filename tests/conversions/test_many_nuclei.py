"""Memory of nuclei on their way to QuPath or ImageJ and back: 300,000 of them must fit beside their image."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = 30_000
MOST_BYTES_A_NUCLEUS = 2000  # 0.6 GB for 300,000

PROGRAM = """
import json, math, resource, sys
from pathlib import Path
import numpy as np
import tifffile
from common.conversions import read_dataset
from common.conversions.own_annotations import qupath
from common.export import nuclei_features, nuclei_table, write_geojson, write_rois

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

what, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
side = math.isqrt(count - 1) + 1
rows, columns = np.mgrid[:20, :20] - 9.5
one = ((rows / 9) ** 2 + (columns / 7) ** 2 < 1).astype(np.int32)
numbers = np.arange(1, side**2 + 1, dtype=np.int32).reshape(side, side)
numbers[numbers > count] = 0
label_map = np.zeros((20 * side, 20 * side), np.int32)
# Into its place: what else is there for a moment would hide what is measured.
tiles = label_map.reshape(side, 20, side, 20).swapaxes(1, 2)
np.multiply(numbers[:, :, None, None], one, out=tiles)
image = np.full((1, *label_map.shape), 200, np.uint8)
file = folder / "a.geojson"
before = peak()
if what == "measured":
    found = len(nuclei_table(label_map, image)["label"])
elif what == "written":
    tifffile.imwrite(folder / "a.tif", image[0])
    write_geojson(file, nuclei_features(label_map))
    found = file.read_bytes().count(b'"Feature"')
elif what == "ROIs written":
    found = count if write_rois(folder / "a.rois.zip", label_map).stat().st_size else 0
else:
    (back,) = read_dataset("imagej" if what == "ROIs read" else "qupath", folder)
    taken = peak() - before - back.label_map.nbytes
    found = int(back.label_map.max()) if np.array_equal(back.label_map, label_map) else 0
print(json.dumps({"found": found, "bytes": taken if what.endswith("read") else peak() - before}))
"""


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not tell a process's peak of memory this way"
)
def test_many_nuclei_are_measured_written_and_read_in_little_memory(repository: Path, tmp_path: Path) -> None:
    taken = {}
    for what in ("measured", "written", "read", "ROIs written", "ROIs read"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, what, str(COUNT), str(tmp_path)],
            cwd=repository,
            check=True,
            capture_output=True,
            text=True,
        )
        told = json.loads(done.stdout)
        assert told["found"] == COUNT
        if what != "ROIs written":  # those are here to be read
            taken[what] = told["bytes"] / COUNT
    assert max(taken.values()) < MOST_BYTES_A_NUCLEUS, taken
