"""Reading of NGL's daily series: what is read, and what is refused where."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

import series_factory as factory
from fiducial.errors import FormatError, InputError
from fiducial.formats import tenv

VALUES = np.round(factory.linear(12, noise_m=0.002), 6)


def _changed(content, line, old, new):
    lines = content.split(b"\n")
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new, 1)
    return b"\n".join(lines)


def test_tenv_is_read_with_dates_sigmas_and_correlations():
    found = tenv.read(factory.tenv(VALUES), name="SIMU.IGS08.tenv.txt")
    np.testing.assert_array_equal(found.displacement_m, VALUES)
    assert (found.station, found.frame, found.time_scale, found.axes) == ("SIMU", "IGS08", "GPS", "enu")
    assert found.epochs[0] == np.datetime64("2008-01-06")
    assert found.size == 12
    np.testing.assert_array_equal(found.sigma_m[3], [0.000496, 0.000634, 0.001802])
    np.testing.assert_array_equal(found.correlation[3], [0.000401, -0.026697, -0.096056])
    assert np.isnan(found.reference_xyz_m).all()
    assert found.findings == ()


@pytest.mark.parametrize("columns", [20, 23])
def test_tenv3_adds_whole_metres_even_when_they_change(columns):
    content = factory.tenv3(VALUES, columns=columns, whole=lambda day: (385 - (day > 4), 3282129 + (day > 6), 3624))
    found = tenv.read(content, name="SIMU.tenv3")
    np.testing.assert_allclose(found.displacement_m, VALUES - VALUES[0], atol=1.5e-6)
    assert found.frame is None
    if columns == 23:
        # A longitude of -268.896 is 91.104 East: the point lies in Tibet, at X < 0, Y > 0.
        np.testing.assert_allclose(found.reference_xyz_m, [-106937.6, 5549269.7, 3139215.8], atol=1.0)
        assert found.reference_epoch == found.epochs[0]
    else:
        assert np.isnan(found.reference_xyz_m).all()


def test_tenv3_without_titles_compressed_and_without_last_line_end():
    content = factory.tenv3(VALUES, titled=False).rstrip(b"\n")
    assert tenv.read(gzip.compress(content)).size == 12


def test_a_frame_is_taken_from_the_caller_or_the_name_but_not_from_both():
    content = factory.tenv(VALUES)
    assert tenv.read(content, name="SIMU.tenv").frame is None
    assert tenv.read(content, name="SIMU.tenv", frame="igs20").frame == "igs20"
    assert tenv.read(content, name="SIMU.EU.tenv").frame is None
    assert tenv.read(content, name="SIMU.IGS08.tenv", frame="ITRF2008").frame == "ITRF2008"
    with pytest.raises(InputError, match="FID-1332"):
        tenv.read(content, name="SIMU.IGS08.tenv", frame="IGS14")


@pytest.mark.parametrize(
    ("line", "old", "new", "code", "where"),
    [
        (3, b"0.0083", b"0.00x3", "FID-2491", "line 4, columns 71-76"),
        (3, b"0.000634", b"-0.00063", "FID-2491", "line 4"),
        (3, b"-0.026697", b"-1.026697", "FID-2491", "line 4"),
        (5, b" 0.0083", b"", "FID-2491", "line 6"),
        (5, b"0.0083", b"0.0083 7", "FID-2491", "line 6"),
        (4, b"54475", b"54476", "FID-2493", "line 5, columns 6-12"),
        (4, b"54475", b"5447.", "FID-2491", "line 5, columns 24-28"),
        (4, b"54475", b"99999999", "FID-2493", "line 5"),
        (4, b"2008.02", b"2009.02", "FID-2493", "line 5"),
        (4, b"1461 4", b"1461 3", "FID-2493", "line 5"),
        (4, b"1461 4", b"1462 4", "FID-2493", "line 5"),
        (4, b"08JAN10", b"08FEB10", "FID-2493", "line 5"),
        (4, b"SIMU", b"SIMO", "FID-2499", "line 5, columns 1-4"),
        (0, b"SIMU 08JAN06", b"SIMU 2008-01", "FID-2490", "line 1"),
    ],
)
def test_damage_is_told_with_line_and_columns(line, old, new, code, where):
    with pytest.raises(FormatError, match=code) as caught:
        tenv.read(_changed(factory.tenv(VALUES), line, old, new), name="x.tenv")
    assert where in caught.value.where


def test_another_reference_meridian_is_refused():
    content = _changed(factory.tenv3(VALUES), 5, b"91.1", b"91.2")
    with pytest.raises(FormatError, match="FID-2499"):
        tenv.read(content)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"what is this\n", b"%=TMS 1.0\n", b"\x00\x01\x02" * 50])
def test_other_files_are_refused(content):
    with pytest.raises(FormatError, match="FID-2490"):
        tenv.read(content)


@pytest.mark.parametrize("lost", [3, 30, 60, 100])
def test_cut_files_are_refused(lost):
    for content in (factory.tenv(VALUES), factory.tenv3(VALUES)):
        with pytest.raises(FormatError, match="FID-2492"):
            tenv.read(content[:-lost])


def test_rows_out_of_order_and_twice_are_repaired_or_refused():
    lines = factory.tenv(VALUES).split(b"\n")
    lines[2], lines[3] = lines[3], lines[2]
    lines.insert(6, lines[6])
    mixed = b"\n".join(lines)
    found = tenv.read(mixed)
    np.testing.assert_array_equal(found.displacement_m, VALUES)
    assert len(found.findings) == 2
    assert "line 4" in found.findings[0]
    assert tenv.read(mixed, strictness="ignore").findings == ()
    with pytest.raises(FormatError, match="FID-2495"):
        tenv.read(mixed, strictness="raise")


def test_two_positions_at_one_epoch_are_refused():
    lines = factory.tenv(VALUES).split(b"\n")
    lines.insert(6, lines[6].replace(b"0.0083 0.000496", b"0.0083 0.000497"))
    with pytest.raises(FormatError, match="FID-2494") as caught:
        tenv.read(b"\n".join(lines))
    assert "lines 7 and 8" in caught.value.where


def test_missing_positions_stay_missing_and_jumps_are_told():
    lines = factory.tenv(VALUES).split(b"\n")
    lines[0] = lines[0].replace(f"{VALUES[0, 0]:10.6f}".encode(), b"       NaN", 1)
    found = tenv.read(b"\n".join(lines))
    assert np.isnan(found.displacement_m[0, 0])
    assert "epochs without a position: 1" in found.findings[0]
    moved = VALUES + np.where(np.arange(12) > 5, 25.0, 0.0)[:, None]
    assert "another site" in tenv.read(factory.tenv3(moved)).findings[0]
