"""A multiplex image in colours: channels do not disturb each other, and light adds up."""

from __future__ import annotations

import numpy as np
import pytest

from common.export import composite_image, display_image

IMAGE = np.random.default_rng(0).integers(0, 4000, (2, 20, 30)).astype(np.uint16)


def test_each_channel_has_its_colour_whatever_its_range() -> None:
    picture = composite_image(IMAGE * np.array([1, 9], np.uint16)[:, None, None], [(255, 0, 0), (0, 255, 0)])
    assert np.array_equal(picture[..., 0], display_image(IMAGE[:1])[..., 0])
    assert np.array_equal(picture[..., 1], display_image(IMAGE[1:])[..., 0])
    assert not picture[..., 2].any()


def test_light_adds_up_and_ends_at_white() -> None:
    white = composite_image(IMAGE, [(255, 255, 255)] * 2)
    grey = [display_image(channel[None]).astype(int) for channel in IMAGE]
    assert np.array_equal(white, np.minimum(grey[0] + grey[1], 255))


def test_a_colour_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="1 colours for 2 channels"):
        composite_image(IMAGE, [(255, 0, 0)])
