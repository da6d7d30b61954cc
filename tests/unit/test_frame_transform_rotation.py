"""Earth rotation parameters from frame to frame: what the Earth does in space stays, and so do correlations."""

from __future__ import annotations

from dataclasses import replace

import erfa
import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import sinex
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_graph import FrameCoordinates, frame_path, transform_coordinates
from fiducial.runs.frame_transform import transform_file
from fiducial.runs.frame_transform_request import TransformRequest
from fiducial.runs.frame_transform_rotation import TYPES, rotated, rotation_rows, station_derivatives
from fiducial.runs.frame_transform_sinex import transform_solution
from fiducial.stations.solution import ParameterTable, SolutionHeader, StationSolution

DAY = np.datetime64("2003-05-04T12:00:00", "ns")
UNITS = {"XPO": ("mas", "rad"), "YPO": ("mas", "rad"), "UT": ("ms", "s"), "XPOR": ("ma/d", "rad/d"), "YPOR": ("ma/d", "rad/d"),
         "LOD": ("ms", "s"), "STAX": ("m", "m"), "STAY": ("m", "m"), "STAZ": ("m", "m")}  # fmt: skip
POLE = {"XPO": 4e-7, "YPO": 1.6e-6, "UT": -0.36, "XPOR": 1e-8, "YPOR": -2e-9, "LOD": 6e-4}
F = 1.002737909350795
XYZ = np.array([[4027893.675, 307045.907, 4919475.172], [-4052051.77, 4212836.20, -2545106.03]])


def table(*, stations=False, epoch=DAY):
    kinds = [*(["STAX", "STAY", "STAZ"] * 2 if stations else ()), *TYPES]
    codes = [*(["AAAA"] * 3 + ["BBBB"] * 3 if stations else ()), *["----"] * len(TYPES)]
    values = [*(XYZ.ravel() if stations else ()), *(POLE[kind] for kind in TYPES)]
    size = len(kinds)
    printed, units = zip(*(UNITS[kind] for kind in kinds), strict=True)
    points = np.where(np.array(codes) == "----", "--", "A")
    solns = np.where(np.array(codes) == "----", "----", "1")
    return ParameterTable(np.array(kinds), np.array(codes), points, solns, np.full(size, epoch), np.array(printed),
                          np.array(units), np.full(size, 2, dtype=np.int8), np.array(values), np.full(size, 1e-9))  # fmt: skip


def in_space(values, direction):
    """Direction of an Earth-fixed vector in the intermediate celestial frame."""
    angle = 2.0 * np.pi * F * values["UT"] / 86400.0
    spin = np.array([[np.cos(angle), np.sin(angle), 0.0], [-np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    return spin.T @ erfa.pom00(values["XPO"], values["YPO"], 0.0).T @ direction


@pytest.mark.parametrize(("source", "target"), [("ITRF93", "ITRF2014"), ("ITRF2020", "ITRF93"), ("ITRF97", "IGS20")])
def test_directions_in_space_stay(source, target):
    listed = table()
    moved = dict(zip(TYPES, rotated(listed, rotation_rows(listed, source, target), source, target), strict=True))
    turn = np.zeros(3)
    for step in frame_path(source, target):
        operation, sign = step.operation, -1.0 if step.inverse else 1.0
        since = float(decimal_year(DAY)) - operation.epoch
        turn += sign * (np.array(operation.rotation_mas) + since * np.array(operation.rates.rotation_mas_per_yr))
    assert np.linalg.norm(turn) > 0.1
    for direction in np.eye(3):
        there = direction + np.cross(turn * MILLIARCSECOND_RAD, direction)
        assert np.abs(in_space(moved, there) - in_space(POLE, direction)).max() < 1e-13
    # Rates are those of the values, and LOD that of UT1 with the other sign.
    later = table(epoch=DAY + np.timedelta64(365 * 86400, "s"))
    after = dict(zip(TYPES, rotated(later, rotation_rows(later, source, target), source, target), strict=True))
    years = float(decimal_year(later.epochs_utc[0]) - decimal_year(DAY))
    for kind, rate, sign in (("XPO", "XPOR", 1.0), ("YPO", "YPOR", 1.0), ("UT", "LOD", -1.0)):
        assert after[kind] - moved[kind] == pytest.approx(
            sign * (moved[rate] - POLE[rate]) * 365.25 * years, rel=1e-8, abs=1e-17
        )


def test_between_frames_without_rotation_they_stay():
    listed = table()
    rows = rotation_rows(listed, "IGS20", "IGS08")
    assert np.array_equal(rotated(listed, rows, "IGS20", "IGS08"), listed.values)
    assert len(rotation_rows(listed, "IGS20", "ETRF2014")) == 0
    other = replace(listed, units=np.full(len(TYPES), "xx"))
    assert len(rotation_rows(other, "IGS20", "IGS08")) == 0


def test_derivatives_of_stations():
    start = FrameCoordinates("ITRF2020", 2020.0, XYZ, np.full((2, 3), 0.01), np.tile(np.eye(3), (2, 1, 1)))
    of_position, _ = station_derivatives(start, "ITRF93")
    covariance = transform_coordinates(start, "ITRF93").position_covariance_m2
    assert np.allclose(of_position @ np.swapaxes(of_position, 1, 2), covariance, rtol=0.0, atol=1e-13)


def daily(seed=2):
    """A day of a centre: stations and Earth rotation, correlated, lightly constrained."""
    listed = table(stations=True)
    rng = np.random.default_rng(seed)
    spread = np.where(np.char.startswith(listed.types, "STA"), 0.003, 1e-3 * np.maximum(np.abs(listed.values), 1e-9))
    root = spread[:, None] * rng.normal(size=(12, 30)) / np.sqrt(30)
    covariance = root @ root.T
    prior = np.diag((1e2 * spread) ** 2)
    given = replace(listed, sigmas=np.sqrt(np.diag(covariance)))
    apriori = replace(listed, sigmas=np.sqrt(np.diag(prior)))
    header = SolutionHeader(
        created_utc=DAY, start_utc=DAY, end_utc=DAY, technique="P", parameters=12, contents=("S", "E")
    )
    return StationSolution(
        header, given, covariance, apriori=apriori, apriori_covariance=prior, reference_frame="ITRF2014"
    )


@pytest.mark.parametrize("request_", [TransformRequest("ITRF2014", "ITRF93", None),
                                      TransformRequest("ITRF2014", "ITRF93", None, "2020.0", "EURA")])  # fmt: skip
def test_correlation_with_stations_stays_and_constraints_can_be_removed(request_):
    given = daily()
    moved = transform_solution(request_, sinex.SinexFile(given, (), (), "a.snx", "")).solution
    assert moved.header.contents == ("S", "E")
    assert moved.apriori is not None
    spread, after = given.estimate.sigmas, moved.estimate.sigmas
    before_correlation = given.covariance / np.outer(spread, spread)
    assert np.allclose(moved.covariance / np.outer(after, after), before_correlation, atol=3e-7)
    assert (moved.estimate.epochs_utc[6:] == DAY).all()
    assert (moved.estimate.epochs_utc[:6] == DAY).all() == (request_.to_epoch is None)
    removed = [np.linalg.inv(one.covariance) - np.linalg.inv(one.apriori_covariance) for one in (given, moved)]
    scaled = [matrix * np.outer(spread, spread) for matrix in removed]
    assert np.allclose(scaled[1], scaled[0], atol=1e-5 * np.abs(scaled[0]).max())
    assert np.allclose(moved.apriori.values, moved.estimate.values, rtol=1e-12, atol=1e-18)


def test_there_and_back_in_a_file(tmp_path):
    file, there, back = (tmp_path / f"{name}.snx" for name in "abc")
    given = daily()
    sinex.write(given, file)
    transform_file(TransformRequest("ITRF2014", "ITRF93", None), file, there)
    transform_file(TransformRequest("ITRF93", "ITRF2014", None), there, back)
    again = sinex.read(back, strictness="raise").solution
    assert np.allclose(again.estimate.values, given.estimate.values, rtol=1e-12, atol=1e-18)
    assert np.allclose(again.covariance, given.covariance, rtol=1e-6, atol=1e-24)
    assert not np.allclose(
        sinex.read(there).solution.estimate.values[6:], given.estimate.values[6:], rtol=1e-4, atol=0.0
    )
