"""Write IGS Earth rotation files, version 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.erp_columns import ANGLE_EXPONENT, ARCSECOND_RAD, MEANINGS, SCALES, TIME_EXPONENT
from fiducial.orbits.earth_rotation import Array, EarthRotation

_UNITS: Final = {"angle": 10.0**ANGLE_EXPONENT / ARCSECOND_RAD, "time": 10.0**TIME_EXPONENT}
_WHOLE: Final = 1e15
_COUNTS: Final = ("Nr", "Nf", "Nt")


def write(
    rotation: EarthRotation,
    sink: Path | str,
    *,
    comments: Iterable[str] = (),
    columns: Mapping[str, Array] | None = None,
) -> None:
    """Write an IGS Earth rotation file in one step; parameters and errors as :func:`to_bytes`."""
    content = to_bytes(rotation, comments=comments, columns=columns)
    with atomic_file(sink) as partial:
        partial.write_bytes(content)


def to_bytes(
    rotation: EarthRotation, *, comments: Iterable[str] = (), columns: Mapping[str, Array] | None = None
) -> bytes:
    """Return an IGS Earth rotation file of version 2.

    Parameters
    ----------
    rotation : EarthRotation
        Printed in 10^-6 arcseconds and 10^-7 s. Standard deviations that are NaN are written as 0, which the format
        takes for unknown, and so is a quantity that is NaN on every date; rates that are, are left out.
    comments : iterable of str
        Lines between the version and the titles.
    columns : mapping of str to ndarray, optional
        Further columns by title, in printed units; ``Nr``, ``Nf``, ``Nt`` are 0 where not given.

    Raises
    ------
    FormatError
        FID-2435 when a quantity is missing on some dates only, or a text would be taken for something else.
    """
    others = dict(columns or {})
    count = rotation.mjd_utc.size
    parts: list[tuple[str, list[str]]] = [("MJD", [_date(date) for date in rotation.mjd_utc.tolist()])]
    ut1 = "UT1R-UTC" if rotation.ut1_regularised else "UT1-UTC"
    names = ["Xpole", "Ypole", ut1, "LODR" if rotation.lod_regularised else "LOD"]
    parts += [(name, _values(rotation, field)) for name, (field, _) in zip(names, MEANINGS[:4], strict=True)]
    sigmas = ("Xsig", "Ysig", "UTsig", "LODsig")
    parts += [(name, _sigmas(rotation, *pair)) for name, pair in zip(sigmas, MEANINGS[:4], strict=True)]
    parts += [(name, _others(others.pop(name, np.zeros(count)), name, count)) for name in _COUNTS]
    if any(np.isfinite(getattr(rotation, field)).any() for field, _ in MEANINGS[4:]):
        parts += [
            (name, _values(rotation, field)) for name, (field, _) in zip(("Xrt", "Yrt"), MEANINGS[4:], strict=True)
        ]
        parts += [
            (name, _sigmas(rotation, *pair)) for name, pair in zip(("Xrtsig", "Yrtsig"), MEANINGS[4:], strict=True)
        ]
    parts += [(name, _others(column, name, count)) for name, column in others.items()]
    widths = [max(len(name), *map(len, texts)) for name, texts in parts]
    units = [_unit(name) for name, _ in parts]
    widths = [max(width, len(unit)) for width, unit in zip(widths, units, strict=True)]
    lines = ["version 2", *_comments(comments)]
    lines.append("  ".join(f"{name:>{width}}" for (name, _), width in zip(parts, widths, strict=True)))
    lines.append("  ".join(f"{unit:>{width}}" for unit, width in zip(units, widths, strict=True)).rstrip())
    rows = zip(*(texts for _, texts in parts), strict=True)
    lines += ["  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True)) for row in rows]
    try:
        return ("\n".join(lines) + "\n").encode("latin-1")
    except UnicodeEncodeError:
        _refuse("a comment or title has characters beyond Latin-1", "plain ASCII text")


def _date(mjd: float) -> str:
    text = f"{mjd:.2f}"
    return text if float(text) == mjd else repr(mjd)


def _values(rotation: EarthRotation, field: str) -> list[str]:
    column = getattr(rotation, field)
    missing = np.isnan(column)
    if missing.any() and not missing.all():
        _refuse(f"{field} is missing on some dates: the format has no sign for that", "the dates that have it")
    if np.isinf(column).any():
        _refuse(f"{field} is infinite", "finite numbers")
    if missing.all():
        return ["0"] * column.size
    return [str(round(value)) for value in (column * _UNITS[SCALES[field]]).tolist()]


def _sigmas(rotation: EarthRotation, value_field: str, field: str) -> list[str]:
    column = getattr(rotation, field)
    if (np.isfinite(column) & np.isnan(getattr(rotation, value_field))).any() or np.isinf(column).any():
        _refuse(f"{field} is infinite, or stands where {value_field} is missing", "values together with their sigmas")
    known = np.nan_to_num(column * _UNITS[SCALES[field]])
    return [str(round(value)) for value in known.tolist()]


def _others(column: Array, name: str, count: int) -> list[str]:
    if column.shape != (count,) or not np.isfinite(column).all():
        _refuse(f"the column {name} has not one finite number a date", "one number a date")
    if not name.isascii() or not name.isprintable() or " " in name or not name:
        _refuse(f"{name!r} is no title", "a title of one word")
    return [
        f"{value:.0f}" if value == round(value) and abs(value) < _WHOLE else repr(value) for value in column.tolist()
    ]


def _unit(name: str) -> str:
    if name in ("Xpole", "Ypole", "Xsig", "Ysig"):
        return 'E-6"'
    if name in ("Xrt", "Yrt", "Xrtsig", "Yrtsig"):
        return 'E-6"/d'
    if name.startswith("UT"):
        return "E-7s"
    return "E-7s/d" if name.startswith("LOD") else ""


def _comments(comments: Iterable[str]) -> list[str]:
    found = []
    for comment in comments:
        if not comment.isprintable() or comment.split()[:1] == ["MJD"]:
            _refuse(f"the comment {comment!r} would be taken for something else", "one printable line, not of titles")
        found.append(comment)
    return found


def _refuse(problem: str, wanted: str) -> NoReturn:
    raise FormatError("FID-2435", problem, where="Earth rotation file to be written", fix=f"give {wanted}")
