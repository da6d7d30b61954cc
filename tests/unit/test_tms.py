"""SINEX TMS: blocks, columns, repairs, writing."""

from __future__ import annotations

import numpy as np
import pytest

import series_factory as factory
from fiducial.errors import FormatError, InputError
from fiducial.formats import tms
from fiducial.stations.series import SeriesEvent, to_enu

VALUES = np.round(factory.linear(10, noise_m=0.002), 4)
LOCAL = (("EAST", "m"), ("NORTH", "m"), ("UP", "m"))


def test_a_file_is_read_with_frame_scale_reference_and_events():
    found = tms.read(factory.tms(VALUES))
    np.testing.assert_array_equal(found.displacement_m, VALUES)
    assert (found.station, found.frame, found.time_scale, found.findings) == ("SIMU00EUR", "IGb14", "GPS", ())
    np.testing.assert_array_equal(found.reference_xyz_m, factory.XYZ)
    assert found.reference_epoch == np.datetime64("2019-12-25")
    assert np.isnan(found.sigma_m).all()
    assert np.isnan(found.correlation).all()
    assert [(str(one.epoch)[:10], one.kind, one.is_step) for one in found.events] == [
        ("2008-01-08", "equipment", True), ("2008-01-09", "ELV", False)]  # fmt: skip
    assert found.step_epochs.size == 1


@pytest.mark.parametrize("date", ["YYYY-MM-DD", "MJD", "JD", "YYYY-DDD", "YEAR"])
def test_every_kind_of_date_gives_the_same_epochs(date):
    found = tms.read(factory.tms(VALUES, titles=((date, ""), *LOCAL)))
    wanted = factory.START + np.arange(10) * factory.DAY
    assert np.abs(found.epochs - wanted).max() <= np.timedelta64(3 if date == "YEAR" else 0, "m")


def test_time_of_day_geocentric_positions_sigmas_and_correlations():
    titles = (("YYYY-MM-DD", ""), ("HH:MM:SS", ""), ("X", "m"), ("Y", "m"), ("Z", "m"), ("SIG_X", "m"), ("SIG_Y", "m"),
              ("SIG_Z", "m"), ("CORR_XY", ""), ("CORR_XZ", ""), ("CORR_YZ", ""))  # fmt: skip
    found = tms.read(factory.tms(VALUES, titles=titles))
    assert found.axes == "xyz"
    assert found.epochs[0] == np.datetime64("2008-01-06T12:00")
    np.testing.assert_allclose(found.displacement_m, VALUES, atol=1e-9)
    local = to_enu(found)
    np.testing.assert_allclose(np.linalg.norm(local.displacement_m, axis=1), np.linalg.norm(VALUES, axis=1), atol=1e-9)
    np.testing.assert_allclose(local.sigma_m, 0.001, rtol=2e-3)


@pytest.mark.parametrize("names", [("SIG_E", "SIG_N", "SIG_U"), ("SIG_EAST", "SIG_NORTH", "SIG_UP")])
def test_both_spellings_of_sigmas(names):
    titles = (("MJD", ""), *LOCAL, *((name, "m") for name in names))
    assert np.all(tms.read(factory.tms(VALUES, titles=titles)).sigma_m == 0.001)


def test_rows_out_of_order_contradicting_years_frames_and_a_missing_end_are_findings():
    lines = factory.tms(VALUES, end=False).replace(b"4633134.1074  IGb14", b"4633134.1074  IGS14").split(b"\n")
    first = next(k for k, line in enumerate(lines) if line.startswith(b" 2008-01-06"))
    lines[first], lines[first + 1] = (lines[first].replace(b"2008-01-06", b"2008-01-07"),
                                      lines[first + 1].replace(b"2008-01-07", b"2008-01-06"))  # fmt: skip
    content = b"\n".join(lines)
    found = tms.read(content)
    assert len(found.findings) == 4
    assert found.frame == "IGS14"
    np.testing.assert_array_equal(found.displacement_m[:2], VALUES[[1, 0]])
    with pytest.raises(FormatError, match="FID-2495"):
        tms.read(content, strictness="raise")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"%=TMS 1.0", b"%=TMS 2.0", "FID-2490"),
        (b"%=TMS 1.0", b"%=SNX 2.0", "FID-2490"),
        (b"-TIMESERIES/EVENT\n", b"", "FID-2496"),
        (b"-TIMESERIES/EVENT", b"-TIMESERIES/DATA", "FID-2496"),
        (b"+TIMESERIES/EVENT", b"+TIMESERIES/DESCRIPTION", "FID-2496"),
        (b"+SITE/ANTENNA", b" stray line\n+SITE/ANTENNA", "FID-2496"),
        (b"\n     3 EAST ", b"\n     4 EAST ", "FID-2497"),
        (b" NORTH ", b" NARTH ", "FID-2497"),
        (b" YYYY-MM-DD ", b" DATE ", "ok"),
        (b"UP                  m", b"UP                  mm", "FID-2497"),
        (b"2008-01-09", b"2008-02-30", "FID-2491"),
        (b"2008-01-09", b"0008-01-09", "FID-2493"),
        (b"2008-01-09", b"2008-01-9x", "FID-2491"),
        (b" 4331296.8563", b"    1296.8563", "FID-2491"),
        (b" 2008-01-10  ", b" 2008-01-10  1.0 ", "FID-2491"),
    ],
)
def test_damage_is_refused(old, new, code):
    content = factory.tms(VALUES)
    assert old in content
    if code == "ok":
        assert tms.read(content.replace(old, new, 1)).size == 10
        return
    with pytest.raises(FormatError, match=code):
        tms.read(content.replace(old, new, 1), name="x.tms")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.9, 0.98])
def test_cut_files_are_refused(share):
    content = factory.tms(VALUES, end=False)
    with pytest.raises(FormatError, match=r"FID-249[0126]"):
        tms.read(content[: int(share * len(content))])


def test_a_file_without_rows_or_reference_is_refused():
    with pytest.raises(FormatError, match="FID-2496"):
        tms.read(factory.tms(VALUES[:0]))
    geocentric = factory.tms(VALUES, titles=(("MJD", ""), ("X", "m"), ("Y", "m"), ("Z", "m")))
    with pytest.raises(FormatError, match="FID-2496"):
        tms.read(geocentric.replace(b"REF_COORDINATE", b"OTHER_COORD"))


def test_the_frame_of_the_caller_must_agree():
    assert tms.read(factory.tms(VALUES), frame="ITRF2014").frame == "IGb14"
    with pytest.raises(InputError, match="FID-1332"):
        tms.read(factory.tms(VALUES), frame="IGS20")


def test_written_series_are_read_back_with_events(tmp_path):
    events = (SeriesEvent(factory.START + factory.DAY, "earthquake", "M 6.1 near by"),
              SeriesEvent(factory.START + 2 * factory.DAY, "ELV", "mask", is_step=False))  # fmt: skip
    given = factory.series(VALUES, events=events, reference_epoch=np.datetime64("2010-01-01", "ns"))
    tms.write(given, tmp_path / "a.tms")
    found = tms.read(tmp_path / "a.tms", strictness="raise")
    for name in ("epochs", "displacement_m", "sigma_m", "correlation", "reference_xyz_m"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))
    assert (found.events, found.frame, found.reference_epoch) == (events, "IGS20", given.reference_epoch)


@pytest.mark.parametrize(
    "change",
    [
        {"station": "A B"},
        {"filtered": True},
        {"frame": "my frame"},
        {"epochs": factory.START + np.arange(10) * np.timedelta64(1_500_000_001, "ns")},
        {"axes": "xyz", "reference_xyz_m": np.full(3, np.nan)},
        {"events": (SeriesEvent(factory.START, "two words"),)},
    ],
)
def test_what_the_format_cannot_hold_is_refused(change):
    with pytest.raises(FormatError, match="FID-2498"):
        tms.to_bytes(factory.series(VALUES, **change))
