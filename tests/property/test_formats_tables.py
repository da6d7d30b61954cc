"""Round trips and robustness of the table formats, on inputs Hypothesis makes up."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import pyproj
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.errors import FiducialError
from fiducial.formats import aepnd
from fiducial.formats.velocity_tables import read
from fiducial.geodesy.frames import known_frames, parse_frame, same_frame
from fiducial.geodesy.gnss_grid import GnssGrid

CENTS = st.integers(-20_000, 20_000).map(lambda value: value / 100)
SIGMAS = st.integers(1, 500).map(lambda value: value / 100)
NODES = st.lists(st.tuples(st.integers(50, 130), st.integers(30, 100)), min_size=1, max_size=20, unique=True)


@st.composite
def grids(draw):
    nodes = np.array(draw(NODES)) * 50_000
    longitude, latitude = pyproj.Transformer.from_crs(3035, 4258, always_xy=True).transform(nodes[:, 0], nodes[:, 1])
    triples = st.lists(st.tuples(CENTS, CENTS, CENTS), min_size=len(nodes), max_size=len(nodes))
    sigmas = st.lists(st.tuples(SIGMAS, SIGMAS, SIGMAS), min_size=len(nodes), max_size=len(nodes))
    return GnssGrid(np.round(latitude, 9), np.round(longitude, 9), np.array(draw(triples)), np.array(draw(sigmas)),
                    nodes[:, 0], nodes[:, 1])  # fmt: skip


def as_bytes(grid: GnssGrid) -> bytes:
    sink = io.BytesIO()
    aepnd.write(grid, sink)
    return sink.getvalue()


@settings(max_examples=40, deadline=None)
@given(grids())
def test_aepnd_write_read_identity(grid):
    data = as_bytes(grid)
    back, ordered = aepnd.read(data), grid.official_order()
    for name in (
        "latitude_deg",
        "longitude_deg",
        "velocity_enu_mm_per_yr",
        "sigma_enu_mm_per_yr",
        "easting_m",
        "northing_m",
    ):
        np.testing.assert_array_equal(getattr(back, name), getattr(ordered, name))
    assert as_bytes(back) == data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(known_frames()), st.integers(0, 2**30), st.sampled_from(["", " ", "-", "_"]))
def test_spelling_does_not_change_a_frame(name, seed, blank):
    mixed = "".join(c.upper() if seed >> i & 1 else c.lower() for i, c in enumerate(name))
    for year in ("20", "14", "08"):
        mixed = mixed.replace(year, blank + year, 1) if mixed.endswith(year) else mixed
    assert same_frame(mixed, name)
    assert parse_frame(str(parse_frame(name))) == parse_frame(name)


ROW = st.tuples(
    st.floats(-179, 180), st.floats(-89, 89), st.floats(-100, 100), st.floats(-100, 100), st.floats(0.05, 5),
    st.floats(0.05, 5), st.floats(-0.99, 0.99), st.floats(-100, 100), st.floats(0.05, 2.4),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8))
def test_gamit_rows_come_back_with_a_positive_definite_covariance(rows):
    text = "".join(
        f"{lon} {lat} {e} {n} 1 1 {se} {sn} {rho} {u} 1 {su} S{i}\n"
        for i, (lon, lat, e, n, se, sn, rho, u, su) in enumerate(rows)
        if (lon, lat) != (0.0, 0.0)
    )
    if not text:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.vel")
        path.write_text(text)
        stations = read(path, frame="ITRF2020")
    kept = [row for row in rows if row[:2] != (0.0, 0.0)]
    assert stations.size == len(kept)
    np.testing.assert_array_equal(stations.longitude_deg, [row[0] for row in kept])
    np.testing.assert_array_equal(stations.velocity_enu_mm_per_yr[:, :2], [row[2:4] for row in kept])
    known = np.isfinite(stations.velocity_enu_mm_per_yr[:, 2])
    assert (np.linalg.eigvalsh(stations.covariance_enu[known]) > 0).all()


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.text(alphabet="0123456789.-,; \n\t#*eEnNuUlatonMIDAS_", max_size=300).map(str.encode)
)
def test_any_bytes_give_stations_or_a_numbered_error(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.txt")
        path.write_bytes(data)
        with contextlib.suppress(FiducialError):
            read(path, frame="ITRF2020")
        with contextlib.suppress(FiducialError):
            aepnd.read(data)
