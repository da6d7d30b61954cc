"""Writing of station series as tenv3 of the Nevada Geodetic Laboratory, 23 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.series_rows import MJD_RANGE, YEAR_ZERO_MJD
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.stations.series import StationSeries

_TITLES: Final = (
    "site YYMMMDD yyyy.yyyy __MJD week d reflon _e0(m) __east(m) ____n0(m) _north(m) u0(m) ____up(m) _ant(m) sig_e(m) "
    "sig_n(m) sig_u(m) __corr_en __corr_eu __corr_nu _latitude(deg) _longitude(deg) __height(m)"
)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_GPS_WEEK_ZERO_MJD: Final = 44_244
_MJD_OF_1970: Final = 40_587
_NAME_WIDTH: Final = 4
_LONGEST_M: Final = 900.0


def write(series: StationSeries, sink: str | Path) -> None:
    """Write a series as tenv3; see :func:`to_bytes`. The name of the file states the frame: ``ABCD.IGS20.tenv3``."""
    content = to_bytes(series)
    with atomic_file(sink) as partial:
        partial.write_bytes(content)


def to_bytes(series: StationSeries) -> bytes:
    """Return a series as tenv3.

    Parameters
    ----------
    series : StationSeries
        East, north, up in metres with sigmas and correlations, a position a day at 0 h GPS time, and a reference position.

    Returns
    -------
    bytes
        Micrometres. Latitude, longitude and height are those of the reference in every row; whole metres are 0.

    Raises
    ------
    FormatError
        FID-2498 when the format cannot hold the series.
    """
    _check(series)
    longitude, latitude, height = geodetic_from_geocentric(series.reference_xyz_m)
    place = f" {float(latitude):.10f} {float(longitude):.10f} {float(height):.5f}"
    meridian = f"{float(longitude):6.1f}"
    days = series.epochs.astype("datetime64[D]")
    rows = [_TITLES]
    values = np.column_stack([series.displacement_m, series.sigma_m, series.correlation]).tolist()
    for day, mjd, row in zip(days.astype(object), (days.astype(np.int64) + _MJD_OF_1970).tolist(), values, strict=True):
        year = 2000.0 + (mjd - YEAR_ZERO_MJD) / 365.25
        week, weekday = divmod(mjd - _GPS_WEEK_ZERO_MJD, 7)
        rows.append(
            f"{series.station} {day.year % 100:02d}{_MONTHS[day.month - 1]}{day.day:02d} {year:.4f} {mjd} {week:4d} {weekday} "
            f"{meridian}      0 {row[0]:10.6f}         0 {row[1]:10.6f}    0 {row[2]:10.6f}  0.0000 {row[3]:.6f} {row[4]:.6f} "
            f"{row[5]:.6f} {row[6]:.6f} {row[7]:.6f} {row[8]:.6f}{place}"
        )
    return ("\n".join(rows) + "\n").encode("ascii")


def _check(series: StationSeries) -> None:
    complete = np.column_stack([series.displacement_m, series.sigma_m, series.correlation])
    problem = ""
    if series.axes != "enu" or series.time_scale != "GPS" or series.filtered:
        problem = "it is not east, north, up in GPS time as published"
    elif len(series.station) != _NAME_WIDTH or not series.station.isascii() or not series.station.isalnum():
        problem = f"its name {series.station!r} has not four letters or digits"
    elif series.size == 0 or not np.isfinite(complete).all() or not np.isfinite(series.reference_xyz_m).all():
        problem = "it has no epochs, or a value, sigma, correlation or its reference position is unknown"
    elif np.abs(series.displacement_m).max() >= _LONGEST_M:
        problem = f"displacements reach {_LONGEST_M:g} m"
    elif (series.epochs != series.epochs.astype("datetime64[D]")).any():
        problem = "its epochs are not 0 h of days"
    else:
        mjd = series.epochs.astype("datetime64[D]").astype(np.int64) + _MJD_OF_1970
        if mjd[0] < MJD_RANGE[0] or mjd[-1] > MJD_RANGE[1]:
            problem = "its epochs are out of the range of the format"
    if problem:
        raise FormatError("FID-2498", f"cannot be written as tenv3: {problem}", where=f"series of {series.station}",
                          fix="write daily positions as published, with sigmas and a reference position")  # fmt: skip
