"""Units of SINEX and what they become: SI, with years and days kept where the format has rates."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD

_MAS: Final = MILLIARCSECOND_RAD

UNITS: Final = {
    "m": ("m", 1.0), "mm": ("m", 1e-3), "cm": ("m", 1e-2), "km": ("m", 1e3),
    "m/y": ("m/yr", 1.0), "m/yr": ("m/yr", 1.0), "mm/y": ("m/yr", 1e-3), "cm/y": ("m/yr", 1e-2),
    "m/y2": ("m/yr2", 1.0), "m/d": ("m/d", 1.0), "m/h": ("m/h", 1.0),
    "rad": ("rad", 1.0), "mas": ("rad", _MAS), "as": ("rad", 1e3 * _MAS), "uas": ("rad", 1e-3 * _MAS),
    "ma/d": ("rad/d", _MAS), "mas/d": ("rad/d", _MAS), "m/as": ("m/as", 1.0),
    "ma/y": ("rad/yr", _MAS), "mas/y": ("rad/yr", _MAS), "rd/y": ("rad/yr", 1.0), "r/y": ("rad/yr", 1.0),
    "mad2": ("rad/d2", _MAS), "rad/s": ("rad/s", 1.0),
    "s": ("s", 1.0), "ms": ("s", 1e-3), "us": ("s", 1e-6), "ns": ("s", 1e-9),
    "s/d": ("s/d", 1.0), "ms/d": ("s/d", 1e-3), "msd": ("s/d", 1e-3), "msd2": ("s/d2", 1e-3), "ms/y": ("s/yr", 1e-3),
    "ppb": ("1", 1e-9), "pp/y": ("1/yr", 1e-9), "1": ("1", 1.0), "": ("1", 1.0), "----": ("1", 1.0),
    "y": ("yr", 1.0), "yr": ("yr", 1.0), "hPa": ("Pa", 1e2), "K": ("K", 1.0), "deg": ("rad", np.pi / 180.0),
}  # fmt: skip
"""Printed unit -> unit of the result and the factor to it (SINEX 2.02, appendix I, and what files hold)."""

_YEARS: Final = ("TEXP_", "TLOG_")


def runs(words: NDArray[np.generic]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where runs of equal texts (of a multiple of four bytes) start, and to which run each text belongs."""
    other = np.zeros(len(words), dtype=np.bool_)
    if len(words):
        # Whole numbers are compared faster than the texts that they make.
        number = np.uint32 if words.itemsize % 8 else np.uint64
        for part in np.ascontiguousarray(words).view(number).reshape(len(words), -1).T:
            other[1:] |= part[1:] != part[:-1]
    run = np.cumsum(other, dtype=np.intp)
    other[:1] = True
    return np.flatnonzero(other), run


def si_units(
    types: NDArray[np.str_], printed: NDArray[np.str_]
) -> tuple[NDArray[np.str_], NDArray[np.float64], list[str]]:
    """Return units and factors of parameters, and the printed units that are not known.

    Parameters
    ----------
    types, printed : ndarray of str, shape (n,)

    Returns
    -------
    units : ndarray of str, shape (n,)
        An unknown unit is kept as printed.
    factors : ndarray, shape (n,)
        Value in ``units`` = factor times printed value; 1 for an unknown unit.
    unknown : list of str

    Notes
    -----
    The post-seismic files of ITRF2020 print ``m`` for time constants; they are years.
    """
    # Neighbours mostly have one unit: each run is looked up once.
    heads, run = runs(printed)
    names = printed[heads].tolist()
    known = {name: UNITS.get(name, (name, 1.0)) for name in dict.fromkeys(names)}
    index = {name: place for place, name in enumerate(known)}
    place = np.array([index[name] for name in names], dtype=np.intp)[run]
    units = np.array([unit for unit, _ in known.values()], dtype="U8")[place]
    factors = np.array([factor for _, factor in known.values()], dtype=np.float64)[place]
    # Few files have such parameters, and first letters are compared much faster than beginnings.
    if len(types) and (np.ascontiguousarray(types).view(np.uint32).reshape(len(types), -1)[:, 0] == ord("T")).any():
        constants = np.strings.startswith(types, _YEARS[0]) | np.strings.startswith(types, _YEARS[1])
        constants &= np.isin(printed, ("m", "y", "yr", ""))
        units[constants], factors[constants] = "yr", 1.0
    return units, factors, sorted(known.keys() - UNITS.keys())
