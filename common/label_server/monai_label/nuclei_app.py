"""Packed bundles as an app of MONAI Label's server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from monailabel.interfaces.app import MONAILabelApp
from monailabel.tasks.activelearning.random import Random
from monailabel.utils.others.pathology import create_asap_annotations_xml, create_dsa_annotations_json

from ...messages import sentence, suggest
from ..annotations import NUCLEUS
from ..served_bundle import ServedBundle, find_bundles
from .bundle_inference import BundleInference
from .bundle_training import BundleTraining
from .http_errors import http_errors, is_upload
from .most_uncertain import MostUncertain
from .studies import Studies

__all__ = ["NucleiApp"]

_log = logging.getLogger(__name__)
# What MONAI Label fills in where a client asks for no region.
_NO_REGION = ([0, 0], [2048, 2048])


class NucleiApp(MONAILabelApp):
    """Segments nuclei, trains on corrected labels, and offers the image to correct next.

    Args:
        app_dir: folder of the app; packed bundles lie in `model`, trainings come into `trained`.
        studies: folder of the images.
        conf: MONAI Label's; nothing of it is needed.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        found, self.faults = find_bundles(Path(app_dir))
        self.bundles: dict[str, ServedBundle] = {bundle.name: bundle for bundle in found}
        for name, fault in self.faults.items():
            _log.error("%s is not served: %s", name, sentence(fault))
        super().__init__(
            app_dir, studies, conf, name="nuclei", description="nuclei of microscopy images", labels=[NUCLEUS]
        )

    def init_datastore(self) -> Studies:
        """Return the folder of images; web addresses are not served."""
        return Studies(self.studies)

    def init_infers(self) -> dict[str, BundleInference]:
        """Return the bundles' inferences."""
        return {name: BundleInference(bundle) for name, bundle in self.bundles.items()}

    def init_trainers(self) -> dict[str, BundleTraining]:
        """Return the bundles' trainings."""
        return {name: BundleTraining(bundle) for name, bundle in self.bundles.items()}

    def init_strategies(self) -> dict[str, Any]:
        """Return the ways to choose the next image."""
        return {"uncertain": MostUncertain(self.bundles), "random": Random()}

    def on_init_complete(self) -> None:
        """Load every bundle once, so that one that cannot be loaded is told now, and the others serve."""
        super().on_init_complete()
        for name, bundle in list(self.bundles.items()):
            try:
                if bundle.weights():
                    bundle.segmenter()
                    _log.info("%s is served with the weights %s", name, next(iter(bundle.weights())))
                else:
                    _log.warning("%s has no weights: it can be trained from corrected labels", name)
            except Exception as error:  # whatever a broken bundle does must not end the server
                self.faults[name] = error
                del self.bundles[name], self._infers[name], self._trainers[name]
                _log.error("%s is not served: %s", name, sentence(error))

    def info(self) -> dict[str, Any]:
        """Return what clients show; bundles that are not served are named with the reason."""
        return {**super().info(), "faults": {name: sentence(fault) for name, fault in self.faults.items()}}

    def infer(self, request: Mapping[str, Any], datastore: Studies | None = None) -> dict[str, Any]:
        """Segment an image of the studies, or one that was sent, see `BundleInference`."""
        image = request.get("image")
        with http_errors(sent=image if isinstance(image, str) and is_upload(image) else None):
            self._known(request.get("model"))
            if isinstance(image, str) and not self._is_of_session(image):
                # Or it is not found, before MONAI Label opens any file of this name.
                (datastore or self.datastore()).path_of(image)
            found: dict[str, Any] = super().infer(request, datastore)
            return found

    def infer_wsi(self, request: Mapping[str, Any], datastore: Studies | None = None) -> dict[str, Any]:
        """Segment a region, or the whole image, and return polygons as a file that QuPath or DSA reads."""
        request = dict(request)
        output = request.get("output") or "dsa"
        region = (request.get("location"), request.get("size"))
        if [list(each or ()) for each in region] == [list(each) for each in _NO_REGION] or not any(
            request.get("size") or ()
        ):
            request["location"] = request["size"] = None
        found = self.infer({**request, "output": "polygons"}, datastore)["params"]
        annotations = {
            "annotations": [found],
            "name": "nuclei",
            "description": quoteattr(str(self._infers[request["model"]].description))[1:-1],
            "model": request["model"],
            "location": request["location"],
            "size": request["size"],
            "latencies": found["latencies"],
        }
        file = None
        if output == "asap":
            file, _ = create_asap_annotations_xml(annotations, "WARNING")
        elif output == "dsa":
            file, _ = create_dsa_annotations_json(annotations, "WARNING")
        return {"file": file, "params": annotations}

    def train(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Train a bundle on the corrected labels, see `BundleTraining`."""
        with http_errors():
            self.check_training(request.get("model"))
            result: dict[str, Any] = super().train(request)
            return result

    def check_training(self, model: str | None) -> None:
        """Refuse a training that could not start; asked before one is sent to the background.

        Raises:
            FileNotFoundError: there is no such bundle.
            ValueError: no image has a corrected label.
        """
        self._known(model)
        self._trainers[model].check(self.datastore())

    def next_sample(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Choose the image to correct next."""
        with http_errors():
            chosen: dict[str, Any] = super().next_sample(request)
            return chosen

    def model_file(self, model: str, validate: bool = True) -> str | None:
        """Return the file of a bundle's weights."""
        with http_errors():
            self._known(model)
            file: str | None = super().model_file(model, validate)
            return file

    def _is_of_session(self, image: str) -> bool:
        """Tell whether a file is one that a client sent before, for several requests."""
        sessions = self.sessions()
        return (
            sessions is not None
            and Path(image).is_file()
            and Path(sessions.store_path).resolve() in Path(image).resolve().parents
        )

    def _known(self, model: str | None) -> None:
        if model in self.bundles:
            return
        if model in self.faults:
            raise FileNotFoundError(f"{model} is not served: {sentence(self.faults[model])}")
        raise FileNotFoundError(f"there is no model {model!r}: {suggest(str(model), list(self.bundles))}")
