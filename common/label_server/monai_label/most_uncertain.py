"""Which image to correct next: the one that the network is least sure of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from ..section import read_section
from ..served_bundle import ServedBundle
from ..uncertainty import uncertainty
from .studies import Studies

__all__ = ["MostUncertain"]

_log = logging.getLogger(__name__)
_AT_ONCE = 50  # so many images are looked at for one request; the others' turn comes with the next


class MostUncertain(Strategy):
    """Offers the image without a corrected label whose maps are the least certain.

    What was found is kept for each file of weights, so that a request looks at new images alone.

    Args:
        bundles: those that are served, by name.
    """

    def __init__(self, bundles: Mapping[str, ServedBundle]) -> None:
        super().__init__("the image that the network is least sure of")
        self.bundles = bundles
        self._known: dict[tuple[str, str], float | None] = {}

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any] | None:
        """Choose an image.

        Args:
            request: `model`, whose certainty counts; by default the first with weights.
            datastore: the studies.

        Returns:
            Its `id`, `uncertainty` and `model`; None where every image has a corrected label.

        Raises:
            ValueError: there is no such bundle, or none has weights.
        """
        bundle = self._bundle(request.get("model"))
        file = bundle.choose_weights()
        images = datastore.get_unlabeled_images()
        new = [image for image in images if (image, str(file)) not in self._known][:_AT_ONCE]
        for image in new:
            self._known[image, str(file)] = self._look_at(datastore.get_image_uri(image), bundle)
        found = {image: self._known.get((image, str(file))) for image in images}
        known = {image: value for image, value in found.items() if value is not None}
        if not known:
            return None
        chosen = max(sorted(known), key=lambda image: known[image])
        return {"id": chosen, "uncertainty": round(known[chosen], 4), "model": bundle.name}

    def _bundle(self, wanted: str | None) -> ServedBundle:
        with_weights = [bundle for bundle in self.bundles.values() if bundle.weights()]
        if wanted is not None and wanted not in self.bundles:
            raise ValueError(f"there is no model {wanted!r}: GET /info/ names those there are")
        if wanted is None and not with_weights:
            raise ValueError("no bundle has weights yet, so none can be unsure: ask for the strategy random")
        return self.bundles[wanted] if wanted is not None else with_weights[0]

    def _look_at(self, path: str, bundle: ServedBundle) -> float | None:
        try:
            found = bundle.find(read_section(path))
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s is not offered: %s", path, error)
            return None
        return uncertainty(found.foreground)
