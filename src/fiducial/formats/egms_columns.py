"""Columns of EGMS files: the documented vocabulary, the one of the 2020-2024 files, and how numbers are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.timescales import Epochs

LEVEL2_COLUMNS: Final = (
    "pid", "cluster_label", "mp_type", "latitude", "longitude", "easting", "northing", "height", "height_wgs84",
    "line", "pixel", "rmse", "temporal_coherence", "amplitude_dispersion", "incidence_angle", "track_angle",
    "los_east", "los_north", "los_up", "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std",
    "seasonality", "seasonality_std", "gnss_velocity",
)  # fmt: skip
LEVEL3_COLUMNS: Final = (
    "pid", "easting", "northing", "height", "rmse", "mean_velocity", "mean_velocity_std", "acceleration",
    "acceleration_std", "seasonality", "seasonality_std", "gnss_velocity_n", "gnss_velocity_e", "gnss_velocity_u",
)  # fmt: skip
# Columns that some releases do not carry; without any other one, a file is not EGMS.
OPTIONAL: Final = frozenset({"cluster_label", "gnss_velocity", "gnss_velocity_n", "gnss_velocity_e", "gnss_velocity_u"})
# Real 2018-2024 spelling -> documented spelling, which is the canonical one here.
ALIASES: Final = {"height_ortho": "height", "height_ellipse": "height_wgs84", "rmse_ts": "rmse"}
REAL_SPELLING: Final = {canonical: real for real, canonical in ALIASES.items()}

WHOLE_COLUMNS: Final = frozenset({"line", "pixel", "cluster_label"})
"""Columns of whole numbers; ``mp_type`` is an area and may have decimals."""

DECIMALS: Final = {
    "latitude": 6, "longitude": 6, "easting": 2, "northing": 2, "height": 1, "height_wgs84": 1, "rmse": 1,
    "temporal_coherence": 2, "amplitude_dispersion": 2, "incidence_angle": 2, "track_angle": 2, "los_east": 3,
    "los_north": 3, "los_up": 3, "mean_velocity": 1, "mean_velocity_std": 1, "acceleration": 2,
    "acceleration_std": 2, "seasonality": 1, "seasonality_std": 1, "gnss_velocity": 1, "gnss_velocity_n": 1,
    "gnss_velocity_e": 1, "gnss_velocity_u": 1,
}  # fmt: skip
"""Printed decimals of each field (EGMS-D6-PDD v3.0, table 5); the others are whole numbers or text."""

_DATE = re.compile(r"\d{8}", re.ASCII)
_YEARS: Final = range(1900, 2200)
"""datetime64[ns] takes dates before 1678 and after 2261 round the end of its range without a word."""


@dataclass(frozen=True)
class Header:
    """Columns of one EGMS file.

    Attributes
    ----------
    level : str
        ``L3``, ``L2a`` (told by ``cluster_label``), ``L2b`` (told by ``gnss_velocity``) or ``L2`` when the columns
        alone do not tell.
    spelled : tuple of str
        Attribute columns in file order, as the file spells them.
    names : tuple of str
        The same, canonical.
    date_columns : tuple of str
        Acquisition columns, ``yyyymmdd``, in file order.
    """

    level: str
    spelled: tuple[str, ...]
    names: tuple[str, ...]
    date_columns: tuple[str, ...]

    @property
    def epochs(self) -> Epochs:
        """Acquisition dates, UTC, ``datetime64[ns]``."""
        return epochs_of(self.date_columns)


def epochs_of(date_columns: Sequence[str]) -> Epochs:
    """Return the dates of ``yyyymmdd`` column names."""
    return np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in date_columns], dtype="datetime64[ns]")


def date_columns_of(epochs: Epochs) -> tuple[str, ...]:
    """Return the ``yyyymmdd`` column names of dates."""
    return tuple(str(day).replace("-", "") for day in np.asarray(epochs).astype("datetime64[D]"))


def _check_dates(columns: Sequence[str], where: str) -> None:
    try:
        if strange := [name for name in columns if int(name[:4]) not in _YEARS]:
            raise ValueError(f"year of {strange[0]}")  # noqa: TRY301
        epochs = epochs_of(columns)
    except ValueError as error:
        raise FormatError(
            "FID-2018", f"a date column is not a date: {error}", where=where, fix="name acquisition columns yyyymmdd"
        ) from error
    steps = np.diff(epochs).astype(np.int64)
    if np.any(steps == 0) or len(set(columns)) < len(columns):
        double = next(name for name, count in Counter(columns).items() if count > 1)
        raise FormatError(
            "FID-2006", f"acquisition date {double} stands twice", where=where, fix="remove or merge the double column"
        )
    if np.any(steps < 0):
        index = int(np.argmax(steps < 0))
        raise FormatError(
            "FID-2005",
            f"acquisition dates are out of order: {columns[index]} before {columns[index + 1]}",
            where=where,
            fix="sort the date columns",
        )


def parse_header(columns: Sequence[str], where: str) -> Header:
    """Recognise the columns of an EGMS file in either vocabulary.

    Parameters
    ----------
    columns : sequence of str
        First line of the file, split.
    where : str
        Name of the file, for errors.

    Raises
    ------
    FormatError
        FID-2003 unknown column, FID-2004 missing column, FID-2005 dates out of order, FID-2006 double date,
        FID-2018 impossible date, FID-2019 double column.
    """
    dates = [name for name in columns if _DATE.fullmatch(name)]
    spelled = [name for name in columns if not _DATE.fullmatch(name)]
    names = [ALIASES.get(name, name) for name in spelled]
    level3 = "incidence_angle" not in names and "los_east" not in names
    vocabulary = LEVEL3_COLUMNS if level3 else LEVEL2_COLUMNS
    unknown = [name for name, canonical in zip(spelled, names, strict=True) if canonical not in vocabulary]
    if unknown:
        raise FormatError(
            "FID-2003",
            f"unknown column {unknown[0][:40]!r}" + (f" and {len(unknown) - 1} more" if unknown[1:] else ""),
            where=f"{where}, header",
            fix="use the columns as delivered by EGMS; drop columns that other software added",
        )
    missing = [name for name in vocabulary if name not in names and name not in OPTIONAL]
    if missing:
        raise FormatError(
            "FID-2004",
            f"column {missing[0]!r} is missing" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            where=f"{where}, header",
            fix="use the file as delivered by EGMS",
        )
    if len(set(names)) < len(names):
        double = next(name for name, count in Counter(names).items() if count > 1)
        raise FormatError(
            "FID-2019", f"column {double!r} stands twice", where=f"{where}, header", fix="remove one of the two"
        )
    if len(dates) < 2:
        raise FormatError(
            "FID-2004",
            "fewer than two acquisition columns (yyyymmdd)",
            where=f"{where}, header",
            fix="use the file as delivered by EGMS",
        )
    if list(columns) != [*spelled, *dates]:
        raise FormatError(
            "FID-2005",
            "acquisition columns are mixed with the others",
            where=f"{where}, header",
            fix="put the acquisition columns last, in order of date",
        )
    _check_dates(dates, f"{where}, header")
    level = "L3" if level3 else "L2a" if "cluster_label" in names else "L2b" if "gnss_velocity" in names else "L2"
    return Header(level, tuple(spelled), tuple(names), tuple(dates))


def number_style(texts: Sequence[str]) -> str:
    """Tell how a column writes its numbers.

    Parameters
    ----------
    texts : sequence of str
        Fields of one column.

    Returns
    -------
    str
        ``integer`` (no point), ``shortest`` (fewest digits, whole numbers as ``1.0``), ``plain`` (fewest digits,
        whole numbers as ``1``) or ``fixed:k`` (always k decimals); ``shortest`` when nothing tells.

    Examples
    --------
    >>> number_style(["0.1", "-0.0", "12.0"]), number_style(["0", "7"]), number_style(["0.10", "2.00"])
    ('shortest', 'integer', 'fixed:2')
    """
    filled = [text for text in texts if text]
    decimals = {len(text.rpartition(".")[2]) if "." in text else 0 for text in filled}
    if not filled or any("e" in text.lower() for text in filled):
        return "shortest"
    if decimals == {0}:
        return "integer"
    trailing_zero = any("." in text and text[-1] == "0" and text[-2] != "." for text in filled)
    if trailing_zero and len(decimals) == 1:
        return f"fixed:{decimals.pop()}"
    return "plain" if 0 in decimals else "shortest"


def merge_styles(first: str, second: str) -> str:
    """Return the style that writes both: what one part of a column shows may not be all of it."""
    if first == second:
        return first
    pair = {first, second}
    if "integer" in pair or "plain" in pair:
        return "plain"
    # A part of a fixed column may happen to hold no trailing zero; the reverse cannot happen. Two lengths are not fixed.
    return next(style for style in pair if style.startswith("fixed")) if "shortest" in pair else "shortest"
