"""Time scales and calendar conversions; every epoch is ``datetime64[ns]`` in a scale that is named."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import EGMS_YEAR_DAYS, TAI_MINUS_GPS_S
from fiducial.errors import InputError

Epochs = NDArray[np.datetime64]

# IERS Bulletin C: UTC instants from which TAI-UTC takes the value beside them.
_LEAP_SECONDS: Final = (
    ("1972-01-01", 10), ("1972-07-01", 11), ("1973-01-01", 12), ("1974-01-01", 13), ("1975-01-01", 14),
    ("1976-01-01", 15), ("1977-01-01", 16), ("1978-01-01", 17), ("1979-01-01", 18), ("1980-01-01", 19),
    ("1981-07-01", 20), ("1982-07-01", 21), ("1983-07-01", 22), ("1985-07-01", 23), ("1988-01-01", 24),
    ("1990-01-01", 25), ("1991-01-01", 26), ("1992-07-01", 27), ("1993-07-01", 28), ("1994-07-01", 29),
    ("1996-01-01", 30), ("1997-07-01", 31), ("1999-01-01", 32), ("2006-01-01", 33), ("2009-01-01", 34),
    ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37),
)  # fmt: skip
_LEAP_INSTANT_UTC: Final = np.array([day for day, _ in _LEAP_SECONDS], dtype="datetime64[ns]")
_TAI_MINUS_UTC_S: Final = np.array([seconds for _, seconds in _LEAP_SECONDS], dtype=np.int64)


def tai_minus_utc_s(epochs_utc: Epochs) -> NDArray[np.int64]:
    """Return TAI - UTC in whole seconds.

    Parameters
    ----------
    epochs_utc : ndarray of datetime64, any shape
        Instants in UTC, not before 1972-01-01.

    Raises
    ------
    InputError
        FID-1010 before 1972, when UTC was not stepped by whole seconds, and for NaT.

    Notes
    -----
    IERS Bulletin C; datetime64 cannot name the 61st second of a leap minute.
    """
    epochs = np.asarray(epochs_utc, dtype="datetime64[ns]")
    index = _leap_index(_LEAP_INSTANT_UTC, epochs)
    return _TAI_MINUS_UTC_S[index]


def _leap_index(instants: Epochs, epochs: Epochs) -> NDArray[np.intp]:
    index = np.searchsorted(instants, epochs, side="right") - 1
    # NaT sorts behind every date and would get the newest value.
    if np.any(index < 0) or np.any(np.isnat(epochs)):
        raise InputError(
            "FID-1010",
            "an epoch is missing, or in UTC before 1972, which has no whole leap seconds",
            where="epoch",
            fix="give epochs from 1972-01-01 on",
        )
    return np.asarray(index)


def gps_from_utc(epochs_utc: Epochs) -> Epochs:
    """Convert UTC to GPS time.

    Examples
    --------
    >>> gps_from_utc(np.datetime64("2024-09-19T00:00:00"))
    np.datetime64('2024-09-19T00:00:18.000000000')
    """
    offset = tai_minus_utc_s(epochs_utc) - TAI_MINUS_GPS_S
    epochs: Epochs = np.asarray(epochs_utc, dtype="datetime64[ns]") + offset.astype("timedelta64[s]")
    return epochs


def utc_from_gps(epochs_gps: Epochs) -> Epochs:
    """Convert GPS time to UTC; the inverse of :func:`gps_from_utc` outside leap seconds."""
    epochs = np.asarray(epochs_gps, dtype="datetime64[ns]")
    leap_instant_gps = gps_from_utc(_LEAP_INSTANT_UTC)
    index = _leap_index(leap_instant_gps, epochs)
    utc: Epochs = epochs - (_TAI_MINUS_UTC_S[index] - TAI_MINUS_GPS_S).astype("timedelta64[s]")
    return utc


def egms_years(epochs: Epochs) -> NDArray[np.float64]:
    """Return the time argument of every EGMS statistic: days since the first epoch / 365.

    Parameters
    ----------
    epochs : ndarray of datetime64, shape (epoch,)
        Scene dates in UTC, increasing.

    Returns
    -------
    ndarray of float64, shape (epoch,)
        Years of 365 days (EGMS-D6-PDD v3.0, pseudo-code of the velocity).

    Examples
    --------
    >>> egms_years(np.array(["2020-01-03", "2021-01-02"], dtype="datetime64[D]"))
    array([0., 1.])
    """
    days = (np.asarray(epochs) - np.asarray(epochs)[0]) / np.timedelta64(1, "D")
    return np.asarray(days / EGMS_YEAR_DAYS, dtype=np.float64)
