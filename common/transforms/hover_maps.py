"""Horizontal and vertical maps: how far a pixel lies from its nucleus' centre, -1 and 1 at its extremes."""

from __future__ import annotations

import numpy as np

__all__ = ["hover_maps"]


def hover_maps(label_map: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the maps by which HoVer-Net parts nuclei: they fall from 1 to -1 where two of them touch.

    As MONAI's `ComputeHoVerMaps`, which looks through the whole image once for each nucleus: here all are
    done at once. The centre may lie outside what a crop shows of a nucleus: then -1 or 1 is at one end alone.

    Args:
        label_map: integer labels, 0 = background.
        offsets: way to the nucleus' centre in pixels, see `centre_offsets`.

    Shapes:
        label_map: (h, w), 0..N.
        offsets: (2, h, w), rows and columns.
        returns: (2, h, w) float32 in [-1, 1], horizontal and vertical, growing to the right and downwards; 0
            in the background.

    References:
        Graham et al., HoVer-Net: simultaneous segmentation and classification of nuclei in multi-tissue
        histology images, Medical Image Analysis, 2019.

    Example:
        >>> offsets = np.array([[[0.0] * 5], [[1, 0, -1, 0.5, -0.5]]])
        >>> hover_maps(np.array([[1, 1, 1, 2, 2]]), offsets)[0].tolist()
        [[-1.0, 0.0, 1.0, -1.0, 1.0]]
    """
    labels = label_map.ravel()
    found = []
    for way in (offsets[1], offsets[0]):
        distance = 0.0 - way.ravel().astype(np.float64)
        before, beyond = np.zeros(int(labels.max(initial=0)) + 1), np.zeros(int(labels.max(initial=0)) + 1)
        np.maximum.at(before, labels, -distance)
        np.maximum.at(beyond, labels, distance)
        reach = np.where(distance < 0, before[labels], beyond[labels])
        found.append(np.divide(distance, reach, out=np.zeros_like(distance), where=reach > 0))
    return np.stack(found).reshape(2, *label_map.shape).astype(np.float32)
