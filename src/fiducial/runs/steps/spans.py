"""First and last epoch of what a step made, as the catalogue keeps them: UTC, None where not known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from fiducial.runs.catalogue_facts import plain_utc, utc
from fiducial.timescales import Epochs

Span = tuple[datetime | None, datetime | None]


def of_epochs(epochs: Epochs, time_scale: str = "GPS") -> Span:
    """Return the span of epochs of a time scale; of one that is not known it is not known to the second, and is none.

    Examples
    --------
    >>> first, last = of_epochs(np.array(["2024-09-19", "2024-09-20"], dtype="datetime64[ns]"))
    >>> first.isoformat(), last.isoformat()
    ('2024-09-18T23:59:42+00:00', '2024-09-19T23:59:42+00:00')
    """
    return (utc(epochs.min(), time_scale), utc(epochs.max(), time_scale)) if epochs.size else (None, None)


def of_dates(dates: Sequence[str]) -> Span:
    """Return the span of calendar dates, UTC; the last one is its first instant."""
    return (plain_utc(np.datetime64(min(dates), "ns")), plain_utc(np.datetime64(max(dates), "ns"))) if dates else (
        None, None
    )  # fmt: skip


def of_sinex(path: Path) -> Span:
    """Return the span of the data that the first line of a SINEX file states."""
    from fiducial.formats.sinex_blocks import read_header

    with path.open("rb") as stream:
        header = read_header(stream.readline().rstrip(), path.name)
    return plain_utc(header.start_utc), plain_utc(header.end_utc)


def of_years(first: float | None, last: float | None) -> Span:
    """Return the span of two decimal years, UTC.

    Examples
    --------
    >>> [one and one.isoformat() for one in of_years(2000.5, None)]
    ['2000-07-02T00:00:00+00:00', None]
    """
    return _of_year(first), _of_year(last)


def _of_year(year: float | None) -> datetime | None:
    if year is None:
        return None
    whole = int(year)
    start, end = (datetime(one, 1, 1, tzinfo=UTC) for one in (whole, whole + 1))
    return start + timedelta(seconds=round((year - whole) * (end - start).total_seconds()))
