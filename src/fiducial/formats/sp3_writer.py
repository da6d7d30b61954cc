"""Text of an SP3-d file, all records at once as a byte matrix."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.sp3_header import Sp3Header
from fiducial.formats.sp3_records import MISSING_MICRO
from fiducial.geodesy.frames import same_frame
from fiducial.orbits.orbit import CONSTELLATIONS, Array, Orbit, RecordFlag

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

POSITION_BASE: Final = 1.25
CLOCK_BASE: Final = 1.025
_COMMENT_CHARACTERS: Final = 77
_LEAST_COMMENTS: Final = 4
_LEAST_SATELLITE_LINES: Final = 5
_SATELLITES_A_LINE: Final = 17
_FILE_TYPES: Final = "GRECJIL"
_GPS_ZERO: Final = np.datetime64("1980-01-06T00:00:00", "ns")
_GPS_ZERO_MJD: Final = 44_244
_DAY_NS: Final = 86_400 * 10**9
_LAST_EPOCH: Final = np.datetime64("2200-01-01T00:00:00", "ns")
_RECORD_BYTES: Final = 80
_FLAG_COLUMNS: Final = (
    (74, "E", RecordFlag.CLOCK_EVENT), (75, "P", RecordFlag.CLOCK_PREDICTED),
    (78, "M", RecordFlag.MANOEUVRE), (79, "P", RecordFlag.ORBIT_PREDICTED),
)  # fmt: skip


def sp3_text(orbit: Orbit, header: Sp3Header) -> bytes:
    """Return the file; see :func:`fiducial.formats.sp3.to_bytes`."""
    if not orbit.epochs_gps.size or not orbit.satellites:
        fix = "give at least one epoch and one satellite"
        raise FormatError("FID-2411", "there is no record to write", where="SP3 to write", fix=fix)
    for satellite in orbit.satellites:
        if re.fullmatch(rf"[{''.join(CONSTELLATIONS)}]\d\d", satellite, re.ASCII) is None or satellite[1:] == "00":
            raise _refused(f"satellite name {satellite!r}", "a letter and two digits, such as G01")
    # Years of four digits and a GPS week of four digits.
    if orbit.epochs_gps[0] < _GPS_ZERO or orbit.epochs_gps[-1] >= _LAST_EPOCH:
        raise _refused("an epoch before GPS time began or after 2199", "epochs in GPS time")
    if np.any(orbit.epochs_gps.astype("datetime64[ns]").astype(np.int64) % 10):
        raise _refused("an epoch that is no multiple of 10 ns", "epochs with eight decimals of a second")
    return _header(orbit, header) + _body(orbit) + b"EOF\n"


def _refused(what: str, fix: str) -> FormatError:
    return FormatError("FID-2410", f"{what} does not fit SP3", where="SP3 to write", fix=fix)


def _epoch_text(epoch: np.datetime64) -> str:
    day, _, time = str(epoch.astype("datetime64[ns]")).partition("T")
    year, month, date = day.split("-")
    hour, minute, second = time.split(":")
    whole, _, fraction = second.partition(".")
    return f"{year} {int(month):2d} {int(date):2d} {int(hour):2d} {int(minute):2d} {int(whole):2d}.{fraction[:8]}"


def _text(value: str, width: int, what: str) -> str:
    if len(value) > width or not all(" " <= letter <= "~" or "\xa1" <= letter <= "\xff" for letter in value):
        raise _refused(f"{what} {value!r}", f"give at most {width} printable characters of Latin-1")
    return value


def _header(orbit: Orbit, header: Sp3Header) -> bytes:
    first = orbit.epochs_gps[0]
    # Whole numbers: a double holds nanoseconds of a few months only.
    days, fraction = divmod(int((first - _GPS_ZERO).astype("timedelta64[ns]").astype(np.int64)), _DAY_NS)
    week, weekday = divmod(days, 7)
    rest, day = weekday * _DAY_NS + fraction, _GPS_ZERO_MJD + days
    interval_s = orbit.interval_s if orbit.epochs_gps.size > 1 else 0.0
    if interval_s >= 99_999.999_999_99 or week > 9999 or orbit.epochs_gps.size > 9_999_999:
        raise _refused("the interval or the number of epochs", "an interval below 27 hours")
    mode = "P" if orbit.velocity_m_per_s is None and orbit.clock_rate is None else "V"
    words = (
        f"{_text(header.data_used, 5, 'data used'):>5} {_frame_label(orbit, header):<5} "
        f"{_text(header.orbit_type, 3, 'orbit type'):>3} {_text(header.agency, 4, 'agency'):>4}"
    )
    lines = [
        f"#d{mode}{_epoch_text(first)} {orbit.epochs_gps.size:7d} {words}",
        f"## {week:4d} {_decimal(rest, 8, 15)} {interval_s:14.8f} {day:5d} {_decimal(fraction * 100 // 864, 13, 15)}",
        *_satellite_lines(orbit),
        f"%c {_file_type(orbit.satellites):<2} cc GPS ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        "%c cc cc ccc ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        f"%f {POSITION_BASE:10.7f} {CLOCK_BASE:12.9f} {0:14.11f} {0:18.15f}",
        f"%f {0:10.7f} {0:12.9f} {0:14.11f} {0:18.15f}",
        *("%i    0    0    0    0      0      0      0      0         0",) * 2,
    ]
    comments = [_text(text.rstrip(), _COMMENT_CHARACTERS, "comment") for text in header.comments]
    comments += [""] * (_LEAST_COMMENTS - len(comments))
    lines += [f"/* {text}".ljust(60) for text in comments]
    return "".join(f"{line}\n" for line in lines).encode("latin-1")


def _decimal(value: int, decimals: int, width: int) -> str:
    """Print a whole number of nanoseconds, or of 1e-13 days, without a detour through floating point."""
    scale = 10**9 if decimals == 8 else 10**decimals
    whole, part = divmod(value, scale)
    digits = f"{part:0{len(str(scale)) - 1}d}"[:decimals]
    return f"{whole}.{digits}".rjust(width)


def _file_type(satellites: tuple[str, ...]) -> str:
    letters = {satellite[0] for satellite in satellites}
    only = letters.pop()
    return only if not letters and only in _FILE_TYPES else "M"


def _frame_label(orbit: Orbit, header: Sp3Header) -> str:
    label = header.frame_label
    if label and orbit.frame and label != orbit.frame and not same_frame(label, orbit.frame):
        raise _refused(
            f"frame {orbit.frame} under the label {label!r}", "give one name of the frame, or leave the label empty"
        )
    return _text(label or orbit.frame, 5, "coordinate system")


def _satellite_lines(orbit: Orbit) -> list[str]:
    count = max(_LEAST_SATELLITE_LINES, -(-len(orbit.satellites) // _SATELLITES_A_LINE))
    fillers = count * _SATELLITES_A_LINE - len(orbit.satellites)
    names = [*orbit.satellites, *["  0"] * fillers]
    codes = [*(_accuracy_code(orbit.accuracy_m.get(name)) for name in orbit.satellites), *[0] * fillers]
    rows = [slice(row * _SATELLITES_A_LINE, (row + 1) * _SATELLITES_A_LINE) for row in range(count)]
    heads = [f"+ {len(orbit.satellites):4d}   ", *["+        "] * (count - 1)]
    first = [head + "".join(names[row]) for head, row in zip(heads, rows, strict=True)]
    return first + ["++       " + "".join(f"{code:3d}" for code in codes[row]) for row in rows]


def _accuracy_code(accuracy_m: float | None) -> int:
    if accuracy_m is None or np.isnan(accuracy_m):
        return 0
    if not 0 < accuracy_m < np.inf:
        raise _refused(f"accuracy {accuracy_m} m", "leave out the accuracy of a satellite that has none")
    return int(np.clip(np.rint(np.log2(accuracy_m * 1000)), 1, 99))


def _body(orbit: Orbit) -> bytes:
    epochs, satellites = orbit.clock_s.shape
    kinds = [_position_rows(orbit)]
    if orbit.velocity_m_per_s is not None or orbit.clock_rate is not None:
        kinds.append(_velocity_rows(orbit))
    width = _RECORD_BYTES + 1
    records = np.stack([rows.reshape(epochs, satellites, width) for rows in kinds], axis=2).reshape(epochs, -1)
    epoch_lines = "".join(f"*  {_epoch_text(epoch)}\n" for epoch in orbit.epochs_gps).encode("ascii")
    heads = np.frombuffer(epoch_lines, dtype=np.uint8).reshape(epochs, -1)
    return np.concatenate((heads, records), axis=1).tobytes()


def _position_rows(orbit: Orbit) -> Bytes:
    rows = _blank_rows(orbit, "P")
    _print_vector(rows, orbit.position_m.reshape(-1, 3), 1e3, "position")
    _print_clock(rows, orbit.clock_s.ravel(), 1e12, "clock")
    if orbit.position_sigma_m is not None:
        for axis, column in enumerate((61, 64, 67)):
            sigma_mm = orbit.position_sigma_m[..., axis].ravel() * 1e3
            _print_exponents(rows, sigma_mm, POSITION_BASE, slice(column, column + 2))
    if orbit.clock_sigma_s is not None:
        _print_exponents(rows, orbit.clock_sigma_s.ravel() * 1e12, CLOCK_BASE, slice(70, 73))
    if orbit.flags is not None:
        for column, letter, bit in _FLAG_COLUMNS:
            rows[(orbit.flags.ravel() & int(bit)) != 0, column] = ord(letter)
    return rows


def _velocity_rows(orbit: Orbit) -> Bytes:
    rows = _blank_rows(orbit, "V")
    shape = orbit.clock_s.shape
    velocity = np.full((*shape, 3), np.nan) if orbit.velocity_m_per_s is None else orbit.velocity_m_per_s
    _print_vector(rows, velocity.reshape(-1, 3), 1e7, "velocity")
    rate = np.full(shape, np.nan) if orbit.clock_rate is None else orbit.clock_rate
    _print_clock(rows, rate.ravel(), 1e16, "clock rate")
    return rows


def _blank_rows(orbit: Orbit, letter: str) -> Bytes:
    rows = np.full((orbit.clock_s.size, _RECORD_BYTES + 1), ord(" "), dtype=np.uint8)
    rows[:, 0] = ord(letter)
    rows[:, _RECORD_BYTES] = ord("\n")
    names = np.frombuffer("".join(orbit.satellites).encode("ascii"), dtype=np.uint8).reshape(-1, 3)
    rows[:, 1:4] = np.tile(names, (orbit.epochs_gps.size, 1))
    return rows


def _print_vector(rows: Bytes, values: Array, scale: float, what: str) -> None:
    absent: NDArray[np.bool_] = np.isnan(values)
    missing: NDArray[np.bool_] = np.all(absent, axis=1)
    if np.any(np.any(absent, axis=1) & ~missing):
        raise _refused(f"a {what} of which a component is missing", "give all three or none")
    micro = _micro(np.where(missing[:, None], 0.0, values), scale, what)
    if np.any(~missing & ~micro.any(axis=1)):
        raise _refused(f"a {what} of three zeros, which would be read as missing,", "NaN where it is unknown")
    for axis, column in enumerate((4, 18, 32)):
        _print_decimals(rows, micro[:, axis], column)


def _print_clock(rows: Bytes, values: Array, scale: float, what: str) -> None:
    missing = np.isnan(values)
    micro = _micro(np.where(missing, 0.0, values), scale, what)
    _print_decimals(rows, np.where(missing, MISSING_MICRO + 999_999, micro), 46)


def _micro(values: Array, scale: float, what: str) -> Integers:
    """Millionths of the printed unit, refused from 999999 on, which means missing."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * scale)
    if not np.all(np.abs(scaled) < MISSING_MICRO):
        raise _refused(
            f"a {what} that is infinite or of 999999 printed units and more", "correct it, or NaN for missing"
        )
    return scaled.astype(np.int64)


def _print_decimals(rows: Bytes, micro: Integers, column: int) -> None:
    """Print ``F14.6`` from the last digit to the first."""
    rest = np.abs(micro)
    sign_place = np.full(micro.size, column + 6)
    for place in range(column + 13, column - 1, -1):
        if place == column + 7:
            rows[:, place] = ord(".")
            continue
        # The digit before the point is printed even if it is 0.
        wanted = (rest > 0) | (place >= column + 6)
        if not wanted.any():
            break
        quotient = rest // 10
        digit = (rest - quotient * 10 + ord("0")).astype(np.uint8)
        rows[:, place] = np.where(wanted, digit, np.uint8(ord(" ")))
        sign_place[wanted] = place
        rest = quotient
    negative = np.flatnonzero(micro < 0)
    rows[negative, sign_place[negative] - 1] = ord("-")


def _print_exponents(rows: Bytes, sigma: Array, base: float, columns: slice) -> None:
    """Print exponents of standard deviations; blank where unknown."""
    stated = ~np.isnan(sigma)
    if np.any(sigma[stated] < 0) or np.any(np.isinf(sigma)):
        raise _refused("a standard deviation that is negative or infinite", "give NaN where it is unknown")
    width = columns.stop - columns.start
    # Below the least exponent, and for the 0 of a single centre, the least one is the nearest.
    exponents = np.rint(np.log(np.where(stated, np.maximum(sigma, 1e-9), 1.0)) / np.log(base))
    whole = np.clip(exponents, 1, 10**width - 1).astype(np.int64)
    for power in range(width):
        digit = (whole // 10**power % 10 + ord("0")).astype(np.uint8)
        shown = stated & (whole >= 10**power)
        rows[:, columns.stop - 1 - power] = np.where(shown, digit, np.uint8(ord(" ")))
