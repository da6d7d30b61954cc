"""Earth rotation of the IGS, the IERS Bulletins and C04 against each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import erp, iers_finals
from fiducial.orbits.earth_rotation import SIGMAS, VALUES, EarthRotation, interpolate
from support import data_path

pytestmark = pytest.mark.real
MICROARCSECOND_RAD = MILLIARCSECOND_RAD / 1000.0


@pytest.fixture(scope="module")
def finals():
    return iers_finals.read(data_path("eop", "finals2000A.all"))


@pytest.mark.parametrize("name", ["igs17217.erp", "igs19827.erp"])
def test_igs_finals_agree_with_bulletin_a(finals, name):
    igs = erp.read(data_path("eop", name))
    assert igs.findings == ()
    rotation = igs.rotation
    assert rotation.mjd_utc.size == 7
    bulletin = interpolate(finals.bulletin_a, rotation.mjd_utc)
    assert not bulletin.predicted_pole.any()
    for field in ("x_pole_rad", "y_pole_rad"):
        assert np.abs(getattr(rotation, field) - getattr(bulletin, field)).max() < 100 * MICROARCSECOND_RAD
    # UT1 of satellites is integrated from length of day over three weeks and drifts.
    assert np.abs(rotation.ut1_minus_utc_s - bulletin.ut1_minus_utc_s).max() < 50e-6
    assert np.abs(rotation.lod_s - bulletin.lod_s).max() < 30e-6


@pytest.mark.parametrize("name", ["igs17217.erp", "igs19827.erp"])
def test_igs_files_written_again_have_the_same_rows(name):
    path = data_path("eop", name)
    igs = erp.read(path)
    again = erp.to_bytes(igs.rotation, comments=igs.comments, columns=igs.columns)
    rows = [
        [line.split() for line in text.decode().splitlines() if line[:1] == "5"] for text in (path.read_bytes(), again)
    ]
    assert rows[0] == rows[1]


def test_bulletins_agree_and_predictions_are_told_apart(finals):
    rapid, final = finals.bulletin_a, finals.bulletin_b
    recent = (rapid.mjd_utc > 55197) & np.isfinite(final.x_pole_rad)  # from 2010 on
    assert np.count_nonzero(recent) > 3000
    difference = np.abs(rapid.x_pole_rad - final.x_pole_rad)[recent]
    assert np.median(difference) < 50 * MICROARCSECOND_RAD
    assert np.abs(rapid.ut1_minus_utc_s - final.ut1_minus_utc_s)[recent].max() < 1e-3
    assert rapid.predicted_pole[-400:].any()
    assert not rapid.predicted_pole[recent].any()
    assert np.isnan(rapid.x_pole_rad[-1])


def test_interpolation_gives_the_days_left_out(finals):
    """Every second day of 2016 and 2017, through the leap second of 2017-01-01."""
    chosen = (finals.bulletin_a.mjd_utc >= 57388) & (finals.bulletin_a.mjd_utc < 58119)
    columns = {name: getattr(finals.bulletin_a, name)[chosen] for name in ("mjd_utc", *VALUES, *SIGMAS)}
    whole = EarthRotation(**columns)
    half = EarthRotation(**{name: column[::2] for name, column in columns.items()})
    found = interpolate(half, whole.mjd_utc[1:-1:2])
    for field, tolerance in (("x_pole_rad", 300 * MICROARCSECOND_RAD), ("y_pole_rad", 300 * MICROARCSECOND_RAD)):
        difference = getattr(found, field) - getattr(whole, field)[1:-1:2]
        assert np.sqrt(np.mean(difference**2)) < tolerance / 3
        assert np.abs(difference).max() < tolerance * 2
    assert np.abs(found.ut1_minus_utc_s - whole.ut1_minus_utc_s[1:-1:2]).max() < 100e-6


def test_finals_of_the_orbit_day():
    found = iers_finals.read(data_path("orbits", "2024-263-final", "finals.data_2024")).bulletin_a
    assert found.mjd_utc[0] == 60310
    day = dataclasses.asdict(interpolate(found, np.array([60572.5])))
    assert 0 < day["x_pole_rad"][0] < 400_000 * MICROARCSECOND_RAD
    assert np.isfinite(day["ut1_minus_utc_s"]).all()
