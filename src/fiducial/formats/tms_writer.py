"""Writing of station series in the IGS exchange format SINEX TMS 1.0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.tms_columns import CORRELATIONS, GEOCENTRIC, LENGTH_LIMIT_M, LOCAL, SIGMAS, STEP_CODE
from fiducial.stations.series import SeriesEvent, StationSeries

_DAY: Final = np.timedelta64(1, "D")
_SCALE_CODES: Final = {"GPS": "G", "UTC": "UTC", "TAI": "TAI", "TT": "TT"}
_OPEN_END: Final = "0000:000:00000"
_WORD: Final = re.compile(r"[!-~]{1,20}")
_AGENCY_WIDTH: Final = 3


def write(series: StationSeries, sink: str | Path, *, agency: str = "FID") -> None:
    """Write a series as a TMS file; see :func:`to_bytes`."""
    content = to_bytes(series, agency=agency)
    with atomic_file(sink) as partial:
        partial.write_bytes(content)


def to_bytes(series: StationSeries, *, agency: str = "FID") -> bytes:
    """Return a series as TMS 1.0.

    Parameters
    ----------
    series : StationSeries
        Epochs of whole seconds. Displacements are written to the micrometre as EAST, NORTH, UP, or to ten micrometres
        as X, Y, Z; sigmas and correlations where one is known.
    agency : str
        Three characters.

    Returns
    -------
    bytes
        The same for the same series: the date of the file is that of the last position.

    Raises
    ------
    FormatError
        FID-2498 when the format cannot hold the series: none or parts of seconds in its epochs, a filtered series,
        X, Y, Z without a reference position, a name with blanks, another time scale.
    """
    _check(series, agency)
    first, last = _instant(series.epochs[0]), _instant(series.epochs[-1])
    lines = [f"%=TMS 1.0 {agency:<3s} {last} {agency:<3s} {first} {first} {last} P {series.station}"]
    blocks = {
        "FILE/REFERENCE": [f" OUTPUT             Station series of {series.station}", " SOFTWARE           Fiducial"],
        "TIMESERIES/DESCRIPTION": _description(series),
        "TIMESERIES/EVENT": [_event(series.station, one) for one in series.events],
        "TIMESERIES/REF_COORDINATE": _reference(series),
        "TIMESERIES/COLUMNS": _columns(series),
        "TIMESERIES/DATA": _data(series),
    }
    for title, rows in blocks.items():
        if rows:
            lines += [f"+{title}", *rows, f"-{title}"]
    return ("\n".join([*lines, "%ENDTMS"]) + "\n").encode("ascii", "replace")


def _check(series: StationSeries, agency: str) -> None:
    problem = ""
    if series.size == 0 or np.any(series.epochs != series.epochs.astype("datetime64[s]")):
        problem = "no epochs, or epochs that are not whole seconds"
    elif np.any(np.abs(series.displacement_m) > LENGTH_LIMIT_M / 2.0):
        problem = "displacements larger than the Earth"
    elif series.filtered:
        problem = "a common mode was removed, which the format cannot say"
    elif series.axes == "xyz" and not np.isfinite(series.reference_xyz_m).all():
        problem = "X, Y, Z without a reference position"
    elif not _WORD.fullmatch(series.station) or len(agency) > _AGENCY_WIDTH or not _WORD.fullmatch(agency):
        problem = "a name of the station or agency that is no word"
    elif series.frame is not None and not _WORD.fullmatch(series.frame):
        problem = f"the name of the frame {series.frame!r} is no word"
    elif any("\n" in one.kind + one.description or not _WORD.fullmatch(one.kind) for one in series.events):
        problem = "an event whose kind is no word or whose description has several lines"
    elif series.time_scale not in {*_SCALE_CODES, "unstated"}:
        problem = f"time scale {series.time_scale}"
    if problem:
        raise FormatError("FID-2498", f"cannot be written as TMS: {problem}", where=f"series of {series.station}",
                          fix="write the published series, with names of one word and epochs of whole seconds")  # fmt: skip


def _instant(epoch: np.datetime64) -> str:
    day = epoch.astype("datetime64[D]")
    year = day.astype("datetime64[Y]")
    seconds = int((epoch - day) / np.timedelta64(1, "s"))
    return f"{year}:{int((day - year.astype('datetime64[D]')) / _DAY) + 1:03d}:{seconds:05d}"


def _description(series: StationSeries) -> list[str]:
    lines = [] if series.frame is None else [f" REFERENCE SYSTEM: {series.frame}"]
    if series.time_scale in _SCALE_CODES:
        lines.append(f" TIME SYSTEM: {_SCALE_CODES[series.time_scale]}")
    return lines


def _event(station: str, event: SeriesEvent) -> str:
    words = f"{STEP_CODE} {event.kind}: {event.description}" if event.is_step else f"{event.kind} {event.description}"
    return f" {station:<9s}  A ---- P {_instant(event.epoch)} {_OPEN_END} {words}".rstrip()


def _reference(series: StationSeries) -> list[str]:
    if not np.isfinite(series.reference_xyz_m).all():
        return []
    epoch = _OPEN_END if np.isnat(series.reference_epoch) else _instant(series.reference_epoch)
    xyz = " ".join(f"{value:14.5f}" for value in series.reference_xyz_m)
    return [f" {series.station:<9s}  A ---- P {epoch} {xyz}  {series.frame or ''}".rstrip()]


def _titles(series: StationSeries) -> list[tuple[str, str]]:
    names = LOCAL if series.axes == "enu" else GEOCENTRIC
    titles = [("YYYY-MM-DD", ""), ("HH:MM:SS", ""), *((name, "m") for name in names)]
    if np.isfinite(series.sigma_m).any():
        titles += [(SIGMAS[name][0], "m") for name in names]
    if np.isfinite(series.correlation).any():
        titles += [(name, "") for name in CORRELATIONS[names]]
    return titles


def _columns(series: StationSeries) -> list[str]:
    return [f" {number:5d} {title:<20s}{unit:<20s}".rstrip() for number, (title, unit) in enumerate(_titles(series), 1)]


def _data(series: StationSeries) -> list[str]:
    local = series.axes == "enu"
    # The reference is written with five decimals; what is read back is the position less that.
    values = series.displacement_m + (0.0 if local else np.round(series.reference_xyz_m, 5))
    parts = [values]
    parts += [array for array in (series.sigma_m, series.correlation) if np.isfinite(array).any()]
    pattern = "".join((" %12.6f" if local else " %15.5f") if number < 3 else " %10.6f"
                      for number in range(3 * len(parts)))  # fmt: skip
    epochs = np.datetime_as_string(series.epochs, "s")
    table = np.column_stack(parts)
    return [f" {str(epoch).replace('T', ' ')}" + pattern % tuple(row) for epoch, row in zip(epochs, table, strict=True)]
