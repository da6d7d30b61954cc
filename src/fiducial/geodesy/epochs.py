"""Decimal years: the epochs of coordinates in terrestrial frames, and of trajectory models."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError

Array = NDArray[np.float64]

EARLIEST_EPOCH: Final = 1900.0
LATEST_EPOCH: Final = 2100.0
"""Outside these years a number is no decimal year, but a Julian date, a GPS week or a day of the year."""


def require_epochs(epoch_yr: ArrayLike | None, points: int) -> Array:
    """Return one decimal year a point.

    Raises
    ------
    InputError
        FID-1310 when there is none or a NaN, FID-1311 outside 1900 to 2100, FID-1314 for another number of them.
    """
    epochs = np.asarray(np.nan if epoch_yr is None else epoch_yr, dtype=np.float64)
    if np.isnan(epochs).any():
        raise InputError("FID-1310", "no epoch is given; coordinates in a terrestrial frame move by centimetres a year",
                         where="epoch", fix="give the decimal year or date that the coordinates hold at, such as 2010.0"
                         )  # fmt: skip
    if epochs.ndim > 1 or (epochs.ndim == 1 and len(epochs) != points):
        raise InputError("FID-1314", f"epochs of shape {epochs.shape} for {points} positions", where="epoch",
                         fix="give one epoch for all positions, or one for each")  # fmt: skip
    wrong = epochs[(epochs < EARLIEST_EPOCH) | (epochs > LATEST_EPOCH)]
    if wrong.size:
        raise InputError("FID-1311", f"{wrong.flat[0]:g} is no decimal year between 1900 and 2100", where="epoch",
                         fix="give a decimal year such as 2010.0 or a date such as 2010-01-01")  # fmt: skip
    return np.full(points, epochs) if epochs.ndim == 0 else epochs


def decimal_year(epochs: ArrayLike) -> Array:
    """Return decimal years of dates: the year plus the elapsed part of it, so that 2010-01-01 is 2010.0.

    Parameters
    ----------
    epochs : array_like of datetime64 or ISO 8601 text

    Raises
    ------
    InputError
        FID-1311 for text that is no date; FID-1310 for NaT.

    Notes
    -----
    Julian epochs, 2000 + (MJD - 51544.5) / 365.25, differ by up to 0.003 yr: 0.15 mm at 50 mm/yr. The time scale makes
    no difference here.

    Examples
    --------
    >>> decimal_year(["2010-01-01", "2020-07-02"]).tolist()
    [2010.0, 2020.5]
    """
    try:
        instants = np.asarray(epochs, dtype="datetime64[us]")
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError("FID-1311", f"{epochs!r} is no date", where="epoch", fix="give ISO dates such as 2010-01-01"
                         ) from error  # fmt: skip
    years = instants.astype("datetime64[Y]")
    start, end = years.astype("datetime64[us]"), (years + 1).astype("datetime64[us]")
    fraction = (instants - start) / (end - start)
    decimal = np.where(np.isnat(instants), np.nan, years.astype(np.int64) + 1970 + fraction)
    return require_epochs(np.asarray(decimal, dtype=np.float64).reshape(-1), np.size(decimal)).reshape(
        np.shape(decimal)
    )


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?Z?")


def parse_epoch(text: str) -> float:
    """Return the decimal year that a user or a table writes: a decimal year or an ISO 8601 date.

    Raises
    ------
    InputError
        FID-1310 for an empty text; FID-1311 for anything else, and outside 1900 to 2100.

    Examples
    --------
    >>> parse_epoch("2010.5"), parse_epoch("2020-07-02")
    (2010.5, 2020.5)
    """
    plain = text.strip()
    if not plain:
        return float(require_epochs(None, 1)[0])
    if _DATE.fullmatch(plain):
        return float(decimal_year(plain.removesuffix("Z")))
    if re.fullmatch(r"\d{4}(\.\d*)?", plain):
        return float(require_epochs(float(plain), 1)[0])
    raise InputError("FID-1311", f"{text!r} is neither a decimal year nor an ISO date", where="epoch",
                     fix="give a decimal year such as 2010.0 or a date such as 2010-01-01")  # fmt: skip
