"""Non-negative least squares against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from fiducial.geodesy.nonnegative import nonnegative_least_squares


@pytest.mark.parametrize("seed", range(40))
def test_as_scipy(seed):
    rng = np.random.default_rng(seed)
    unknowns = int(rng.integers(1, 13))
    design = rng.normal(size=(int(rng.integers(1, 40)), unknowns)) * 10.0 ** rng.uniform(-12, 12, unknowns)
    observed = rng.normal(size=len(design))
    mine = nonnegative_least_squares(design, observed)
    _, least = nnls(design / np.linalg.norm(design, axis=0), observed)
    assert (mine >= 0).all()
    assert np.linalg.norm(design @ mine - observed) == pytest.approx(least, rel=1e-9, abs=1e-12)


def test_nothing_to_fit():
    assert nonnegative_least_squares(np.zeros((3, 2)), np.ones(3)).tolist() == [0.0, 0.0]
    assert nonnegative_least_squares(np.eye(2), np.zeros(2)).tolist() == [0.0, 0.0]
    assert nonnegative_least_squares(np.eye(2), -np.ones(2)).tolist() == [0.0, 0.0]
