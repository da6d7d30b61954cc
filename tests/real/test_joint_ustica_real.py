"""What is added to the real bursts of Ustica is removed again by tying them to the nodes of A-EPND."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import pytest

from fiducial.formats import aepnd
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.station_screening import stations_around
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.point_velocities import PointVelocities
from fiducial.motion.calibration.recipes import recipe
from fiducial.motion.statistics import egms_statistics
from support import data_path

pytestmark = pytest.mark.real

STEMS = ("EGMS_L2b_117_0227_IW2_VV_2020_2024_1", "EGMS_L2b_022_0845_IW2_VV_2020_2024_1")
OFFSET_MM, RATE_MM_PER_YR, SLOPE_MM_PER_YR_PER_100_KM = 25.0, 4.0, 4.0
FAR_KM = (60.0, -80.0)


@dataclass(frozen=True)
class Burst:
    """Points and displacements (epoch, point) as published."""

    points: PointVelocities
    series_mm: np.ndarray
    epochs: np.ndarray


@cache
def burst(stem):
    with zipfile.ZipFile(data_path("egms", "ustica-west", f"{stem}.zip")) as archive:
        table = pl.read_csv(archive.read(f"{stem}.csv"), infer_schema_length=None)
    dates = [name for name in table.columns if name.isdigit()]
    epochs = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in dates], dtype="datetime64[ns]")
    columns = {name: table[name].to_numpy().astype(np.float64) for name in table.columns if name not in ("pid", *dates)}
    points = PointVelocities(
        name=stem[9:21],
        easting=columns["easting"],
        northing=columns["northing"],
        longitude_deg=columns["longitude"],
        latitude_deg=columns["latitude"],
        velocity_mm_per_yr=np.full(len(table), np.nan),
        line_of_sight=np.column_stack([columns[f"los_{axis}"] for axis in ("east", "north", "up")]),
        sigma_mm_per_yr=columns["mean_velocity_std"],
        coherence=columns["temporal_coherence"],
    )
    return Burst(points, table.select(dates).to_numpy().T.astype(np.float64), epochs)


@cache
def nodes():
    whole = aepnd.read(data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")).to_stations()
    return stations_around(whole, np.array([13.2]), np.array([38.7]), 400.0)


@cache
def field():
    return VelocityField.fit(nodes())


def slope_mm_per_yr(points):
    """A long-wave plane whose zero lies 100 km off: 4 mm/yr here, and 0.13 mm/yr from end to end of the island.

    Twice as steep as what plate motion alone leaves in LOS across a swath (5 mm/yr over 250 km).
    """
    east, north = (points.easting - 4_598_000.0) / 1e3 + FAR_KM[0], (points.northing - 1_741_000.0) / 1e3 + FAR_KM[1]
    return SLOPE_MM_PER_YR_PER_100_KM * (0.6 * east - 0.8 * north) / 100.0


@cache
def series(stem, *, added):
    """Displacements with an offset, a rate and a plane that grows with time."""
    one = burst(stem)
    if not added:
        return one.series_mm
    years = (one.epochs - one.epochs[0]) / np.timedelta64(86_400 * 10**9, "ns") / 365.0
    return one.series_mm + OFFSET_MM + np.outer(years, RATE_MM_PER_YR + slope_mm_per_yr(one.points))


@cache
def calibrated(name, changed):
    """Velocities of the calibrated series of both bursts, estimated as EGMS does."""
    bursts = [burst(stem) for stem in STEMS]
    rates, tracks = [], []
    for stem, one in zip(STEMS, bursts, strict=True):
        found = egms_statistics(series(stem, added=stem in changed).astype(np.float32), one.epochs)
        rates.append(np.asarray(found.mean_velocity, dtype=np.float64))
        points = PointVelocities(**{**vars(one.points), "velocity_mm_per_yr": rates[-1]})
        tracks.append(observe_track(points, nodes()))
    result = recipe(name).fit(tracks, nodes(), field())
    return [
        rate - result.track(one.points.name).surface.surface_mm_per_yr(one.points.easting, one.points.northing)
        for rate, one in zip(rates, bursts, strict=True)
    ]


@pytest.mark.parametrize("changed", [STEMS[:1], STEMS[1:], STEMS], ids=["ascending", "descending", "both"])
@pytest.mark.parametrize("name", ["egms", "joint"])
def test_offset_rate_and_plane_added_to_the_series_are_removed(name, changed):
    """At every point to 0.1 mm/yr.

    The bursts are an island of 3 km. Of a plane they see its value there, 4 mm/yr, which is removed with the rate, and
    its slope, 0.13 mm/yr between the ends. That slope nobody can remove: A-EPND holds nothing below 100 km, and a tilt
    of the island may as well be motion. It stays, as +-0.08 mm/yr, and takes up most of the 0.1 mm/yr.
    """
    before, after = calibrated(name, ()), calibrated(name, tuple(changed))
    for stem, without, with_addition in zip(STEMS, before, after, strict=True):
        difference = with_addition - without
        points = burst(stem).points
        assert np.isfinite(difference).all()
        assert np.abs(difference).max() < 0.1
        assert np.sqrt(np.mean(difference**2)) < 0.1
        assert abs(difference.mean()) < 0.03
        added = RATE_MM_PER_YR + slope_mm_per_yr(points)
        assert added.mean() > 7.5
        assert 0.1 < np.ptp(added) < 0.2


@pytest.mark.parametrize("name", ["egms", "joint"])
def test_the_bursts_agree_with_the_official_tie(name):
    """EGMS tied these bursts to the same nodes: its tie is met to the uncertainty of the vertical of A-EPND."""
    for stem, rate in zip(STEMS, calibrated(name, ()), strict=True):
        published = np.asarray(
            egms_statistics(series(stem, added=False).astype(np.float32), burst(stem).epochs).mean_velocity
        )
        assert abs(np.median(rate - published)) < 0.25
