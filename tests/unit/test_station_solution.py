"""Tables of a station solution, and the checks of its metadata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.stations.metadata_checks import check_metadata, identity_findings
from fiducial.stations.solution import SolutionHeader, StationSolution, coordinate_rows
from fiducial.stations.solution_tables import VELOCITY_TYPES, EquipmentTable
from sinex_samples import DAY, full_solution, table

XYZ = ["STAX", "STAY", "STAZ"]


def bare(estimate, **parts):
    return StationSolution(SolutionHeader(), estimate, **parts)


def test_columns_of_different_length():
    with pytest.raises(InputError, match="FID-1300"):
        replace(table(XYZ, [1.0, 2.0, 3.0]), values=np.zeros(2))


def test_matrix_of_another_size():
    with pytest.raises(InputError, match="FID-1301"):
        bare(table(XYZ, [1.0, 2.0, 3.0]), covariance=np.eye(2))


def test_positions_in_order_and_out_of_order():
    values = np.arange(6.0)
    matrix = np.arange(36.0).reshape(6, 6)
    types = ["STAZ", "VELX", "STAX", "VELY", "STAY", "VELZ"]
    mixed = bare(table(types, values), covariance=matrix)
    np.testing.assert_array_equal(mixed.positions().xyz, [[2.0, 4.0, 0.0]])
    np.testing.assert_array_equal(mixed.velocities().xyz, [[1.0, 3.0, 5.0]])
    rows = [2, 4, 0]
    np.testing.assert_array_equal(mixed.positions().covariance[0], matrix[np.ix_(rows, rows)])
    np.testing.assert_array_equal(bare(table(XYZ, [7.0, 8.0, 9.0])).positions().xyz, [[7.0, 8.0, 9.0]])
    assert bare(table(XYZ, [7.0, 8.0, 9.0])).positions().covariance is None
    codes, points, solns, epochs, _, _ = mixed.positions()
    assert (codes[0], points[0], solns[0], epochs[0]) == ("AAAA", "A", "1", DAY)


def test_sites_are_told_apart_by_code_point_and_solution():
    three = table(XYZ * 3, np.arange(9.0))
    three = replace(
        three, points=np.repeat(["A", "B", "A"], 3), solns=np.repeat(["1", "1", "2"], 3), codes=np.full(9, "AAAA")
    )
    positions = bare(three).positions()
    assert list(zip(positions.points.tolist(), positions.solns.tolist(), strict=True)) == [
        ("A", "1"),
        ("B", "1"),
        ("A", "2"),
    ]
    np.testing.assert_array_equal(coordinate_rows(three), np.arange(9).reshape(3, 3))
    assert coordinate_rows(three, VELOCITY_TYPES).shape == (0, 3)


def test_missing_components_are_nan():
    two = bare(table(["STAX", "STAZ"], [1.0, 3.0]), covariance=np.eye(2))
    np.testing.assert_array_equal(two.positions().xyz, [[1.0, np.nan, 3.0]])
    assert np.isnan(two.positions().covariance[0, 1]).all()
    assert two.positions().covariance[0, 2, 2] == 1.0
    assert len(bare(table([], [])).positions().codes) == 0


def test_a_component_that_stands_twice():
    for types in (["STAX", "STAX", "STAY", "STAZ"], XYZ * 2):
        with pytest.raises(InputError, match="FID-1302"):
            bare(table(types, np.arange(float(len(types))))).positions()


def test_post_seismic_terms():
    types = ["AEXP_E", "TEXP_E", "AEXP_E", "TEXP_E", "ALOG_U", "TLOG_U", "STAX"]
    matrix = np.arange(49.0).reshape(7, 7)
    estimate = replace(table(types, np.arange(7.0)), sigmas=np.full(7, 2.0))
    terms = bare(estimate, covariance=matrix).post_seismic()
    assert terms.models.tolist() == ["EXP", "EXP", "LOG"]
    assert terms.components.tolist() == ["E", "E", "U"]
    np.testing.assert_array_equal(terms.amplitude_m, [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(terms.time_constant_yr, [1.0, 3.0, 5.0])
    np.testing.assert_array_equal(terms.covariance[1], matrix[2:4, 2:4])
    without = bare(estimate).post_seismic().covariance[0]
    assert (without[0, 0], without[1, 1]) == (4.0, 4.0)
    assert np.isnan(without[0, 1])
    with pytest.raises(InputError, match="FID-1303"):
        bare(table(["AEXP_E"], [1.0])).post_seismic()
    assert len(bare(table(XYZ, np.ones(3))).post_seismic()) == 0


def equipment(kinds, starts, ends):
    count = len(kinds)
    instants = [np.array(dates, dtype="datetime64[ns]") for dates in (starts, ends)]
    return EquipmentTable(
        np.full(count, "AAAA"), np.full(count, "A"), np.full(count, "1"), *instants, np.array(kinds),
        np.full(count, "1"), np.full(count, ""),
    )  # fmt: skip


def test_sound_metadata():
    solution = full_solution()
    assert check_metadata(solution) == ()
    assert check_metadata(solution, solution) == ()
    assert check_metadata(solution, solution.sites) == ()


def test_overlaps_and_gaps():
    solution = full_solution()
    twice = equipment(["ONE", "TWO"], ["2020-01-01", "2022-01-01"], ["2023-01-01", "2025-01-01"])
    (finding,) = check_metadata(replace(solution, antennas=twice))
    assert (finding.code, finding.point, finding.subject) == ("AAAA", "A", "antenna")
    assert finding.text == "ONE and TWO stand at one time from 2022-01-01 on"
    same = equipment(["ONE", "ONE"], ["2020-01-01", "2022-01-01"], ["2023-01-01", "2025-01-01"])
    assert check_metadata(replace(solution, antennas=same)) == ()
    ended = equipment(["ONE"], ["2020-01-01"], ["2023-01-01"])
    (finding,) = check_metadata(replace(solution, receivers=ended))
    assert finding.subject == "receiver"
    assert finding.text == "no receiver is stated for the data of 2024-07-03 (solution 1)"


def test_against_a_trusted_table():
    trusted = full_solution()
    other = equipment(["ASH701945B_M    SCIS"], ["NaT"], ["NaT"])
    sites = replace(trusted.sites, domes=np.array(["10001M002"]), latitude_deg=np.array([0.5]))
    eccentricities = replace(trusted.eccentricities, vector_m=np.array([[0.0, 0.0, 0.1]]))
    solution = replace(trusted, antennas=other, sites=sites, eccentricities=eccentricities)
    findings = check_metadata(solution, trusted)
    assert [finding.subject for finding in findings] == ["domes", "place", "antenna", "eccentricity"]
    assert findings[2].text == "ASH701945B_M SCIS where the site table has TRM59800.00 SCIS"
    unknown = replace(trusted.sites, codes=np.array(["BBBB"]))
    (finding,) = check_metadata(trusted, unknown)
    assert finding.text == "is not in the site table"


def test_identity_of_a_sound_solution():
    solution = full_solution()
    assert identity_findings(solution) == ()
    (far,) = identity_findings(replace(solution, sites=replace(solution.sites, latitude_deg=np.array([-45.0]))))
    assert "from its approximate coordinates" in far
