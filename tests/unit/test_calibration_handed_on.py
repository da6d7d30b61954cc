"""What the steps of a calibration hand to each other: observations, places of stations, coefficients."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from fiducial.errors import FormatError, InputError
from fiducial.formats import calibration_coefficients, calibration_file, observed_source, station_places
from fiducial.formats.calibration_file import CalibrationFile, PackedCalibration
from fiducial.formats.observed_source import ObservedSource
from fiducial.motion.calibration.bases import PolynomialBasis, SplineBasis
from fiducial.motion.calibration.overlaps import common_cells, direction_of, sources_that_meet
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface
from simulated_bursts import world


@pytest.fixture(scope="module")
def bursts():
    tracks, stations, *_ = world(3, bursts=3)
    return SimpleNamespace(tracks=tracks, stations=stations)


def _same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype.kind == other.dtype.kind and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if hasattr(one, "__dataclass_fields__"):
        return all(_same(getattr(one, name.name), getattr(other, name.name)) for name in fields(one))
    return one == other


def test_observations_come_back_to_the_last_bit_and_make_the_same_bytes(bursts, tmp_path):
    track = replace(bursts.tracks[0], notes=("3 points left out",))
    observed = ObservedSource(track, "ab" * 32, "2020-01-03", None)
    for name in ("one.parquet", "two.parquet"):
        observed_source.write(tmp_path / name, observed)
        assert _same(observed_source.read(tmp_path / name), observed)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    bare = replace(track, samples=track.samples.select(np.zeros(track.samples.size, dtype=bool)))
    observed_source.write(tmp_path / "bare.parquet", replace(observed, track=bare))
    again = observed_source.read(tmp_path / "bare.parquet").track
    assert (again.blocks.size, again.samples.size) == (track.blocks.size, 0)


def test_places_keep_names_and_order(bursts, tmp_path):
    station_places.write(tmp_path / "p.parquet", bursts.stations)
    again = station_places.read(tmp_path / "p.parquet")
    for name in ("names", "longitude_deg", "latitude_deg"):
        assert np.array_equal(getattr(again, name), getattr(bursts.stations, name))


def _surfaces():
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0, 20_000, 200), rng.uniform(0, 85_000, 200)
    plane = PolynomialBasis.full(easting, northing, 1)
    spline = SplineBasis.covering(easting, northing, 20_000.0)
    place = np.column_stack(spline.nodes)
    smooth = 0.2 + 0.3 * np.exp(-((place[:, None] - place[None, :]) ** 2).sum(axis=-1) / 60_000.0**2)
    clusters = ClusterOffsets(np.array([1, 4]), np.array([0.1, -2.0]), np.array([0.3, 0.4]),
                              rng.normal(0.0, 0.01, (2, spline.terms)), 5.0)  # fmt: skip
    return [
        CorrectionSurface("b", "EPSG:3035", plane, rng.normal(size=3), np.diag([0.1, 0.2, 0.3]), 0.0, None),
        CorrectionSurface("b", "EPSG:3035", spline, rng.normal(size=spline.terms), smooth, 0.05, clusters),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_coefficients_reach_the_product_as_if_they_had_been_written_there(number, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    file = CalibrationFile("joint-1", "ETRF2000", _surfaces()[number], {"recipe": "joint", "notes": ["äöü"]})
    for name in ("one.npz", "two.npz"):
        calibration_coefficients.write(tmp_path / name, PackedCalibration.of(file))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    for name, what in (("direct", file), ("handed", calibration_coefficients.read(tmp_path / "one.npz"))):
        (tmp_path / name).mkdir()
        calibration_file.write(tmp_path / name, what)
    trees = [
        {path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
         for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("direct", "handed")
    ]  # fmt: skip
    assert trees[0] == trees[1]
    assert len(trees[0]) > 3


@pytest.mark.parametrize("damage", ["truncate", "empty", "other", "layout"])
def test_what_is_damaged_is_told(bursts, damage, tmp_path, monkeypatch):
    observed, places, coefficients = (tmp_path / name for name in ("o.parquet", "p.parquet", "c.npz"))
    with monkeypatch.context() as later:
        if damage == "layout":
            later.setattr(observed_source, "LAYOUT", 99)
            later.setattr(calibration_coefficients, "LAYOUT", 99)
        observed_source.write(observed, ObservedSource(bursts.tracks[0], "ab", None, None))
        calibration_coefficients.write(
            coefficients, PackedCalibration.of(CalibrationFile("v", "f", _surfaces()[0], {}))
        )
    station_places.write(places, bursts.stations)
    for path in (observed, places, coefficients):
        content = path.read_bytes()
        changed = {"truncate": content[: len(content) // 2], "empty": b"", "other": b"text\n" * 100, "layout": content}
        path.write_bytes(changed[damage])
    for room, path, code in ((observed_source, observed, "FID-2104"), (station_places, places, "FID-2104"),
                             (calibration_coefficients, coefficients, "FID-2102")):  # fmt: skip
        if damage == "layout" and room is station_places:
            continue
        with pytest.raises(FormatError, match=code) as told:
            room.read(path)
        assert told.value.where == str(path)


def test_samples_follow_their_stations_into_a_part_of_the_table(bursts):
    track = bursts.tracks[0]
    rows = np.arange(bursts.stations.size)[::-2]
    part = bursts.stations.select(rows)
    found = track.among(rows)
    assert 0 < found.samples.size < track.samples.size
    assert np.array_equal(part.names[found.samples.station], found.samples.names)
    assert set(found.samples.names) == set(track.samples.names) & set(part.names)
    assert track.among(np.zeros(0, dtype=np.int64)).samples.size == 0


def test_sources_that_meet_are_those_that_share_a_cell(bursts):
    tracks = list(bursts.tracks)
    brute = [
        (i, j)
        for i in range(len(tracks))
        for j in range(i + 1, len(tracks))
        if direction_of(tracks[i]) == direction_of(tracks[j]) and len(common_cells(tracks[i], tracks[j])[0])
    ]
    assert 0 < len(brute) < len(tracks) * (len(tracks) - 1) // 2
    assert sources_that_meet(tracks) == brute
    none = replace(tracks[0], blocks=tracks[0].blocks.select(np.zeros(0, dtype=int)), cell=tracks[0].cell[:0])
    assert sources_that_meet([none, *tracks[1:]]) == [pair for pair in brute if 0 not in pair]
    assert sources_that_meet([none]) == []
    with pytest.raises(InputError, match="FID-1063"):
        sources_that_meet([tracks[0], replace(tracks[1], block_size_m=2500.0)])
