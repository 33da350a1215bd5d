"""The images of a folder and their labels: MONAI Label's own datastore, careful with what clients send."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.exception import ImageNotFoundException

from ...export import write_label_map
from ..corrections import read_correction
from .http_errors import http_errors, is_upload

__all__ = ["Studies"]

# In this order: of several that fit, the last one is what MONAI Label takes off for the image's id.
EXTENSIONS = (
    *("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.tif", "*.tiff", "*.ome.tif", "*.ome.tiff", "*.nii", "*.nii.gz"),
    *("*.svs", "*.qptiff", "*.ndpi", "*.scn", "*.mrxs"),
)
_NAME = re.compile(r"[\w.-][\w. -]*")


class Studies(LocalDatastore):
    """A folder of images, with corrected labels in `labels/final`.

    Labels are checked against their image and kept as TIFF, 16 or 32 bit, whatever they came as.

    Args:
        folder: the images.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, extensions=EXTENSIONS, auto_reload=True)

    def path_of(self, image: str) -> str:
        """Return the file of an image, and refuse whatever is neither of this folder nor was just sent.

        Args:
            image: its id, or a file that a client sent with its request.

        Raises:
            ImageNotFoundException: there is no such image here.
        """
        if file := self.get_image_uri(image):
            return str(file)
        path = Path(image)
        if path.is_file() and (is_upload(path) or self._is_inside(path)):
            return str(path)
        raise ImageNotFoundException(
            f"there is no image {image!r} in the studies folder: GET /datastore/?output=all names the others"
        )

    def _is_inside(self, path: Path) -> bool:
        return Path(self._datastore_path).resolve() in path.resolve().parents

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Add an image that was sent; a name that would leave the folder is refused."""
        with http_errors(sent=image_filename):
            _check_name(image_id, "image")
            if not image_filename.lower().endswith(tuple(each[1:] for each in EXTENSIONS)):
                raise ValueError(
                    f"{Path(image_filename).suffix or 'a file without suffix'} is not read; readable are"
                    f" {' '.join(each[1:] for each in EXTENSIONS)}"
                )
            return str(super().add_image(image_id, image_filename, image_info))

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """Save a label that was sent: one that is not of its image is refused, and what was there stays."""
        with http_errors(sent=label_filename):
            _check_name(label_tag, "tag")
            image = self.get_image_uri(image_id)
            if not image:
                raise ImageNotFoundException(f"there is no image {image_id!r} in the studies folder")
            labels = read_correction(label_filename, image)
            with tempfile.TemporaryDirectory() as place:
                clean = write_label_map(Path(place) / f"{image_id}.tif", labels)
                return str(super().save_label(image_id, str(clean), label_tag, label_info))

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Remove a label that is there."""
        with http_errors():
            _check_name(label_tag, "tag")
            super().remove_label(label_id, label_tag)

    def remove_image(self, image_id: str) -> None:
        """Remove an image that is there, and its labels."""
        with http_errors():
            super().remove_image(image_id)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note something of an image that is there."""
        with http_errors():
            super().update_image_info(image_id, info)


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"the {what} {name!r} is no plain name: letters, digits, dots, - and _ alone")
