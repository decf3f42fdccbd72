# SPDX-License-Identifier: Apache-2.0
"""The two minimisers find what is known to be the lowest place."""

import numpy as np
import pytest

from lichtbild.base.minimise import least_squares, simplex


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_simplex_walks_down_the_curved_valley(n):
    found, value = simplex(rosenbrock, np.linspace(-1.2, 0.8, n), most=20000)
    np.testing.assert_allclose(found, 1, atol=1e-5)
    assert value < 1e-9


def test_the_simplex_takes_one_unknown_and_costs_with_corners():
    found, value = simplex(lambda x: abs(float(x[0]) - 3.25) + 2, [0.0])
    assert found[0] == pytest.approx(3.25, abs=1e-6)
    assert value == pytest.approx(2)


def test_the_simplex_stays_where_the_cost_is_finite():
    def cost(x):
        return float("nan") if x[0] < 1 else float((x[0] - 0.5) ** 2 + x[1] ** 2)

    found, _ = simplex(cost, [2.0, 1.0])
    assert found[0] == pytest.approx(1, abs=1e-4)
    assert found[1] == pytest.approx(0, abs=1e-3)


def test_the_simplex_keeps_to_its_evaluations():
    calls = []
    simplex(lambda x: calls.append(1) or rosenbrock(x), np.zeros(6) + 3, most=300)
    assert len(calls) <= 300 + 8


def test_least_squares_equals_the_linear_solution():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(20, 4)), rng.normal(size=20)
    found = least_squares(lambda x: a @ x - b, np.zeros(4))
    np.testing.assert_allclose(found, np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-7)


def test_least_squares_finds_the_decay_that_made_the_curve():
    t = np.linspace(0, 5, 40)
    truth = np.array([2.0, 0.7, 0.3])
    curve = truth[0] * np.exp(-truth[1] * t) + truth[2]
    found = least_squares(lambda x: x[0] * np.exp(-x[1] * t) + x[2] - curve, [1.0, 2.0, 0.0])
    np.testing.assert_allclose(found, truth, rtol=1e-7)
