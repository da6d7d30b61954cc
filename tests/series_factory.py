"""Simulated station series, and the texts of the formats that hold them."""

from __future__ import annotations

import numpy as np

from fiducial.geodesy.coloured_noise import fractional_integration_weights
from fiducial.stations.series import StationSeries, julian_years

START = np.datetime64("2008-01-06", "ns")
DAY = np.timedelta64(1, "D")
XYZ = np.array([4331296.8563, 567556.1478, 4633134.1074])
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def flicker(rng, days, columns, amplitude_m):
    """Daily flicker noise, shape (day, column); the amplitude is in m / yr^0.25."""
    length = 2 ** int(np.ceil(np.log2(2 * days)))
    response = np.fft.rfft(fractional_integration_weights(-1.0, days), length)[:, None]
    white = np.fft.rfft(rng.standard_normal((days, columns)), length, axis=0)
    return amplitude_m * 365.25**-0.25 * np.fft.irfft(response * white, length, axis=0)[:days]


def series(values, *, station="SIMU", epochs=None, **other):
    """A series of values, shape (epoch, 3), m, daily by default."""
    values = np.asarray(values, dtype=float)
    epochs = START + np.arange(len(values)) * DAY if epochs is None else np.asarray(epochs, dtype="datetime64[ns]")
    given = {"sigma_m": np.full_like(values, 0.001), "correlation": np.zeros_like(values), "reference_xyz_m": XYZ,
             "frame": "IGS20", **other}  # fmt: skip
    return StationSeries(station, epochs, "GPS", values, **given)


def years_of(days):
    return julian_years(START + np.arange(days) * DAY)


def linear(days, velocity=(0.02, 0.015, -0.001), noise_m=0.0, seed=1):
    """A line with white noise, daily."""
    rng = np.random.default_rng(seed)
    years = years_of(days)
    return np.outer(years - years[0], velocity) + noise_m * rng.standard_normal((days, 3))


def _dated(day):
    date = (START.astype("datetime64[D]") + day).astype(object)
    mjd = 54471 + day
    year = 2000 + (mjd - 51544) / 365.25
    gps = mjd - 44244
    return f"{date.year % 100:02d}{MONTHS[date.month - 1]}{date.day:02d} {year:9.4f} {mjd} {gps // 7:4d} {gps % 7}"


def tenv(values, station="SIMU"):
    """Rows of 16 columns as bytes."""
    rows = [
        f"{station} {_dated(day)} {e:10.6f} {n:10.6f} {u:10.6f}  0.0083 0.000496 0.000634 0.001802  0.000401 -0.026697 -0.096056"
        for day, (e, n, u) in enumerate(values)
    ]
    return ("\n".join(rows) + "\n").encode()


def tenv3(values, station="SIMU", *, columns=23, whole=lambda _: (385, 3282129, 3624), titled=True):
    """Rows of tenv3; ``whole`` gives the metres of a day, which the fractions are less."""
    head = "site YYMMMDD yyyy.yyyy __MJD week d reflon _e0(m) __east(m) ____n0(m) _north(m) u0(m) ____up(m) _ant(m) "
    rows = [head + "sig_e(m) sig_n(m) sig_u(m) __corr_en __corr_eu __corr_nu"] if titled else []
    for day, value in enumerate(values):
        metres = whole(day)
        parts = "  ".join(f"{w} {v + o - w:10.6f}" for w, v, o in zip(metres, value, (385, 3282129, 3624), strict=True))
        place = "  29.6573392384 -268.8960142076  3624.70788" if columns == 23 else ""
        rows.append(
            f"{station} {_dated(day)}   91.1  {parts}  0.0580 0.002231 0.001932 0.008643 -0.009728 -0.044382 -0.198749{place}"
        )
    return ("\n".join(rows) + "\n").encode()


TMS_HEAD = """%=TMS 1.0 XXX 2024:042:58344 XXX 2008:006:00000 2008:006:00000 2008:016:00000 P SIMU00EUR
+SITE/ANTENNA
*STATION__ PT SOLN T __DATA_START__ __DATA_END____ DESCRIPTION_________ S/N_________________
 SIMU00EUR  A ---- P 1993:121:00000 2008:008:00000 TRM14532.00     NONE 3311A
 SIMU00EUR  A ---- P 2008:008:00000 0000:000:00000 TRM29659.00     NONE 99390
-SITE/ANTENNA
+TIMESERIES/DESCRIPTION
 REFERENCE SYSTEM: IGb14
 TIME SYSTEM: G
-TIMESERIES/DESCRIPTION
+TIMESERIES/EVENT
 SIMU00EUR  A    1 P 2008:009:00000 0000:000:00000 ELV Elevation mask set to 3 degree
-TIMESERIES/EVENT
+TIMESERIES/REF_COORDINATE
*STATION__ PT SOLN T __REF_EPOCH___ __REF_X______ __REF_Y______ __REF_Z______ SYSTEM
 SIMU00EUR  A ---- P 2019:359:00000  4331296.8563   567556.1478  4633134.1074  IGb14
-TIMESERIES/REF_COORDINATE
+TIMESERIES/COLUMNS
"""


def tms(values, *, titles=(("YYYY-MM-DD", ""), ("YEAR", "y"), ("EAST", "m"), ("NORTH", "m"), ("UP", "m")), end=True):
    """A TMS file of daily values; columns that are neither dates nor positions hold 0.0010."""
    lines = [f" {k:5d} {title:<20s}{unit:<20s}" for k, (title, unit) in enumerate(titles, 1)]
    lines += ["-TIMESERIES/COLUMNS", "+TIMESERIES/DATA", "* titles"]
    for day, value in enumerate(values):
        date = START.astype("datetime64[D]") + day
        first = date.astype("datetime64[Y]").astype("datetime64[D]")
        elapsed = int((date - first) / DAY)
        length = int(((date.astype("datetime64[Y]") + 1).astype("datetime64[D]") - first) / DAY)
        words = {"YYYY-MM-DD": str(date), "YEAR": f"{first.astype(object).year + elapsed / length:.5f}", "MJD": f"{54471 + day}.0",
                 "JD": f"{54471 + day + 2400000.5:.1f}", "YYYY-DDD": f"{first.astype(object).year}-{elapsed + 1:03d}",
                 "HH:MM:SS": "12:00:00"}  # fmt: skip
        given = dict(zip(("EAST", "NORTH", "UP"), (f"{one:.4f}" for one in value), strict=True))
        given |= dict(zip("XYZ", (f"{one:.4f}" for one in XYZ + value), strict=True))
        lines.append(" " + "  ".join((words | given).get(title, "0.0010") for title, _ in titles))
    return (TMS_HEAD + "\n".join([*lines, "-TIMESERIES/DATA", *(["%ENDTMS"] if end else [])]) + "\n").encode()
