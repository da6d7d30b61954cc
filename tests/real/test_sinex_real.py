"""The six SINEX files that are held, against a plain parser of this test."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats import sinex
from fiducial.stations.metadata_checks import check_metadata
from support import data_path

pytestmark = pytest.mark.real

ESA = "ESA0OPSFIN_20241850000_01D_01D_SOL.SNX"
JAXA = "JAX0MGXFIN_20202440000_01D_000_SOL.SNX"
AUSPOS = "STR1AUSPOS.SNX"
PSD = "ITRF2020-psd-gnss.snx"
CUMULATIVE = "igs17P49_CoordOnly.snx"
DAILY = "igs18P19821_all_CoordOnly.snx"
# File: estimates, positions, velocities, sites, spans, findings.
FILES = {
    ESA: (690, 150, 0, 150, 150, 2),
    JAXA: (405, 133, 0, 133, 133, 1),
    AUSPOS: (45, 15, 0, 15, 15, 6),
    PSD: (580, 0, 0, 123, None, 0),
    CUMULATIVE: (22230, 3705, 3705, 1294, 3705, 4),
    DAILY: (1685, 559, 0, 559, 559, 3),
}
UNITS = {
    "m": 1.0, "m/y": 1.0, "mas": np.pi / 648e6, "ma/d": np.pi / 648e6, "ms": 1e-3, "msd": 1e-3, "ms/d": 1e-3,
}  # fmt: skip


def plain_rows(name, title):
    lines = data_path("sinex", name).read_text(encoding="latin-1").split("\n")
    start, stop = lines.index(next(line for line in lines if line.startswith(f"+{title}"))), None
    stop = next(row for row in range(start, len(lines)) if lines[row].startswith(f"-{title}"))
    return [line for line in lines[start + 1 : stop] if line.startswith(" ")]


@pytest.fixture(scope="module")
def files():
    return {name: sinex.read(data_path("sinex", name)) for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_counts(files, name):
    found = files[name]
    solution = found.solution
    spans = None if solution.spans is None else len(solution.spans)
    counts = (
        len(solution.estimate), len(solution.positions().codes), len(solution.velocities().codes), len(solution.sites),
        spans, len(found.findings),
    )  # fmt: skip
    assert counts == FILES[name], found.findings


@pytest.mark.parametrize("name", FILES)
def test_estimates_against_plain_parsing(files, name):
    rows = plain_rows(name, "SOLUTION/ESTIMATE")
    estimate = files[name].solution.estimate
    factors = np.array([UNITS[row[40:44].strip()] for row in rows])
    values = np.array([float(row[47:68]) for row in rows]) * factors
    sigmas = np.array([float(row[69:80]) for row in rows]) * factors
    np.testing.assert_allclose(estimate.values, values, rtol=1e-15)
    np.testing.assert_allclose(estimate.sigmas, np.where(sigmas > 0, sigmas, np.nan), rtol=1e-15)
    keys = [(row[7:13].strip(), row[14:18].strip(), row[19:21].strip(), row[22:26].strip()) for row in rows]
    columns = (estimate.types, estimate.codes, estimate.points, estimate.solns)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == keys


def test_epochs_of_the_cumulative_solution(files):
    solution = files[CUMULATIVE].solution
    assert (solution.estimate.epochs_utc == np.datetime64("2010-01-01")).all()
    assert solution.spans.start_utc[0] == np.datetime64("1994-01-02")
    assert solution.spans.end_utc[5] == np.datetime64("2017-12-10T12:00:00")
    assert len(set(zip(solution.spans.codes.tolist(), solution.spans.points.tolist(), strict=True))) == 1294
    assert len(solution.receivers) == len(plain_rows(CUMULATIVE, "SITE/RECEIVER"))
    assert len(solution.antennas) == len(plain_rows(CUMULATIVE, "SITE/ANTENNA"))
    assert len(solution.eccentricities) == len(plain_rows(CUMULATIVE, "SITE/ECCENTRICITY"))


def test_matrix_of_auspos(files):
    solution = files[AUSPOS].solution
    difference = np.sqrt(solution.covariance.diagonal()) - solution.estimate.sigmas
    assert np.abs(difference).max() < 1e-8
    sinex.read(data_path("sinex", AUSPOS), check_matrix=True)
    triangle = np.zeros((45, 45))
    for row in plain_rows(AUSPOS, "SOLUTION/MATRIX_ESTIMATE"):
        first, second, *values = row.split()
        triangle[int(first) - 1, int(second) - 1 : int(second) - 1 + len(values)] = [float(value) for value in values]
    np.testing.assert_array_equal(solution.covariance, triangle + np.tril(triangle, -1).T)
    # The a-priori sigmas are printed in another unit weight than their matrix.
    assert "all are 0.627114 times the matrix" in files[AUSPOS].findings[0]


def test_post_seismic_parameters(files):
    terms = files[PSD].solution.post_seismic()
    counts = {
        (component, model): int(((terms.components == component) & (terms.models == model)).sum())
        for component in "ENU" for model in ("EXP", "LOG")
    }  # fmt: skip
    assert counts == {
        ("E", "EXP"): 74, ("E", "LOG"): 72, ("N", "EXP"): 76, ("N", "LOG"): 39, ("U", "EXP"): 16, ("U", "LOG"): 13,
    }  # fmt: skip
    assert files[PSD].solution.covariance.shape == (580, 580)
    assert set(files[PSD].solution.estimate.units.tolist()) == {"m", "yr"}
    sigmas = files[PSD].solution.estimate.sigmas
    np.testing.assert_allclose(np.sqrt(files[PSD].solution.covariance.diagonal()), sigmas, rtol=1e-5)


def test_earth_rotation_of_esa(files):
    estimate = files[ESA].solution.estimate
    milliarcseconds = estimate.values[estimate.types == "XPO"] * 648e6 / np.pi
    np.testing.assert_allclose(milliarcseconds, 97.9733776673615, rtol=1e-14)


def test_sites_that_are_not_where_they_should_be(files):
    assert "site MBAR A is 133.0 km from its approximate" in files[ESA].findings[0]  # a latitude of -0 degrees
    assert "solutions 1 and 4 of site PALA A are 3.1 km apart" in files[CUMULATIVE].findings[2]
    assert "%ENDSNX is missing" in files[DAILY].findings[0]


@pytest.mark.parametrize("name", FILES)
def test_written_and_read_again(files, name):
    content = sinex.to_bytes(files[name].solution)
    again = sinex.read(content).solution
    np.testing.assert_array_equal(again.estimate.values, files[name].solution.estimate.values)
    assert sinex.to_bytes(again) == content


def test_equipment_against_the_cumulative_solution(files):
    # Both are of IGS and agree in most of 559 stations; the daily file knows changes after December 2017.
    findings = check_metadata(files[DAILY].solution, files[CUMULATIVE].solution)
    assert {finding.subject for finding in findings} <= {
        "site", "domes", "place", "antenna", "receiver", "eccentricity",
    }  # fmt: skip
    assert 0 < len(findings) < 559
    assert check_metadata(files[JAXA].solution) == ()
