"""The rule for empty images holds for any quotient."""

import math

import pytest

from common.metrics.ratio import ratio


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 0), (1, 2), (0, 3)])
def test_rule_for_empty_images(numerator, denominator):
    assert math.isnan(ratio(numerator, denominator, {"n_true": 0, "n_predicted": 0}))
    assert ratio(numerator, denominator, {"n_true": 2, "n_predicted": 0}) == 0
    assert ratio(numerator, denominator, {"n_true": 0, "n_predicted": 1}) == 0


def test_plain_quotient_otherwise():
    both = {"n_true": 1, "n_predicted": 1}
    assert ratio(1, 4, both) == 0.25
    assert math.isnan(ratio(0, 0, both))
