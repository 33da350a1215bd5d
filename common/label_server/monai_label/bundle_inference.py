"""One bundle's inference as MONAI Label calls it: a request -> a file of labels, or polygons."""

from __future__ import annotations

import logging
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.utils.others.generic import device_list, name_to_device

from ..annotations import NUCLEUS, annotation_of
from ..result_file import result_suffix, write_result
from ..section import Section, read_section
from ..served_bundle import ServedBundle

__all__ = ["BundleInference"]

_log = logging.getLogger(__name__)
_CLIENTS_DEFAULT_AREA = 80  # MONAI Label's for polygons of tissue, sent whether a client asked for it or not


class BundleInference(InferTask):
    """Segments images by a packed bundle: the same labels as its own command gives.

    Args:
        bundle: the bundle.
    """

    def __init__(self, bundle: ServedBundle) -> None:
        super().__init__(InferType.SEGMENTATION, {NUCLEUS: 1}, 2, bundle.description)
        self.bundle = bundle

    def info(self) -> dict[str, Any]:
        """Return what clients show of it."""
        return {**super().info(), "version": self.bundle.version}

    def config(self) -> dict[str, Any]:
        """Return what clients let their users choose."""
        return {"device": device_list(), "weights": list(self.bundle.weights())}

    def is_valid(self) -> bool:
        """Tell whether it can segment: it has weights."""
        return bool(self.bundle.weights())

    def get_path(self, validate: bool = True) -> str | None:
        """Return the file of its weights, for who downloads it.

        Without validation MONAI Label asks where an upload may be written: nowhere, since it would take the
        place of weights that someone trained.
        """
        weights = self.bundle.weights()
        return str(next(iter(weights.values()))) if validate and weights else None

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Segment one image.

        Args:
            request: `image`, a file or an array (h, w, 3); `device`, `weights`, `result_extension` as a
                client wishes; `location`, `size` and `level` of a region; `output` "polygons" for no file.

        Returns:
            The file of labels, or None; and the number of nuclei, and of whole cells where these are found,
            times in seconds, polygons.
        """
        times, begin = {}, time.monotonic()
        section = _section_of(request)
        times["pre"], begin = _since(begin)
        found = self.bundle.find(section, _weights_of(request), _device_of(request))
        labels: np.ndarray = found.label_map
        times["infer"], begin = _since(begin)
        told: dict[str, Any] = {"nuclei": int(np.count_nonzero(np.bincount(labels.ravel())[1:]))}
        if found.cells is not None:
            told["cells"] = int(np.count_nonzero(np.bincount(found.cells.ravel())[1:]))
        file = None
        if request.get("output") == "polygons":
            least = request.get("min_poly_area", _CLIENTS_DEFAULT_AREA)
            told["annotation"] = annotation_of(
                labels, origin=section.origin, step=section.step,
                min_area_px=0 if least == _CLIENTS_DEFAULT_AREA else float(least),
            )  # fmt: skip
        else:
            source = request["image"] if isinstance(request["image"], str) else ""
            suffix = result_suffix(source, request.get("result_extension"))
            place = Path(tempfile.gettempdir()) / f"tmp{uuid.uuid4().hex}{suffix}"
            file = str(write_result(place, labels, section, source=source, cells=found.cells))
        times["post"], _ = _since(begin)
        told["latencies"] = {**times, "total": round(sum(times.values()), 2)}
        told["label_names"] = {NUCLEUS: 1}
        _log.info("%s: %d nuclei, %s s", self.bundle.name, told["nuclei"], told["latencies"]["total"])
        return file, told


def _section_of(request: Mapping[str, Any]) -> Section:
    image = request["image"]
    if not isinstance(image, str):
        pixels = np.asarray(image)
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            raise ValueError(f"an array of shape {pixels.shape} was sent: (height, width, 3) is taken")
        x, y = request.get("location") or (0, 0)
        channels = np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))
        return Section(channels, ("R", "G", "B"), None, (int(x), int(y)))
    return read_section(
        image,
        location=request.get("location"),
        size=request.get("size"),
        level=int(request.get("level") or 0),
    )


def _weights_of(request: Mapping[str, Any]) -> str | None:
    wanted = request.get("weights")
    # Clients send the whole list where nothing was chosen.
    return wanted if isinstance(wanted, str) and wanted else None


def _device_of(request: Mapping[str, Any]) -> str | None:
    wanted = request.get("device")
    return str(name_to_device(wanted)) if isinstance(wanted, str) and wanted else None


def _since(begin: float) -> tuple[float, float]:
    now = time.monotonic()
    return round(now - begin, 2), now
