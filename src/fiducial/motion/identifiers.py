"""EGMS point identifiers and burst numbers: base-62 codecs and the burst grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.constants import (
    SENTINEL1_BURST_TIME_BEAM_S,
    SENTINEL1_BURST_TIME_PREAMBLE_S,
    SENTINEL1_ORBIT_TIME_S,
)
from fiducial.errors import InputError

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PROVIDERS: Final = ("UNDEFINED", "EGEOS", "GAF", "NORCE", "TREA")
"""Production facilities by their number; a later one is only a number here."""

POLARISATIONS: Final = ("HH", "HV", "VH", "VV")
PID_LENGTH: Final = 10

_LIMITS: Final = {
    "provider": 62, "track": 256, "burst": 4096, "swath": 4, "polarisation": 4, "line": 65536, "pixel": 65536,
}  # fmt: skip

_SYMBOLS: Final = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_VALUE_OF_SYMBOL: Final = np.full(256, -1, dtype=np.int64)
_VALUE_OF_SYMBOL[_SYMBOLS] = np.arange(62)


@dataclass(frozen=True)
class PointIds:
    """Decoded identifiers of Level 2 points; every array has shape (point,).

    Attributes
    ----------
    provider : ndarray of int64
        Production facility, see :func:`provider_name`.
    track, burst, swath : ndarray of int64
        Relative orbit 1..175, EGMS burst number, sub-swath 1..3.
    polarisation : ndarray of int64
        Index into ``POLARISATIONS``.
    line, pixel : ndarray of int64
        Position in the reference burst.
    """

    provider: NDArray[np.int64]
    track: NDArray[np.int64]
    burst: NDArray[np.int64]
    swath: NDArray[np.int64]
    polarisation: NDArray[np.int64]
    line: NDArray[np.int64]
    pixel: NDArray[np.int64]


def _digits(values: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
    text = np.empty((len(values), length), dtype=np.uint8)
    rest = values.copy()
    for position in range(length - 1, -1, -1):
        rest, digit = np.divmod(rest, 62)
        text[:, position] = _SYMBOLS[digit]
    return text


def _assemble(parts: list[NDArray[np.uint8]]) -> NDArray[np.str_]:
    text = np.ascontiguousarray(np.concatenate(parts, axis=1))
    return text.view(f"S{text.shape[1]}").ravel().astype(f"U{text.shape[1]}")


def _symbol_values(pids: ArrayLike) -> NDArray[np.int64]:
    """Return base-62 values, shape (point, 10); -1 where a symbol is not of the alphabet or is missing."""
    # A reader hands over ASCII bytes; text from elsewhere may hold anything, and then is no PID.
    array = np.asarray(pids)
    if array.dtype.kind != "S":
        array = np.char.encode(array.astype(np.str_), "ascii", "replace")
    width = max(array.dtype.itemsize, PID_LENGTH)
    raw = np.ascontiguousarray(array.astype(f"S{width}")).view(np.uint8).reshape(array.size, width)
    values = _VALUE_OF_SYMBOL[raw[:, :PID_LENGTH]]
    values[np.any(raw[:, PID_LENGTH:] != 0, axis=1)] = -1
    return values


def _number(values: NDArray[np.int64]) -> NDArray[np.int64]:
    number = np.zeros(len(values), dtype=np.int64)
    for position in range(values.shape[1]):
        number = number * 62 + values[:, position]
    return number


def decode_points(pids: ArrayLike) -> PointIds:
    """Decode Level 2 point identifiers.

    Parameters
    ----------
    pids : array_like of str, shape (point,)
        Ten base-62 symbols each.

    Returns
    -------
    PointIds
        Fields by name; all -1 where the text is not a valid identifier.

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025): provider symbol; track<<16 | burst<<4 | swath<<2 | polarisation in four symbols;
    line<<16 | pixel in five.

    Examples
    --------
    >>> ids = decode_points(["166ax5Ofja"])
    >>> int(ids.track[0]), int(ids.burst[0]), int(ids.line[0]), int(ids.pixel[0])
    (22, 845, 1217, 4670)
    """
    values = _symbol_values(pids)
    burst_code, pixel_code = _number(values[:, 1:5]), _number(values[:, 5:])
    provider = values[:, 0]
    valid = (values >= 0).all(axis=1)
    fields = (provider, burst_code >> 16, (burst_code >> 4) & 0xFFF, (burst_code >> 2) & 3, burst_code & 3,
              pixel_code >> 16, pixel_code & 0xFFFF)  # fmt: skip
    return PointIds(*(np.where(valid, field, -1) for field in fields))


def encode_points(ids: PointIds) -> NDArray[np.str_]:
    """Encode Level 2 point identifiers; the inverse of :func:`decode_points`.

    Raises
    ------
    InputError
        FID-1021 when a field does not fit its bits, or the identifier its symbols.

    Examples
    --------
    >>> one = [np.array([value]) for value in (3, 88, 282, 2, 3, 1234, 12345)]
    >>> str(encode_points(PointIds(*one))[0])
    '3ODTn5TNYv'
    """
    for name, limit in _LIMITS.items():
        _check_fits(name, getattr(ids, name), limit)
    burst_code = ids.track << 16 | ids.burst << 4 | ids.swath << 2 | ids.polarisation
    pixel_code = ids.line << 16 | ids.pixel
    # Four and five symbols hold a little less than the 24 and 32 bits that the fields have.
    _check_fits("track", burst_code, 62**4)
    _check_fits("line", pixel_code, 62**5)
    return _assemble([_digits(ids.provider, 1), _digits(burst_code, 4), _digits(pixel_code, 5)])


def _check_fits(name: str, values: NDArray[np.int64], limit: int) -> None:
    bad = (values < 0) | (values >= limit)
    if np.any(bad):
        raise InputError(
            "FID-1021",
            f"{name} does not fit an identifier",
            where=f"point {int(np.argmax(bad))}",
            fix="number facilities, bursts, lines, pixels and cells as EGMS does",
        )


def provider_name(number: int) -> str:
    """Return the name of a production facility; ``facility N`` for a number that the document does not list."""
    return PROVIDERS[number] if 0 <= number < len(PROVIDERS) else f"facility {number}"


def encode_cells(provider: int, easting: ArrayLike, northing: ArrayLike) -> NDArray[np.str_]:
    """Encode Level 3 cell identifiers.

    Parameters
    ----------
    provider : int
        Number of the production facility.
    easting, northing : array_like, shape (cell,)
        Any coordinate of the 100 m cell, metres EPSG:3035.

    Raises
    ------
    InputError
        FID-1021 when provider or position does not fit.

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025): floor(northing / 100) * 2^32 + floor(easting / 100) in nine symbols.

    Examples
    --------
    >>> str(encode_cells(1, [4597550], [1739750])[0])
    '10LDTjEkDv'
    """
    column = np.floor(np.asarray(easting, dtype=np.float64) / 100).astype(np.int64)
    row = np.floor(np.asarray(northing, dtype=np.float64) / 100).astype(np.int64)
    _check_fits("provider", np.array([provider]), 62)
    _check_fits("easting", column, 1 << 32)
    _check_fits("northing", row, 62**9 >> 32)
    head = np.full((len(row), 1), _SYMBOLS[provider], dtype=np.uint8)
    return _assemble([head, _digits((row << 32) + column, 9)])


def decode_cells(pids: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Decode Level 3 cell identifiers to provider and to easting and northing of the cell centre (metres); -1 if invalid."""
    values = _symbol_values(pids)
    code = _number(values[:, 1:])
    valid = (values >= 0).all(axis=1)
    easting = (code & 0xFFFFFFFF) * 100 + 50
    northing = (code >> 32) * 100 + 50
    return np.where(valid, values[:, 0], -1), np.where(valid, easting, -1), np.where(valid, northing, -1)


def burst_number(relative_orbit: int, mid_burst_anx_time_s: float) -> tuple[int, int]:
    """Return the ESA burst id and the EGMS burst number of a Sentinel-1 burst.

    Parameters
    ----------
    relative_orbit : int
        1..175.
    mid_burst_anx_time_s : float
        Seconds from the ascending node to the middle of the burst: its ANX time + lines / 2 * azimuth interval.

    Returns
    -------
    esa_burst_id, egms_burst : int

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025): id(t) = floor((t - T_pre) / T_beam) + 1, counted from the first burst of the orbit.

    Examples
    --------
    >>> burst_number(88, 775.1918283259 + 1508 / 2 * 0.0020555563)
    (187151, 282)
    """

    def esa_id(time_s: float) -> int:
        return int(np.floor((time_s - SENTINEL1_BURST_TIME_PREAMBLE_S) / SENTINEL1_BURST_TIME_BEAM_S)) + 1

    start_s = (relative_orbit - 1) * SENTINEL1_ORBIT_TIME_S
    burst_id = esa_id(start_s + mid_burst_anx_time_s)
    return burst_id, burst_id - (esa_id(start_s) + 1) + 1
