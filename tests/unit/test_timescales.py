"""Leap seconds against IERS Bulletin C, and the year of EGMS."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.timescales import egms_years, gps_from_utc, tai_minus_utc_s, utc_from_gps


def instant(text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[ns]")


@pytest.mark.parametrize(
    ("utc", "seconds"),
    [
        ("1972-01-01", 10), ("1972-06-30T23:59:59.999999999", 10), ("1972-07-01", 11), ("1980-01-06", 19),
        ("1998-12-31T23:59:59", 31), ("1999-01-01", 32), ("2005-12-31T23:59:59", 32), ("2006-01-01", 33),
        ("2016-12-31T23:59:59", 36), ("2017-01-01", 37), ("2024-09-19", 37),
    ],
)  # fmt: skip
def test_tai_minus_utc_changes_at_the_published_instants(utc, seconds):
    assert tai_minus_utc_s(instant(utc)) == seconds


def test_gps_equals_utc_at_its_epoch_and_is_18_s_ahead_now():
    assert gps_from_utc(instant("1980-01-06")) == instant("1980-01-06")
    assert gps_from_utc(instant("2024-09-19")) - instant("2024-09-19") == np.timedelta64(18, "s")


def test_utc_from_gps_inverts_on_both_sides_of_every_leap_second():
    leaps = np.array(["1981-07-01", "1990-01-01", "1999-01-01", "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01",
                      "2017-01-01"], dtype="datetime64[ns]")  # fmt: skip
    for offset in ("-1", "0", "1", "1000000000", "-1000000000"):
        utc = leaps + np.timedelta64(int(offset), "ns")
        np.testing.assert_array_equal(utc_from_gps(gps_from_utc(utc)), utc)


def test_gps_keeps_running_through_a_leap_second():
    gps = gps_from_utc(np.array(["2016-12-31T23:59:59", "2017-01-01T00:00:00"], dtype="datetime64[ns]"))
    assert np.diff(gps)[0] == np.timedelta64(2, "s")


@pytest.mark.parametrize("convert", [tai_minus_utc_s, gps_from_utc, utc_from_gps])
def test_before_1972_is_refused(convert):
    with pytest.raises(InputError) as caught:
        convert(np.array(["2020-01-01", "1971-12-31"], dtype="datetime64[ns]"))
    assert caught.value.code == "FID-1010"


def test_egms_year_has_365_days_also_in_a_leap_year():
    epochs = np.array(["2020-01-03", "2020-12-31", "2021-01-02", "2022-01-02"], dtype="datetime64[ns]")
    np.testing.assert_allclose(egms_years(epochs), [0.0, 363 / 365, 1.0, 2.0], atol=1e-15)


def test_missing_epochs_have_no_leap_seconds():
    for convert in (gps_from_utc, utc_from_gps):
        with pytest.raises(InputError, match="FID-1010"):
            convert(np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"))
