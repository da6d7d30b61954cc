"""SINEX: what is written is what is read, whatever the numbers."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.extra.numpy as npst
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.formats import sinex
from fiducial.stations.solution import NormalEquations, SiteTable, SolutionHeader, StationSolution
from sinex_samples import FACTORS, PRINTED, full_solution, table

TYPES = ["STAX", "STAY", "VELZ", "XPO", "XPOR", "LOD", "UT"]
PRINTED_UNITS = ["m", "m", "m/y", "mas", "ma/d", "ms", "ms"]
UNITS = ["m", "m", "m/yr", "rad", "rad/d", "s", "s"]
magnitudes = st.one_of(st.just(0.0), st.floats(1e-30, 1e30), st.floats(-1e30, -1e-30))


@st.composite
def estimates(draw):
    size = draw(st.integers(1, 7))
    values = draw(npst.arrays(np.float64, size, elements=magnitudes))
    root = draw(npst.arrays(np.float64, (size, size), elements=st.floats(-1.0, 1.0))) + 2.0 * np.eye(size) * size
    covariance = root @ root.T
    epoch = np.datetime64("1950-01-01", "s") + draw(st.integers(0, 99 * 365 * 86_400))
    found = table(TYPES[:size], values, printed=PRINTED_UNITS[:size], units=UNITS[:size])
    found = replace(
        found, sigmas=np.sqrt(covariance.diagonal()), epochs_utc=np.full(size, epoch, dtype="datetime64[ns]")
    )
    return found, (covariance + covariance.T) / 2


@given(estimates(), st.sampled_from(["covariance", "information", "normal"]))
@settings(max_examples=30, deadline=None)
def test_estimates_and_matrices(parts, kind):
    estimate, matrix = parts
    solution = StationSolution(SolutionHeader(), estimate)
    if kind == "normal":
        solution = replace(solution, normal=NormalEquations(estimate, matrix))
    else:
        solution = replace(solution, **{kind: matrix})
    content = sinex.to_bytes(solution)
    again = sinex.read(content, strictness="ignore", check_matrix=True).solution
    np.testing.assert_allclose(again.estimate.values, estimate.values, rtol=1e-14)
    np.testing.assert_array_equal(again.estimate.epochs_utc, estimate.epochs_utc)
    np.testing.assert_allclose(again.estimate.sigmas, estimate.sigmas, rtol=1e-5)
    found = again.normal.matrix if kind == "normal" else getattr(again, kind)
    np.testing.assert_allclose(found, matrix, rtol=2e-14, atol=1e-60)
    np.testing.assert_array_equal(found, found.T)
    # The printed digits stay the same for ever.
    assert sinex.to_bytes(again) == content


@given(
    st.floats(0.0, 360.0), st.floats(-90.0, 90.0), st.floats(-9_999.0, 99_999.0),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=22),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_sites(longitude, latitude, height, description):
    one = np.array(["A"])
    sites = SiteTable(
        np.array(["ABCD"]), one, np.array(["10001M001"]), np.array(["P"]), np.array([description]), np.array([longitude]),
        np.array([latitude]), np.array([height]),
    )  # fmt: skip
    solution = replace(full_solution(), sites=sites)
    again = sinex.read(sinex.to_bytes(solution)).solution.sites
    assert abs(again.longitude_deg[0] - longitude) <= 0.051 / 3600
    assert abs(again.latitude_deg[0] - latitude) <= 0.051 / 3600
    assert abs(again.height_m[0] - height) <= 0.0501
    assert again.descriptions[0] == description
    assert sinex.to_bytes(replace(solution, sites=again)) == sinex.to_bytes(solution)


def test_the_sample_covers_the_units():
    assert len(PRINTED) == len(FACTORS) == 6
