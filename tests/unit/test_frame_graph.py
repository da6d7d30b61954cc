"""Positions, velocities and covariances between frames: PROJ, EUREF Technical Note 1, EPN, and refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pyproj
import pytest
from pyproj.crs import CoordinateOperation

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.geodesy.epochs import decimal_year, parse_epoch
from fiducial.geodesy.frame_graph import (
    FrameCoordinates,
    frame_path,
    frames_with_positions,
    transform_coordinates,
    transform_positions,
    transform_velocities,
)
from fiducial.geodesy.frame_parameters import EARLIER_OPERATIONS, OPERATIONS
from fiducial.geodesy.frame_velocities import frame_change

ROWS = (*OPERATIONS, *EARLIER_OPERATIONS)
TO_MM = {"millimetre": 1.0, "centimetre": 10.0, "millimetres per year": 1.0, "centimetres per year": 10.0}


def points(count=100, seed=5):
    """Half of them in Europe, half anywhere; epochs from 1995 to 2030."""
    rng = np.random.default_rng(seed)
    half = count // 2
    longitude = np.r_[rng.uniform(-10.0, 35.0, half), rng.uniform(-180.0, 180.0, count - half)]
    latitude = np.r_[rng.uniform(34.0, 71.0, half), np.rad2deg(np.arcsin(rng.uniform(-1.0, 1.0, count - half)))]
    return geocentric_position_m(longitude, latitude, rng.uniform(0.0, 4000.0, count)), rng.uniform(
        1995.0, 2030.0, count
    )


@pytest.mark.parametrize("row", EARLIER_OPERATIONS, ids=lambda row: str(row.epsg))
def test_every_parameter_is_that_of_epsg(row):
    listed = CoordinateOperation.from_epsg(row.epsg)
    assert listed.method_name == "Time-dependent Position Vector tfm (geocentric)"
    assert listed.name.startswith(f"{row.source} to {row.target} ")
    theirs = [p.value * TO_MM.get(p.unit_name, 1.0) for p in listed.params]
    rates = row.rates
    ours = [*row.translation_mm, *row.rotation_mas, row.scale_ppb, *rates.translation_mm_per_yr,
            *rates.rotation_mas_per_yr, rates.scale_ppb_per_yr, row.epoch]  # fmt: skip
    assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.epsg))
def test_positions_are_those_of_proj(row):
    """B3: at 100 points and epochs 1995 to 2030, both ways, within a micrometre."""
    position, epoch = points()
    step = FrameCoordinates(row.source, epoch, position)
    forward = transform_coordinates(step, row.target)
    assert [s.label for s in frame_path(row.source, row.target)] == [f"EPSG:{row.epsg}"]
    operation = pyproj.Transformer.from_pipeline(f"urn:ogc:def:coordinateOperation:EPSG::{row.epsg}")
    theirs = np.column_stack(operation.transform(*position.T, epoch)[:3])
    assert np.abs(forward.position_m - theirs).max() < 1e-6
    # PROJ's inverse turns the rotation round instead of solving: 2.3e-7 m.
    *back, _ = operation.transform(*theirs.T, epoch, direction=pyproj.enums.TransformDirection.INVERSE)
    ours = transform_positions(theirs, row.target, row.source, epoch_yr=epoch)
    assert np.abs(ours - np.column_stack(back)).max() < 1e-6


def test_deprecated_rows_of_epsg_are_not_used():
    used = {row.epsg for row in ROWS}
    assert not used & {6281 + 1, 6290, 6301, 8407, 8409, 8410, 8411, 9079, 9080, 9081, 9082, 9083}
    assert len(used) == len(ROWS) == len({(row.source, row.target) for row in ROWS})


def test_igs_frames_are_those_they_realise_and_no_more():
    """B3: PROJ makes IGb14 to ITRF2020 a silent no-op."""
    position, _ = points()
    moved = transform_positions(position, "IGb14", "ITRF2020", epoch_yr=2015.0) - position
    assert np.linalg.norm(moved, axis=1).max() > 3.5e-3
    for name, itrf in (("IGS20", "ITRF2020"), ("IGS14", "ITRF2014"), ("IGb14", "ITRF2014"), ("IGb08", "ITRF2008")):
        assert frame_path(name, itrf) == ()
        assert np.array_equal(transform_positions(position, name, itrf, epoch_yr=2024.5), position)
    # EPSG's own row from IGb14 to IGS20 is that from ITRF2014 to ITRF2020.
    operation = pyproj.Transformer.from_pipeline("urn:ogc:def:coordinateOperation:EPSG::10180")
    theirs = np.column_stack(operation.transform(*position.T, np.full(len(position), 2024.5))[:3])
    assert np.abs(transform_positions(position, "IGb14", "IGS20", epoch_yr=2024.5) - theirs).max() < 1e-6


EUREF_2010 = ((4027893.6750, 307045.9069, 4919475.1721), (-0.01361, 0.01686, 0.01024))
EUREF_2020 = (4027893.5389, 307046.0755, 4919475.2745)


@pytest.mark.parametrize(
    ("target", "position", "velocity"),
    [
        # PyGeodesy's tests print +0.00011 for VX in ETRF2020; the formula of the Note gives -0.00011.
        ("ETRF2020", (4027893.9585, 307045.5550, 4919474.9619), (-0.00011, 0.00011, 0.00024)),
        ("ITRF2014", (4027893.6719, 307045.9064, 4919475.1704), (-0.01361, 0.01676, 0.01044)),
        ("ETRF2014", (4027893.9620, 307045.5480, 4919474.9553), (0.00020, -0.00030, 0.00020)),
        ("ETRF2000", (4027894.0053, 307045.5939, 4919474.9083), (-0.00020, -0.00050, -0.00036)),
    ],
)
def test_euref_technical_note_1_at_2010(target, position, velocity):
    given = FrameCoordinates("ITRF2020", 2010.0, [EUREF_2010[0]], [EUREF_2010[1]])
    found = transform_coordinates(given, target)
    assert np.abs(found.position_m - position).max() < 1e-4
    assert np.abs(found.velocity_m_per_yr - velocity).max() < 1e-5
    moved = transform_velocities([EUREF_2010[1]], [EUREF_2010[0]], "ITRF2020", target, epoch_yr=2010.0)
    assert np.array_equal(moved, found.velocity_m_per_yr)


@pytest.mark.parametrize(
    ("target", "position"),
    [
        ("ETRF2020", (4027893.9574, 307045.5561, 4919474.9643)),
        ("ETRF2014", (4027893.9639, 307045.5450, 4919474.9573)),
        ("ETRF2000", (4027894.0033, 307045.5889, 4919474.9047)),
    ],
)
def test_euref_technical_note_1_at_2020(target, position):
    found = transform_positions([EUREF_2020], "ITRF2020", target, epoch_yr=2020.0)
    assert np.abs(found - position).max() < 1e-4


def test_malaga_of_the_epn():
    """B2: class A coordinates of MALA, C2235, epoch 2010."""
    found = transform_positions([[5103282.405, -392096.768, 3793146.874]], "ETRF2000", "ETRF2014", epoch_yr=2010.0)
    assert np.abs(found - [5103282.356, -392096.809, 3793146.918]).max() <= 1.05e-3


@pytest.mark.parametrize("epoch", [None, np.nan, [np.nan]])
def test_no_epoch_no_answer(epoch):
    with pytest.raises(InputError, match="no epoch") as error:
        transform_positions([EUREF_2020], "ITRF2020", "ETRF2000", epoch_yr=epoch)
    assert error.value.code == "FID-1310"
    with pytest.raises(TypeError):
        transform_positions([EUREF_2020], "ITRF2020", "ETRF2000")


@pytest.mark.parametrize("epoch", [20.5, 2314.0, 51544.5, 2460000.5, 1.6e9])
def test_what_is_no_decimal_year(epoch):
    with pytest.raises(InputError, match="no decimal year") as error:
        transform_positions([EUREF_2020], "ITRF2020", "ETRF2000", epoch_yr=epoch)
    assert error.value.code == "FID-1311"


@pytest.mark.parametrize("text", ["now", "2010-13-01", "2010-1-1", "55555", "2010,0", "next year", "2010-02-30"])
def test_texts_that_are_no_epoch(text):
    with pytest.raises(InputError) as error:
        parse_epoch(text)
    assert error.value.code == "FID-1311"


def test_epochs_of_texts_and_dates():
    assert parse_epoch(" 2010 ") == parse_epoch("2010-01-01") == 2010.0
    assert parse_epoch("2024-07-02T00:00:00Z") == pytest.approx(2024.5)
    with pytest.raises(InputError, match="no epoch"):
        parse_epoch("")
    with pytest.raises(InputError) as error:
        decimal_year(np.datetime64("NaT"))
    assert error.value.code == "FID-1310"
    with pytest.raises(InputError) as error:
        decimal_year("soon")
    assert error.value.code == "FID-1311"


@pytest.mark.parametrize("name", ["plate:EURA@ITRF2014", "plate:NOAM"])
def test_plates_have_no_positions(name):
    for path in ((name, "ITRF2020"), ("ITRF2020", name)):
        with pytest.raises(InputError, match="no frame of positions") as error:
            frame_path(*path)
        assert error.value.code == "FID-1318"


def test_frames_without_a_way(monkeypatch):
    from fiducial.geodesy import frame_graph

    monkeypatch.setattr(frame_graph, "_steps_from", lambda _: ())
    with pytest.raises(InputError, match="no published operations") as error:
        frame_path("ITRF2020", "ITRF97")
    assert error.value.code == "FID-1318"


def test_every_frame_leads_to_every_other_by_few_operations():
    names = frames_with_positions()
    assert len(names) == 26
    lengths = [len(frame_path(a, b)) for a, b in itertools.permutations(names, 2)]
    assert min(lengths) == 1
    assert max(lengths) == 4
    assert [step.label for step in frame_path("ITRF97", "ITRF94")] == ["EPSG:9995", "EPSG:9997 inverted"]
    assert [(step.source, step.target) for step in frame_path("ETRF97", "ITRF2020")] == [
        ("ETRF97", "ITRF97"), ("ITRF97", "ITRF2020")]  # fmt: skip


def test_ways_of_several_operations_agree_with_the_direct_one():
    """The parameters of all 190 triangles close; what is left are products of rotations."""
    position, epoch = points(20)
    rows = {(row.source, row.target) for row in ROWS}
    worst, triangles = 0.0, 0
    for a, b in rows:
        for c in {target for source, target in rows if source == b} & {
            target for source, target in rows if source == a
        }:
            direct = transform_positions(position, a, c, epoch_yr=epoch)
            round_about = transform_positions(transform_positions(position, a, b, epoch_yr=epoch), b, c, epoch_yr=epoch)
            worst = max(worst, float(np.abs(direct - round_about).max()))
            triangles += 1
    assert triangles == 190
    assert 1e-9 < worst < 5e-8


@pytest.mark.parametrize("pair", [("ITRF2020", "ETRF2000"), ("ITRF2008", "ITRF2014"), ("ETRF2020", "ITRF2014")])
def test_velocities_are_those_of_the_rates(pair):
    position, epoch = points(30)
    velocity = np.full_like(position, 0.01)
    moved = transform_velocities(velocity, position, *pair, epoch_yr=epoch)
    rates = frame_change(*pair).rates.velocity_mm_per_yr(position)
    # An inverse step takes its rates at the positions found: products of 1e-7 and 20 mm/yr.
    assert np.abs(1e3 * (moved - velocity) - rates).max() < 1e-5


def test_covariances_against_monte_carlo():
    """Positions, velocities and what is between them, with uncertain parameters; two stations, fully correlated."""
    rng = np.random.default_rng(11)
    position, _ = points(2)
    velocity = np.array([[0.02, -0.01, 0.015], [-0.03, 0.01, 0.0]])
    # Uncertainties as large as the numerical range allows, so that derivatives of 1e-8 show.
    root = np.diag([3.0] * 6 + [1e-9] * 6) @ rng.normal(size=(12, 12)) / 3.0
    joint = root @ root.T
    parameters = np.diag([2.0, 2.0, 2.0, 0.3, 0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 0.03, 0.005, 0.005, 0.005]) ** 2
    given = FrameCoordinates("ITRF2020", 2030.0, position, velocity, joint[:6, :6], joint[6:, 6:], joint[:6, 6:])
    for target in ("ETRF2000", "ITRF2014"):
        (step,) = frame_path("ITRF2020", target)
        exact = transform_coordinates(given, target)
        samples = rng.multivariate_normal(np.zeros(12), joint, 4000)
        pairs = samples.reshape(-1, 2, 2, 3)
        moved = transform_coordinates(
            FrameCoordinates("ITRF2020", 2030.0, (pairs[:, 0] + position).reshape(-1, 3),
                             (pairs[:, 1] + velocity).reshape(-1, 3)), target)  # fmt: skip
        found = np.concatenate([moved.position_m.reshape(-1, 6), moved.velocity_m_per_yr.reshape(-1, 6)], axis=1)
        expected = np.block([
            [exact.position_covariance_m2, exact.cross_covariance_m2_per_yr],
            [exact.cross_covariance_m2_per_yr.T, exact.velocity_covariance_m2_per_yr2],
        ])  # fmt: skip
        spread = np.sqrt(np.diag(expected))
        assert np.abs((np.cov(found.T) - expected) / np.outer(spread, spread)).max() < 0.1
        wider = transform_coordinates(given, target, parameter_covariances={step.operation.epsg: parameters})
        assert np.linalg.eigvalsh(wider.position_covariance_m2 - exact.position_covariance_m2).min() > -1e-12


def test_uncertain_parameters_against_monte_carlo(monkeypatch):
    """Draw the fourteen parameters themselves, both ways."""
    from dataclasses import replace

    from fiducial.geodesy import frame_graph
    from fiducial.geodesy.helmert import HelmertRates

    rng = np.random.default_rng(12)
    position, _ = points(3)
    velocity = np.zeros_like(position)
    sigma = np.array([2.0, 2.0, 2.0, 0.3, 0.05, 0.06, 0.05, 0.2, 0.2, 0.2, 0.03, 0.005, 0.006, 0.005])
    none = np.zeros((9, 9))
    for source, target in (("ITRF2020", "ETRF2000"), ("ETRF2000", "ITRF2020")):
        (step,) = frame_path(source, target)
        given = FrameCoordinates(source, 2020.0, position, velocity, none, none, none)
        exact = transform_coordinates(given, target, parameter_covariances={step.operation.epsg: np.diag(sigma**2)})
        blocks = transform_coordinates(
            FrameCoordinates(source, 2020.0, position, velocity, np.zeros((3, 3, 3)), np.zeros((3, 3, 3))),
            target, parameter_covariances={step.operation.epsg: np.diag(sigma**2)})  # fmt: skip
        rows = []
        for draw in rng.normal(size=(1500, 14)) * sigma:
            old = step.operation
            rates = HelmertRates(
                tuple(old.rates.translation_mm_per_yr + draw[7:10]),
                old.rates.scale_ppb_per_yr + draw[10],
                tuple(old.rates.rotation_mas_per_yr + draw[11:]),
            )
            changed = replace(old, translation_mm=tuple(old.translation_mm + draw[:3]),
                              scale_ppb=old.scale_ppb + draw[3], rotation_mas=tuple(old.rotation_mas + draw[4:7]),
                              rates=rates)  # fmt: skip
            with monkeypatch.context() as patch:
                drawn = (frame_graph.FrameStep(changed, inverse=step.inverse),)
                patch.setattr(frame_graph, "frame_path", lambda *_, drawn=drawn: drawn)
                moved = transform_coordinates(FrameCoordinates(source, 2020.0, position, velocity), target)
            rows.append(np.r_[(moved.position_m - position).ravel(), moved.velocity_m_per_yr.ravel()])
        found = np.cov(np.array(rows).T)
        expected = np.block([
            [exact.position_covariance_m2, exact.cross_covariance_m2_per_yr],
            [exact.cross_covariance_m2_per_yr.T, exact.velocity_covariance_m2_per_yr2],
        ])  # fmt: skip
        spread = np.sqrt(np.diag(expected))
        assert np.abs((found - expected) / np.outer(spread, spread)).max() < 0.15
        assert np.allclose(blocks.position_covariance_m2[1], exact.position_covariance_m2[3:6, 3:6], rtol=1e-9)
        assert np.allclose(blocks.velocity_covariance_m2_per_yr2[2], exact.velocity_covariance_m2_per_yr2[6:, 6:])
        assert blocks.cross_covariance_m2_per_yr is None


def test_covariance_of_positions_alone_keeps_its_size():
    position, _ = points(4)
    blocks = np.tile(np.diag([1e-6, 2e-6, 3e-6]), (4, 1, 1))
    found = transform_coordinates(FrameCoordinates("IGS20", 2020.0, position, position_covariance_m2=blocks), "ETRF89")
    assert found.velocity_covariance_m2_per_yr2 is None
    assert np.allclose(found.position_covariance_m2, blocks, rtol=1e-6, atol=1e-12)
    assert found.frame == "ETRF89"
    velocities = transform_coordinates(
        FrameCoordinates("IGS20", 2020.0, position, position * 1e-9, velocity_covariance_m2_per_yr2=blocks), "ETRF89"
    )
    assert np.array_equal(velocities.velocity_covariance_m2_per_yr2, blocks)


EYE = np.eye(3)[np.newaxis]


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        (([1.0, 2.0, 3.0],), {}),
        (([EUREF_2020], [[1.0, 2.0]]), {}),
        (([EUREF_2020], [EUREF_2020, EUREF_2020]), {}),
        (([EUREF_2020], None), {"velocity_covariance_m2_per_yr2": EYE}),
        (([EUREF_2020],), {"position_covariance_m2": np.eye(6)}),
        (([EUREF_2020], [EUREF_2020]), {"position_covariance_m2": EYE, "velocity_covariance_m2_per_yr2": np.eye(3)}),
        (([EUREF_2020], [EUREF_2020]), {"position_covariance_m2": EYE, "cross_covariance_m2_per_yr": EYE}),
    ],
)
def test_arrays_that_do_not_fit(arguments, keywords):
    with pytest.raises(InputError) as error:
        FrameCoordinates("ITRF2020", 2020.0, *arguments, **keywords)
    assert error.value.code == "FID-1314"


def test_epochs_and_parameters_that_do_not_fit():
    with pytest.raises(InputError) as error:
        FrameCoordinates("ITRF2020", [2010.0, 2011.0], [EUREF_2020])
    assert error.value.code == "FID-1314"
    known = FrameCoordinates("ITRF2020", 2020.0, [EUREF_2020], position_covariance_m2=EYE)
    for given, matrix in ((known, np.eye(7)), (FrameCoordinates("ITRF2020", 2020.0, [EUREF_2020]), np.eye(14))):
        with pytest.raises(InputError) as error:
            transform_coordinates(given, "ETRF2000", parameter_covariances={10586: matrix})
        assert error.value.code == "FID-1314"


@pytest.mark.parametrize(
    "matrix", [-EYE, np.array([[[1.0, 0.5, 0], [0, 1, 0], [0, 0, 1]]]), EYE * np.nan], ids=["negative", "skew", "nan"]
)
def test_what_is_no_covariance(matrix):
    with pytest.raises(NumericsError) as error:
        FrameCoordinates("ITRF2020", 2020.0, [EUREF_2020], position_covariance_m2=matrix)
    assert error.value.code == "FID-3121"
