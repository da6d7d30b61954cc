"""Frames on real solutions: the pole of Eurasia (B12), post-seismic models of ITRF2020, a whole SINEX transformed."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats import coordinate_table, sinex
from fiducial.geodesy.ellipsoid import local_from_geocentric
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_parameters import PLATE_ROTATIONS_MAS_PER_YR
from fiducial.geodesy.plate_pole import estimate_rotations
from fiducial.geodesy.propagation import LinearMotion, PostSeismicModel, PostSeismicTerm, propagate
from fiducial.runs.frame_transform import TransformRequest, transform_file
from support import data_path

pytestmark = pytest.mark.real

EURASIA = np.array(PLATE_ROTATIONS_MAS_PER_YR["ITRF2014"]["EURA"])


def europe(least_years):
    """Last solutions in 0-60 E, 44-62 N that last so long: position, longitude, latitude, E and N velocity, names."""
    import erfa

    solution = sinex.read(
        data_path("sinex", "igs17P49_CoordOnly.snx"), blocks=["SOLUTION/EPOCHS", "SOLUTION/ESTIMATE"]
    ).solution
    positions, velocities, spans = solution.positions(), solution.velocities(), solution.spans
    keys = list(zip(positions.codes, positions.points, positions.solns, strict=True))
    assert keys == list(zip(velocities.codes, velocities.points, velocities.solns, strict=True))
    lasting = dict(zip(zip(spans.codes, spans.points, spans.solns, strict=True),
                       (spans.end_utc - spans.start_utc) / np.timedelta64(1, "D") / 365.25, strict=True))  # fmt: skip
    longitude, latitude, _ = erfa.gc2gd(2, positions.xyz)
    longitude, latitude = np.rad2deg(longitude), np.rad2deg(latitude)
    inside = (longitude > 0) & (longitude < 60) & (latitude > 44) & (latitude < 62)
    rows = np.array(list({positions.codes[k]: k for k in np.flatnonzero(inside)}.values()))
    rows = rows[[lasting[keys[k]] >= least_years for k in rows]]
    velocity = 1e3 * local_from_geocentric(velocities.xyz, longitude, latitude)[:, :2]
    return positions.xyz[rows], longitude[rows], latitude[rows], velocity[rows], positions.codes[rows]


@pytest.mark.parametrize(("least_years", "stations"), [(0.0, 142), (3.0, 98)])
def test_pole_of_eurasia(least_years, stations):
    """B12: within 0.01 mas/yr of the ITRF2014 model; all stations, and those with three years (Altamimi et al. 2017)."""
    *places, velocity, names = europe(least_years)
    assert len(names) == stations
    found = estimate_rotations(*places, velocity, names=names)
    (plate,) = found.plates
    assert np.abs(plate.rotation_mas_per_yr - EURASIA).max() < 0.01
    assert (np.abs(plate.rotation_mas_per_yr - EURASIA) < 2.0 * np.sqrt(np.diag(plate.covariance))).all()
    assert (found.wrms_en_mm_per_yr < 0.6).all()
    assert 0 < len(found.rejected) < 12


def test_post_seismic_models_of_itrf2020():
    """Centimetres a year in Japan after 2011, to the east; variances finite and positive at all 114 stations or more."""
    solution = sinex.read(data_path("sinex", "ITRF2020-psd-gnss.snx")).solution
    table = solution.post_seismic()
    epochs = decimal_year(table.epochs_utc)
    moved = {}
    for code in sorted(set(table.codes.tolist())):
        rows = np.flatnonzero(table.codes == code)
        index = np.stack([table.amplitude_index[rows], table.time_constant_index[rows]], axis=1).ravel()
        terms = tuple(
            PostSeismicTerm(float(epochs[k]), str(table.components[k]), str(table.models[k]).lower(),
                            float(table.amplitude_m[k]), float(table.time_constant_yr[k])) for k in rows)  # fmt: skip
        model = PostSeismicModel(code, 140.09, 36.11, terms, solution.covariance[np.ix_(index, index)])
        spread = np.sqrt(np.diagonal(model.covariance_m2([2020.0])[0]))
        assert np.isfinite(spread).all()
        # Amplitudes and times of slow relaxations are nearly inseparable: the sum is known far better than its terms.
        assert spread.max() < 0.25, code
        moved[code] = model
    assert len(moved) > 100
    tsukuba = moved["TSKB"].displacement_enu_m([2008.0, 2011.19, 2012.0, 2020.0])
    assert np.array_equal(tsukuba[0], np.zeros(3))
    assert np.abs(tsukuba[1]).max() < 0.02
    since = 2020.0 - epochs[(table.codes == "TSKB")][-1]
    east = 0.00522472 * np.log1p((2020.0 - epochs[table.codes == "TSKB"][0]) / 0.14693869)
    east += 0.05945388 * np.log1p(since / 0.35611181) + 0.03831332 * np.log1p(since / 0.00349975)
    assert tsukuba[3, 0] == pytest.approx(east, abs=1e-7)
    assert tsukuba[3, 0] > 0.3
    motion = LinearMotion("TSKB A", "3", np.array([-3957408.7, 3310229.4, 3737494.8]), np.zeros(3), 2015.0)
    there = propagate(motion, [2015.0], post_seismic=moved["TSKB"], start="regularised").position_m
    assert np.linalg.norm(there - motion.position_m) > 0.3


def test_a_sinex_file_from_one_frame_to_another_and_back(tmp_path):
    file = data_path("sinex", "igs17P49_CoordOnly.snx")
    found = transform_file(TransformRequest("IGS14", "ITRF2020", None), file, tmp_path / "itrf2020.csv")
    assert found["stations"] == 3705
    assert found["epochs"] == [2010.0, 2010.0]
    transform_file(TransformRequest("ITRF2020", "IGS14", None), tmp_path / "itrf2020.csv", tmp_path / "back.txt")
    back = coordinate_table.read(tmp_path / "back.txt")
    positions = sinex.read(file).solution.positions()
    assert np.abs(back.position_m - positions.xyz).max() < 1.1e-5
    moved = np.linalg.norm(coordinate_table.read(tmp_path / "itrf2020.csv").position_m - positions.xyz, axis=1)
    assert 1e-3 < moved.min() < moved.max() < 6e-3
