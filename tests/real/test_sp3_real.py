"""SP3 files of ten analysis centres, of the IGS, and of ROCS, against a reading of their lines one by one."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats import sp3
from support import data_path

pytestmark = pytest.mark.real

DAY = ("orbits", "2024-263-final")
FILES = (
    *(f"sp3/{name}0OPSFIN_20242630000_01D_{sampling}_ORB.SP3" for name, sampling in (
        ("COD", "05M"), ("EMR", "15M"), ("ESA", "05M"), ("GFZ", "05M"), ("GRG", "05M"), ("IGF", "15M"), ("IGL", "15M"),
        ("JGX", "05M"), ("JPL", "05M"), ("MIT", "05M"), ("NGS", "15M"), ("SIO", "15M"),
    )),
    "rocs_expected/IGS0TSTFIN_20242630000_01D_05M_ORB.SP3",
)  # fmt: skip


def _lines_one_by_one(path):
    """Return epochs, and a dictionary of (epoch number, satellite) to x, y, z, clock as printed."""
    epochs, values, tails = 0, {}, {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.startswith("*"):
            epochs += 1
        elif line.startswith("P"):
            key = epochs - 1, line[1:4]
            values[key] = [float(line[column : column + 14]) for column in (4, 18, 32, 46)]
            tails[key] = line[60:].rstrip()
    return epochs, values, tails


@pytest.mark.parametrize("name", FILES)
def test_counts_values_and_missing_records(name):
    path = data_path(*DAY, *name.split("/"))
    file = sp3.read(path)
    orbit = file.orbit
    epochs, values, tails = _lines_one_by_one(path)
    assert orbit.position_m.shape == (epochs, len({satellite for _, satellite in values}), 3)
    places = [(epoch, orbit.satellites.index(satellite)) for epoch, satellite in values]
    rows, columns = np.array(places).T
    printed = np.array(list(values.values()))
    position = np.where(np.all(printed[:, :3] == 0, axis=1, keepdims=True), np.nan, printed[:, :3] * 1000)
    np.testing.assert_array_equal(orbit.position_m[rows, columns], np.round(position, 3))
    clock = np.where(printed[:, 3] >= 999999, np.nan, printed[:, 3])
    np.testing.assert_allclose(orbit.clock_s[rows, columns], clock * 1e-6, rtol=1e-15)
    assert np.isfinite(orbit.position_m).all(axis=2).sum() == np.isfinite(position[:, 0]).sum()
    assert np.isfinite(orbit.clock_s).sum() == np.isfinite(clock).sum()
    with_exponent = sum(bool(tail[1:3].strip()) for tail in tails.values())
    stated = 0 if orbit.position_sigma_m is None else np.isfinite(orbit.position_sigma_m[..., 0]).sum()
    assert stated == (with_exponent if np.isfinite(file.header.position_base) else 0)
    with_flag = sum(bool(tail[14:].strip()) for tail in tails.values())
    assert (0 if orbit.flags is None else np.count_nonzero(orbit.flags)) == with_flag
    assert orbit.epochs_gps[0] == np.datetime64("2024-09-19")
    assert set(np.diff(orbit.epochs_gps).astype(int)) == {orbit.interval_s * 1e9}


@pytest.mark.parametrize("name", FILES)
def test_writing_keeps_every_printed_digit(name):
    file = sp3.read(data_path(*DAY, *name.split("/")))
    content = sp3.to_bytes(file)
    again = sp3.read(content)
    for part in ("epochs_gps", "position_m", "clock_s", "position_sigma_m", "clock_sigma_s", "flags"):
        np.testing.assert_array_equal(getattr(again.orbit, part), getattr(file.orbit, part))
    assert again.orbit.satellites == file.orbit.satellites
    assert dict(again.orbit.accuracy_m) == dict(file.orbit.accuracy_m)
    assert again.orbit.frame == file.orbit.frame
    for part in ("time_system", "frame_label", "orbit_type", "agency", "data_used", "comments"):
        assert getattr(again.header, part) == getattr(file.header, part)
    assert sp3.to_bytes(again) == content


def test_what_the_files_are_known_for():
    read = {name[4:7]: sp3.read(data_path(*DAY, *name.split("/"))) for name in FILES[:-1]}
    assert {name: len(file.orbit.satellites) for name, file in read.items()} == {
        "COD": 81, "EMR": 30, "ESA": 76, "GFZ": 78, "GRG": 78, "IGF": 32, "IGL": 22, "JGX": 76, "JPL": 57, "MIT": 59,
        "NGS": 31, "SIO": 32,
    }  # fmt: skip
    assert int(np.isnan(read["JGX"].orbit.position_m[..., 0]).sum()) == 867
    assert read["ESA"].orbit.frame == ""
    assert [len(file.findings) for file in read.values()] == [0, 0, 1, *[0] * 9]
    assert {file.orbit.frame for name, file in read.items() if name != "ESA"} == {"IGS20"}
    assert np.isnan(read["SIO"].orbit.clock_s).all()
    assert read["COD"].orbit.epochs_gps[-1] == np.datetime64("2024-09-20")
    # The satellite that was moved on this day.
    assert read["SIO"].orbit.accuracy_m["G17"] == 2.0**39 / 1000
    assert read["SIO"].orbit.accuracy_m["G16"] == 0.016
