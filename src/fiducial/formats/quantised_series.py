"""Codec of displacement series: tenths of a millimetre in int16, lossless for EGMS, with the sign of zero kept aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

SCALE_MM: Final = 0.1
FILL: Final = -32768

_TILE = 64


@dataclass(frozen=True)
class QuantisedSeries:
    """Series as stored.

    Attributes
    ----------
    tenth_mm : ndarray of int16, shape (point, epoch)
        Displacement in 0.1 mm; ``FILL`` where missing.
    exact : bool
        Whether every value was a multiple of 0.1 mm inside the range.
    negative_zero_count : ndarray of int32, shape (point,)
        How many values of each point are the negative zero that EGMS prints as ``-0.0``.
    negative_zero_epoch : ndarray of uint16, shape (sum of the counts,)
        Their epoch indices, point after point.
    """

    tenth_mm: NDArray[np.int16]
    exact: bool
    negative_zero_count: NDArray[np.int32]
    negative_zero_epoch: NDArray[np.uint16]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _encode_run(
    values: NDArray[np.float32], out: NDArray[np.int16], zeros: NDArray[np.int32], bad: NDArray[np.int32]
) -> None:
    # No branch, so that the compiler makes vector code of it.
    for i in range(len(values)):
        value = values[i] * np.float32(10.0)
        nearest = np.rint(value)
        missing = np.isnan(value)
        # Tenths are exact when they give the very number back: division rounds once, as the parser did.
        fits = (abs(nearest) <= np.float32(32767)) & (nearest / np.float32(10.0) == values[i])
        bad[i] |= not (fits | missing)
        out[i] = np.int16(nearest) if fits else np.int16(FILL)
        zeros[i] += (value == np.float32(0)) & (np.float32(1) / value < np.float32(0))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _encode(series_mm: NDArray[Any], out: NDArray[np.int16], zeros: NDArray[np.int32]) -> bool:
    epochs, points = series_mm.shape
    tile = np.empty((_TILE, _TILE), dtype=np.int16)
    bad = np.zeros(_TILE, dtype=np.int32)
    # Tiles keep both the time-major source and the point-major target in the cache.
    for i0 in range(0, points, _TILE):
        width = min(_TILE, points - i0)
        for k0 in range(0, epochs, _TILE):
            height = min(_TILE, epochs - k0)
            for k in range(height):
                _encode_run(series_mm[k0 + k, i0 : i0 + width], tile[k], zeros[i0 : i0 + width], bad)
            for i in range(width):
                for k in range(height):
                    out[i0 + i, k0 + k] = tile[k, i]
    return not bad.any()


@numba.njit(cache=True, nogil=True)
def _collect_zeros(series_mm: NDArray[Any], count: NDArray[np.int32], epoch: NDArray[np.uint16]) -> None:
    position = 0
    for i in range(series_mm.shape[0]):
        if count[i] > 0:
            for k in range(series_mm.shape[1]):
                if series_mm[i, k] == 0 and np.signbit(series_mm[i, k]):
                    epoch[position] = k
                    position += 1


def encode(series_mm: NDArray[np.float32]) -> QuantisedSeries:
    """Quantise series.

    Parameters
    ----------
    series_mm : ndarray of float32, shape (point, epoch)
        Displacement in mm, NaN where missing.

    Returns
    -------
    QuantisedSeries
        With ``exact`` False when int16 tenths cannot hold the values; ``tenth_mm`` is then of no use.
    """
    out = np.empty(series_mm.shape, dtype=np.int16)
    count = np.zeros(series_mm.shape[0], dtype=np.int32)
    # The transpose of a column-contiguous table is time-major and contiguous already.
    exact = bool(_encode(np.ascontiguousarray(series_mm.T), out, count))
    epoch = np.empty(int(count.sum()), dtype=np.uint16)
    if len(epoch):
        _collect_zeros(series_mm, count, epoch)
    return QuantisedSeries(out, exact, count, epoch)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _decode_run(tenth_mm: NDArray[np.int16], out: NDArray[np.float32]) -> None:
    for i in range(len(out)):
        value = tenth_mm[i]
        out[i] = np.float32(np.nan) if value == FILL else np.float32(value) / np.float32(10.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _decode_run_corrected(
    tenth_mm: NDArray[np.int16], out: NDArray[np.float32], rate: NDArray[np.float32], years: np.float32
) -> None:
    for i in range(len(out)):
        value = tenth_mm[i]
        millimetres = np.float32(np.nan) if value == FILL else np.float32(value) / np.float32(10.0)
        out[i] = millimetres - years * rate[i]


@numba.njit(cache=True, nogil=True)
def _decode_time_major(
    stored: NDArray[Any],
    out: NDArray[np.float32],
    first: int,
    rate: NDArray[np.float32],
    years: NDArray[np.float32],
) -> None:
    points, epochs = stored.shape
    tile = np.empty((_TILE, 4 * _TILE), dtype=np.int16)
    # Tiles turn the point-major source around in the cache, so that whole rows of points are decoded as vectors.
    for i0 in range(0, points, 4 * _TILE):
        width = min(4 * _TILE, points - i0)
        own = rate[i0 : i0 + width]
        for k0 in range(0, epochs, _TILE):
            height = min(_TILE, epochs - k0)
            for i in range(width):
                for k in range(height):
                    tile[k, i] = stored[i0 + i, k0 + k]
            for k in range(height):
                row = out[k0 + k, first + i0 : first + i0 + width]
                if len(own):
                    _decode_run_corrected(tile[k], row, own, years[k0 + k])
                else:
                    _decode_run(tile[k], row)


def decode_time_major(
    stored: NDArray[np.int16],
    out: NDArray[np.float32],
    first: int = 0,
    *,
    rate_mm_per_yr: NDArray[np.float32] | None = None,
    years: NDArray[np.float32] | None = None,
) -> None:
    """Decode to mm into columns ``first ...`` of ``out``, shape (epoch, point), as the kernels want it.

    Parameters
    ----------
    stored : ndarray of int16, shape (point, epoch)
    out : ndarray of float32, shape (epoch, points of all calls)
    first : int
    rate_mm_per_yr : ndarray of float32, shape (point,), optional
        A rate to take off in the same pass.
    years : ndarray of float32, shape (epoch,), optional
        Times that belong to the rate.
    """
    none = np.empty(0, dtype=np.float32)
    rate = none if rate_mm_per_yr is None else rate_mm_per_yr
    _decode_time_major(stored, out, first, rate, none if years is None else years)


def decode_exact(
    stored: NDArray[np.int16], zero_count: NDArray[np.int32], zero_epoch: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Decode to the printed numbers, shape (point, epoch): the double nearest to each decimal, and signed zeros."""
    series = stored / 10.0
    series[stored == FILL] = np.nan
    series[np.repeat(np.arange(len(stored)), zero_count), zero_epoch] = -0.0
    return series


@numba.njit(cache=True, nogil=True)
def _hilbert(column: NDArray[np.int64], row: NDArray[np.int64], order: int, out: NDArray[np.int64]) -> None:
    for i in range(len(column)):
        x, y, distance = column[i], row[i], 0
        side = 1 << (order - 1)
        while side > 0:
            right = 1 if x & side else 0
            upper = 1 if y & side else 0
            distance += side * side * ((3 * right) ^ upper)
            if upper == 0:
                if right == 1:
                    x, y = (1 << order) - 1 - x, (1 << order) - 1 - y
                x, y = y, x
            side >>= 1
        out[i] = distance


def hilbert_order(easting: NDArray[np.float64], northing: NDArray[np.float64], bits: int = 16) -> NDArray[np.int64]:
    """Return the permutation that puts points along a Hilbert curve (Hilbert 1891) of 2^bits cells a side."""
    cells = []
    for coordinate in (easting, northing):
        low, high = float(np.min(coordinate)), float(np.max(coordinate))
        scale = ((1 << bits) - 1) / (high - low) if high > low else 0.0
        cells.append(((coordinate - low) * scale).astype(np.int64))
    distance = np.empty(len(easting), dtype=np.int64)
    _hilbert(cells[0], cells[1], bits, distance)
    return np.argsort(distance, kind="stable")
