"""Tables of GNSS station velocities: GAMIT/GLOBK .vel, EUREF, NGL MIDAS, A-EPND, and CSV with named columns.

The layout defines the unit; nothing is guessed. No table names its frame, so the caller must.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import FormatError, InputError
from fiducial.formats import aepnd
from fiducial.formats.velocity_columns import (
    NUMBER_ROLES,
    RawTable,
    fixed_columns,
    looks_like_data,
    named_columns,
)
from fiducial.geodesy.frames import Frame, parse_frame, same_frame
from fiducial.geodesy.station_velocities import Rejection, StationVelocities

LAYOUTS: Final = ("auto", "gamit", "euref", "midas", "aepnd", "csv")
MAX_SPEED_MM_PER_YR: Final = 500.0
"""No plate, no post-seismic motion and no subsidence bowl with a permanent station is faster for years."""
MAX_SIGMA_MM_PER_YR: Final = 20.0
"""A rate less certain than this says nothing about ground motion in Europe, and its error is not Gaussian."""
NO_VERTICAL_SIGMA_MM_PER_YR: Final = 2.5
"""Combined GAMIT tables give horizontal-only stations an up rate of noise with sigma near 3 mm/yr."""
LEAST_SIGMA_MM_PER_YR: Final = 0.01
"""A smaller sigma is a formal error without coloured noise, or a rounding; such rows would outweigh all others."""
SAME_PLACE_KM: Final = 1.0

_GAMIT_COLUMNS: Final = {"longitude": 0, "latitude": 1, "east": 2, "north": 3, "sigma_east": 6, "sigma_north": 7,
                         "correlation": 8, "up": 9, "sigma_up": 11}  # fmt: skip
_GAMIT_HEADER: Final = ("lon", "lat", "evel", "nvel", "eadj", "nadj", "esig", "nsig", "corr", "uvel", "uadj", "usig",
                        "stat")  # fmt: skip
# NGL midas.readme.txt: 9-11 velocities east, north, up; 12-14 their uncertainties (m/yr); 25-27 latitude, longitude,
# height, absent in old files.
_MIDAS_COLUMNS: Final = {"east": 8, "north": 9, "up": 10, "sigma_east": 11, "sigma_north": 12, "sigma_up": 13,
                         "latitude": 24, "longitude": 25}  # fmt: skip
_MIDAS_WIDTH: Final = 27
_MIDAS_WIDTH_WITHOUT_COORDINATES: Final = 24
_OPENERS: Final = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}


@dataclass(frozen=True)
class VelocityTable(StationVelocities):
    """Station velocities, with what was decided while reading them.

    Attributes
    ----------
    layout : str
        One of ``LAYOUTS``.
    notes : tuple of str
        Decisions on single components and on names, counted, as sentences.
    """

    layout: str = ""
    notes: tuple[str, ...] = ()


def read(path: Path | str, *, frame: str | None, layout: str = "auto", columns: Mapping[str, str] | None = None
         ) -> VelocityTable:  # fmt: skip
    """Read a table of station velocities.

    Parameters
    ----------
    path : path
        Text, or text compressed as .gz, .xz or .bz2.
    frame : str or None
        Frame of the velocities (see ``geodesy.frames``); None only for A-EPND, which is ETRF2000 by definition.
    layout : str
        One of ``LAYOUTS``; ``auto`` recognises the others.
    columns : mapping of str to str, optional
        Declared columns of a plain table: role to column name, and ``unit`` (see ``velocity_columns.named_columns``).

    Returns
    -------
    VelocityTable
        mm/yr, in the order of the file. Up is NaN where the table has no usable vertical. Rows without a usable
        horizontal velocity and sigma are in ``rejected``. Correlations that a layout does not publish are zero.

    Raises
    ------
    InputError
        FID-1004 when the frame is missing, unknown, or contradicts the file.
    FormatError
        FID-2300 layout not recognised; FID-2301 cut line; FID-2302 not a number; FID-2303 unit not stated; FID-2304
        columns missing or ambiguous; FID-2305 MIDAS file without coordinates; FID-2306 no usable row; FID-2307
        unreadable; FID-2308 wrong declaration; FID-2310 to 2312 A-EPND.
    """
    where = str(path)
    if layout not in LAYOUTS:
        raise FormatError("FID-2300", f"unknown layout {layout!r}", where=where, fix=f"use one of {', '.join(LAYOUTS)}")
    lines = _read_text(Path(path)).splitlines()
    if columns and layout not in {"auto", "csv"}:
        raise FormatError("FID-2308", f"columns are declared, but layout {layout} has columns of its own", where=where,
                          fix="drop the declaration, or read it as layout csv")  # fmt: skip
    if columns:
        layout = "csv"
    chosen = _recognise(lines, where) if layout == "auto" else layout
    if chosen == "aepnd":
        return _read_aepnd(lines, where, frame)
    declared = parse_frame(frame)
    if chosen == "midas":
        _check_midas_name(Path(path), declared)
    raw = named_columns(lines, where, columns) if chosen == "csv" else _read_fixed(lines, where, chosen)
    return _screen(raw, layout=chosen, frame=declared, where=where)


def describe(stations: StationVelocities) -> list[str]:
    """Return what was read, what was decided and what was rejected, as sentences for people."""
    layout = f", layout {stations.layout}" if isinstance(stations, VelocityTable) else ""
    sentences = [f"{stations.size} stations from {stations.source} (frame {stations.frame}{layout})"]
    if isinstance(stations, VelocityTable):
        sentences += stations.notes
    kinds = Counter(rejection.reason.partition(": ")[0] for rejection in stations.rejected)
    total = stations.size + len(stations.rejected)
    for kind, count in kinds.most_common():
        first = next(one for one in stations.rejected if one.reason.startswith(kind))
        sentences.append(f"{count} of {total} rows rejected: {kind} (first: {first.name}, {first.reason})")
    return sentences


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        opener = _OPENERS.get(path.suffix.lower())
        return (opener(data) if opener else data).decode("utf-8-sig")
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise FormatError("FID-2307", f"cannot be read as text: {error}", where=str(path),
                          fix="check the path; a compressed table must end in .gz, .xz or .bz2 and be whole") from error  # fmt: skip


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip()[0] in "#*!"


def _recognise(lines: list[str], where: str) -> str:
    for line in lines[:2]:
        if aepnd.is_header(line):
            return "aepnd"
    body = [line.split() for line in lines if not _is_comment(line)]
    if body and len(body[0]) > 1 and body[0][1].upper().startswith("MIDAS"):
        return "midas"
    data = next((cells for cells in body[:5] if len(cells) == 13 and looks_like_data(cells[:2])), None)
    if data is not None and not looks_like_data([data[12], "0"]):
        rows = [cells for cells in body if len(cells) == 13 and looks_like_data(cells)]
        adjusted = any(cells[column].strip("+-0.") for cells in rows for column in (4, 5, 10))
        return "gamit" if adjusted or tuple(body[0]) != tuple(data) else "euref"
    if body and not looks_like_data(re.split(r"[,;\s]+", " ".join(body[0]))):
        return "csv"
    if any(line.lstrip().startswith("#") for line in lines) and body:
        return "csv"
    raise FormatError("FID-2300", "not a velocity table of a known layout", where=where,
                      fix="known are GAMIT/GLOBK .vel and EUREF (13 columns), NGL MIDAS, A-EPND, and CSV with a header")  # fmt: skip


def _read_aepnd(lines: list[str], where: str, frame: str | None) -> VelocityTable:
    grid = aepnd.read("\n".join(lines).encode(), name=where)
    if frame is not None and not same_frame(parse_frame(frame), grid.frame):
        raise _contradiction(f"A-EPND is in {grid.frame} by definition, not in {frame}", where, grid.frame)
    stations = grid.to_stations()
    return VelocityTable(**{**vars(stations), "layout": "aepnd", "notes": ("correlations are not published: zero",)})


def _contradiction(problem: str, where: str, right: str) -> InputError:
    return InputError("FID-1004", problem, where=where, fix=f"state {right}, or give another table")


def _check_midas_name(path: Path, frame: Frame) -> None:
    """Compare the frame with the one in a file name of NGL's own, such as midas.IGS14.txt or midas.EU.txt."""
    match = re.fullmatch(r"midas\.(\w+)\.txt(\.\w+)?", path.name, re.IGNORECASE)
    if match is None:
        return
    label = match[1]
    if len(label) == 2:
        if frame.kind != "plate":
            problem = f"the file name says velocities relative to the plate {label}, not {frame.given}"
            raise _contradiction(problem, str(path), "the plate, such as plate:EURA@ITRF2014")
        return
    try:
        named = parse_frame(label)
    except InputError:
        return  # midas.IGS.txt names no realisation
    if named != frame:
        raise _contradiction(f"the file name says {label}, not {frame.given}", str(path), label)


def _read_fixed(lines: list[str], where: str, layout: str) -> RawTable:
    rows = [(index, line.split()) for index, line in enumerate(lines, start=1) if not _is_comment(line)]
    if layout == "midas":
        short = next((line for line, cells in rows if len(cells) == _MIDAS_WIDTH_WITHOUT_COORDINATES), None)
        if short is not None:
            raise FormatError("FID-2305", "a MIDAS file without coordinates: 24 columns instead of 27",
                              where=f"{where}, line {short}",
                              fix="fetch the present file, which ends in latitude, longitude and height")  # fmt: skip
        raw = fixed_columns(rows, where, positions=_MIDAS_COLUMNS, name=0, width=_MIDAS_WIDTH, scale=1000.0)
        return RawTable(raw.lines, raw.names, raw.numbers, ("correlations are not published: zero",))
    # GLOBK prints two lines of column names and units before the numbers.
    start = next((i for i, (_, cells) in enumerate(rows[:5]) if looks_like_data(cells[:2])), 0)
    for line, cells in rows[:start]:
        plain = tuple(re.sub(r"[^a-z]", "", cell.lower()) for cell in cells)
        if len(plain) == len(_GAMIT_HEADER) and plain != _GAMIT_HEADER:
            raise FormatError("FID-2304", "the column names are not in the order of a GAMIT .vel file",
                              where=f"{where}, line {line}: {' '.join(cells)}",
                              fix="read it as layout csv and declare the columns")  # fmt: skip
    return fixed_columns(rows[start:], where, positions=_GAMIT_COLUMNS, name=12, width=13, scale=1.0)


def _screen(raw: RawTable, *, layout: str, frame: Frame, where: str) -> VelocityTable:
    """Judge every row; keep what is physical, say what is not."""
    value = {role: raw.numbers[:, column] for column, role in enumerate(NUMBER_ROLES)}
    value["longitude"] = _wrapped(value["longitude"])
    reasons = _reasons_to_reject(value)
    notes = list(raw.notes)
    usable_up, up_notes = _vertical(value, layout, np.array([not reason for reason in reasons], dtype=bool))
    notes += up_notes
    names, repeats, name_notes = _unique_names(raw, value, reasons)
    notes += name_notes
    reasons = [reason or repeat for reason, repeat in zip(reasons, repeats, strict=True)]
    keep = np.array([not reason for reason in reasons], dtype=bool)
    if not keep.any():
        common = Counter(reason.partition(": ")[0] for reason in reasons).most_common(1)
        cause = f"; most often: {common[0][0]}" if common else ", it has no rows at all"
        raise FormatError("FID-2306", f"no usable station{cause}", where=where,
                          fix="check the columns and the unit of the table")  # fmt: skip
    correlation = value["correlation"]
    tiny = (np.fmin(value["sigma_east"], value["sigma_north"]) < LEAST_SIGMA_MM_PER_YR)[keep]
    if tiny.any():
        notes.append(f"{int(tiny.sum())} stations state a horizontal sigma below {LEAST_SIGMA_MM_PER_YR:g} mm/yr, better "
                     "than GNSS can be: kept as published, to be bounded before weighting")  # fmt: skip
    if np.isnan(correlation).all():
        if layout == "csv":
            notes.append("correlations are not in the table: zero")
    elif np.isnan(correlation[keep]).any():
        notes.append(f"{int(np.isnan(correlation[keep]).sum())} stations have no correlation of east and north: zero")
    velocity = np.column_stack([value["east"], value["north"], np.where(usable_up, value["up"], np.nan)])
    sigma = np.column_stack([value["sigma_east"], value["sigma_north"], np.where(usable_up, value["sigma_up"], np.nan)])
    return VelocityTable(
        names=np.array(names, dtype=np.str_)[keep],
        longitude_deg=value["longitude"][keep],
        latitude_deg=value["latitude"][keep],
        velocity_enu_mm_per_yr=velocity[keep],
        covariance_enu=_covariance(sigma[keep], np.nan_to_num(correlation[keep])),
        frame=frame.name,
        source=where,
        rejected=tuple(Rejection(name, reason) for name, reason in zip(raw.names, reasons, strict=True) if reason),
        layout=layout,
        notes=tuple(notes),
    )


def _covariance(sigma: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return covariances, shape (station, 3, 3); rows and columns of a component without sigma are NaN."""
    covariance = sigma[:, :, None] ** 2 * np.eye(3)
    covariance[:, 0, 1] = covariance[:, 1, 0] = correlation * sigma[:, 0] * sigma[:, 1]
    unknown = np.isnan(sigma)
    covariance[unknown[:, :, None] | unknown[:, None, :]] = np.nan
    return covariance


def _wrapped(longitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring longitudes of 0..360 and of NGL's -229 to -180..180; leave the impossible as it is."""
    outside = (np.abs(longitude_deg) > 180.0) & (np.abs(longitude_deg) <= 360.0)
    return np.where(outside, np.mod(longitude_deg + 180.0, 360.0) - 180.0, longitude_deg)


def _reasons_to_reject(value: Mapping[str, NDArray[np.float64]]) -> list[str]:
    reasons = [""] * len(value["east"])

    def reject(mask: NDArray[np.bool_], reason: str, *roles: str) -> None:
        for row in np.flatnonzero(mask):
            detail = ", ".join(f"{role} {value[role][row]:g}" for role in roles)
            reasons[row] = reasons[row] or f"{reason}: {detail}"

    place = ("longitude", "latitude")
    reject(
        ~((np.abs(value["longitude"]) <= 180.0) & (np.abs(value["latitude"]) <= 90.0)), "position out of range", *place
    )
    reject((value["longitude"] == 0.0) & (value["latitude"] == 0.0), "position is the placeholder 0, 0", *place)
    for role in ("east", "north"):
        reject(np.isnan(value[role]), f"{role} velocity missing", role)
        reject(~np.isfinite(value[f"sigma_{role}"]), f"sigma of {role} missing", f"sigma_{role}")
    for role in ("east", "north", "up"):
        reject(np.abs(value[role]) > MAX_SPEED_MM_PER_YR, f"speed above {MAX_SPEED_MM_PER_YR:g} mm/yr", role)
    for role in ("sigma_east", "sigma_north"):
        reject(value[role] <= 0.0, "sigma zero or negative, so no weight", role)
        reject(value[role] > MAX_SIGMA_MM_PER_YR, f"sigma above {MAX_SIGMA_MM_PER_YR:g} mm/yr", role)
    reject(np.abs(value["correlation"]) >= 1.0, "correlation of east and north not between -1 and 1", "correlation")
    return reasons


def _vertical(value: Mapping[str, NDArray[np.float64]], layout: str, usable_row: NDArray[np.bool_]
              ) -> tuple[NDArray[np.bool_], list[str]]:  # fmt: skip
    """Tell where up is usable, and say for how many stations it is not, and why."""
    up, sigma = value["up"], value["sigma_up"]
    usable: NDArray[np.bool_] = usable_row.copy()
    total, notes = int(usable.sum()), []

    def drop(mask: NDArray[np.bool_], reason: str) -> None:
        nonlocal usable
        count = int((mask & usable).sum())
        if count:
            notes.append(f"{count} of {total} stations have no usable vertical: {reason}")
        usable = usable & ~mask

    drop(~np.isfinite(up), "no up velocity given")
    drop(~(sigma > 0.0), "sigma of up missing, zero or negative")
    drop(sigma > MAX_SIGMA_MM_PER_YR, f"sigma > {MAX_SIGMA_MM_PER_YR:g} mm/yr")
    if layout == "gamit":
        drop(sigma >= NO_VERTICAL_SIGMA_MM_PER_YR, f"sigma >= {NO_VERTICAL_SIGMA_MM_PER_YR:g} mm/yr")
    # One up rate may well round to zero; when most do, zero is how the table says "none".
    zero = (up == 0.0) & usable
    if usable.sum() >= 4 and zero.sum() > usable.sum() / 2:
        drop(zero, "up is exactly zero in most rows, a placeholder")
    return usable, notes


def _unique_names(raw: RawTable, value: Mapping[str, NDArray[np.float64]], reasons: list[str]
                  ) -> tuple[list[str], list[str], list[str]]:  # fmt: skip
    """Number repeated names, and find rows that only repeat another one."""
    longitude, latitude = np.deg2rad(value["longitude"]), np.deg2rad(value["latitude"])
    unit = np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
    names, repeats = list(raw.names), [""] * len(raw.names)
    seen: dict[str, list[int]] = {}
    apart: list[str] = []
    together: list[str] = []
    for row, name in enumerate(raw.names):
        if reasons[row]:
            continue
        earlier = seen.setdefault(name, [])
        same = next((i for i in earlier if np.array_equal(raw.numbers[i], raw.numbers[row], equal_nan=True)), None)
        if same is not None:
            repeats[row] = f"row repeated: same as line {raw.lines[same]}"
            continue
        if earlier:
            distance_km = MEAN_EARTH_RADIUS_KM * float(np.linalg.norm(unit[row] - unit[earlier[0]]))
            (apart if distance_km > SAME_PLACE_KM else together).append(name)
            names[row] = f"{name}#{len(earlier) + 1}"
        earlier.append(row)
    notes = []
    for group, meaning in ((apart, "stand for another place more than 1 km away"),
                           (together, "are another solution at the same place")):  # fmt: skip
        if group:
            notes.append(f"{len(group)} repeated names {meaning}; all are kept and numbered, as {group[0]}#2")
    return names, repeats, notes
