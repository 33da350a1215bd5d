"""Laws of what is known of whole nuclei: centres as SciPy has them, whatever the ids."""

import numpy as np
import torch
from monai.data import MetaTensor
from scipy import ndimage

from common.sample import draw_label_map
from common.transforms import NucleusShapesd
from common.transforms.instance_targets import distance_map, erode_labels, nucleus_centres


def test_centres_are_centroids() -> None:
    label_map = draw_label_map((90, 120), rng=np.random.default_rng(0))
    expected = ndimage.center_of_mass(label_map > 0, label_map, np.arange(1, label_map.max() + 1))
    assert np.allclose(nucleus_centres(label_map)[1:], expected)


def test_ids_become_consecutive_and_find_their_centres() -> None:
    label_map = np.zeros((8, 9), np.int64)
    label_map[1:4, 1:3], label_map[5:8, 4:9] = 2_000_000_000, 31
    made = NucleusShapesd("label")({"label": label_map[None]})
    assert np.unique(made["label"]).tolist() == [0, 1, 2]
    assert made["centres"].tolist() == [[0, 0], [6, 6], [2, 1.5]]
    assert np.array_equal(np.asarray(made["label"])[0] == 2, label_map == 2_000_000_000)


def test_an_image_without_background_and_one_without_nuclei() -> None:
    made = NucleusShapesd("label")({"label": np.full((1, 4, 6), 9)})
    assert np.unique(made["label"]).tolist() == [1] and made["centres"][1].tolist() == [1.5, 2.5]
    made = NucleusShapesd("label")({"label": np.zeros((1, 4, 6))})
    assert not np.any(made["label"]) and made["centres"].tolist() == [[0, 0]] and not made["distance"].any()


def test_distance_is_that_of_the_eroded_nuclei_and_tensors_keep_their_kind() -> None:
    label_map = draw_label_map((60, 60), rng=np.random.default_rng(1))
    given = MetaTensor(torch.from_numpy(label_map)[None].float(), meta={"filename_or_obj": "a.tif"})
    made = NucleusShapesd("label")({"label": given})
    assert np.array_equal(made["distance"][0], distance_map(erode_labels(label_map)))
    assert made["label"].meta["filename_or_obj"] == "a.tif"
