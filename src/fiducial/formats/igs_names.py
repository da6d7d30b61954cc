"""Grammars of IGS product names: the long names in use since GPS week 2238, and the short names before them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.igs_short_names import ShortName, parse_short_name
from fiducial.formats.name_parts import COMPRESSIONS, Period, base_name, checked_part, split_compression, whole_minute

PRODUCT_KINDS: Final = {
    "ATT": "attitude", "BIA": "biases", "CLK": "clocks", "CRD": "coordinates", "DCB": "differential code biases",
    "ERP": "Earth rotation parameters", "GIM": "ionosphere map", "ORB": "orbits", "OSB": "observable-specific biases",
    "ROT": "Earth rotation parameters", "SOL": "solution", "SUM": "summary", "TRO": "troposphere",
}  # fmt: skip
"""Contents (CNT) of long names in words; centres use others besides."""

_LONG: Final = re.compile(r"[A-Z0-9]{3}[0-9][A-Z0-9]{6}_.*", re.IGNORECASE | re.ASCII | re.DOTALL)
_STATION_PARTS: Final = 6


@dataclass(frozen=True, slots=True)
class ProductName:
    """First ten characters of a long name, ``AAAVPPPTTT``: who made which product line.

    Attributes
    ----------
    centre : str
        Analysis centre, three capital letters or digits: ``COD``.
    campaign : str
        ``OPS`` operational, ``MGX`` multi-GNSS, ``TST`` test, ``DEM`` demonstration, ``R03`` third reprocessing, ...
    solution : str
        ``ULT``, ``RAP``, ``FIN``, ``NRT``, ``PRD``, ``SNX``, ...
    version : int
        0 to 9: version or number of the solution.

    Raises
    ------
    FormatError
        FID-2440 for a part that the grammar does not allow.

    Examples
    --------
    >>> ProductName("IGS", "OPS", "FIN").build()
    'IGS0OPSFIN'
    """

    centre: str
    campaign: str
    solution: str
    version: int = 0

    def __post_init__(self) -> None:
        if parse_product_name(self.build()) != self:
            raise _wrong("the parts do not make a product that states them", self.build(), 1, self.build())

    def build(self) -> str:
        """Return the ten characters."""
        return f"{self.centre}{self.version}{self.campaign}{self.solution}"


@dataclass(frozen=True, slots=True)
class LongName:
    """Long name ``AAAVPPPTTT_YYYYDDDHHMM_LEN_SMP[_STATION]_CNT.FMT``, compressed or not.

    Attributes
    ----------
    product : ProductName
        Centre, version, campaign and solution.
    start : datetime64[ns]
        First epoch, GPS time, a whole minute of the years 1980 to 2261.
    length, sampling : Period
        Nominal length and interval; ``00U`` is unspecified.
    content : str
        CNT: ``ORB``, ``CLK``, ``ERP``, ...; see :data:`PRODUCT_KINDS`.
    format : str
        FMT: ``SP3``, ``CLK``, ``ERP``, ``BIA``, ``SNX``, ``YML``, ...
    station : str
        Nine characters ``SSSSMRCCC`` for a product of one station, or empty.
    compression : str
        ``.gz``, ``.Z``, ``.bz2``, or empty.

    Raises
    ------
    FormatError
        FID-2440 for a part that the grammar does not allow.

    Notes
    -----
    Guidelines for Long Product Filenames in the IGS, version 2.0 (2023).

    Examples
    --------
    >>> name = parse_name("COD0OPSFIN_20242630000_01D_05M_ORB.SP3.gz")
    >>> name.centre, name.kind, name.start
    ('COD', 'orbits', np.datetime64('2024-09-19T00:00:00.000000000'))
    """

    product: ProductName
    start: np.datetime64
    length: Period
    sampling: Period
    content: str
    format: str
    station: str = ""
    compression: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", whole_minute(self.start))
        base = self.build()
        if any(getattr(self, key) != value for key, value in _check_long(base).items()):
            raise _wrong("the parts do not make a name that states them", base, 1, base)

    @property
    def centre(self) -> str:
        """Analysis centre, three capital letters."""
        return self.product.centre

    @property
    def solution(self) -> str:
        """Product line: ``ULT``, ``RAP``, ``FIN``, ..."""
        return self.product.solution

    @property
    def kind(self) -> str | None:
        """Kind of product in words; None for a content that the guidelines do not list."""
        return PRODUCT_KINDS.get(self.content)

    def build(self) -> str:
        """Return the file name; the inverse of :func:`parse_name`."""
        day = self.start.astype("datetime64[D]")
        year = day.astype("datetime64[Y]")
        number = int((day - year.astype("datetime64[D]")).astype(int)) + 1
        minutes = int((self.start - day).astype("timedelta64[m]").astype(int))
        start = f"{year!s}{number:03d}{minutes // 60:02d}{minutes % 60:02d}"
        parts = [self.product.build(), start, str(self.length), str(self.sampling), self.station, self.content]
        return "_".join(part for part in parts if part) + f".{self.format}{self.compression}"


IgsName = LongName | ShortName


def parse_name(text: str) -> IgsName:
    """Parse the name of an IGS product file, with or without its folder.

    Parameters
    ----------
    text : str
        Such as ``IGS0OPSFIN_20242630000_01D_15M_ORB.SP3.gz`` or ``igs23324.sp3.Z``.

    Raises
    ------
    FormatError
        FID-2440 when a part of a long name breaks the grammar, with the part and its columns; FID-2441 when a part of
        a short name does; FID-2442 when the name is of neither form.

    Notes
    -----
    Long-term products of version 2.1 of the guidelines (two dates in place of date and length) are not parsed.

    Examples
    --------
    >>> parse_name("IGS0OPSSNX_20242590000_07D_07D_SUM.YML").length.duration
    np.timedelta64(7,'D')
    >>> parse_name("igu23324_06.sp3.Z").build()
    'igu23324_06.sp3.Z'
    """
    base = base_name(text)
    if _LONG.fullmatch(base):
        return _parse_long(base)
    short = parse_short_name(base)
    if short is not None:
        return short
    fix = "name it as IGS does, e.g. COD0OPSFIN_20242630000_01D_05M_ORB.SP3 or igs23324.sp3"
    raise FormatError("FID-2442", "not the name of an IGS product", where=base or "empty name", fix=fix)


def parse_product_name(text: str) -> ProductName:
    """Parse the ten characters ``AAAVPPPTTT`` that open a long name.

    Raises
    ------
    FormatError
        FID-2440, with the part at fault and its columns.

    Examples
    --------
    >>> parse_product_name("GFZ2R03FIN").campaign
    'R03'
    """
    product = object.__new__(ProductName)
    for name, value in zip(("centre", "version", "campaign", "solution"), _product_parts(text, text), strict=True):
        object.__setattr__(product, name, int(value) if name == "version" else value)
    return product


def _product_parts(text: str, where: str) -> tuple[str, str, str, str]:
    if len(text) != 10:
        raise _wrong(f"product {text!r} has {len(text)} characters in place of the 10 of AAAVPPPTTT", where, 1, text)
    return (
        _part(text, where, "analysis centre", r"[A-Z0-9]{3}", (0, 3)),
        _part(text, where, "version digit", r"[0-9]", (3, 4)),
        _part(text, where, "campaign", r"[A-Z0-9]{3}", (4, 7)),
        _part(text, where, "solution type", r"[A-Z0-9]{3}", (7, 10)),
    )


def _part(text: str, where: str, label: str, pattern: str, columns: tuple[int, int]) -> str:
    return checked_part("FID-2440", text, where, label, pattern, columns)


def _parse_long(base: str) -> LongName:
    name = object.__new__(LongName)
    for key, value in _check_long(base).items():
        object.__setattr__(name, key, value)
    return name


def _check_long(base: str) -> dict[str, object]:
    """Return the attributes of a long name, or raise with the part at fault."""
    stem, compression = split_compression(base)
    body, _, file_format = stem.partition(".")
    parts = body.split("_")
    if len(parts) not in {_STATION_PARTS - 1, _STATION_PARTS}:
        raise _wrong(f"{len(parts)} parts between underscores in place of 5, or 6 with a station", base, 1, body)
    begins = [sum(len(part) + 1 for part in parts[:index]) for index in range(len(parts) + 1)]
    spans = [(begin, begin + len(part)) for begin, part in zip(begins, parts, strict=False)]
    _product_parts(parts[0], base)
    start = _start(base, spans[1])
    periods = [
        _part(base, base, label, r"[0-9]{2}[SMHDWLYU]", span)
        for label, span in zip(("length", "sampling"), spans[2:4], strict=True)
    ]
    station = ""
    if len(parts) == _STATION_PARTS:
        station = _part(base, base, "station", r"[A-Z0-9]{4}[0-9]{2}[A-Z]{3}", spans[4])
    content = _part(base, base, "content", r"[A-Z0-9]{3}", spans[-1])
    _part(base, base, "format", r"[A-Z0-9]{3,4}", (len(body) + 1, len(stem)))
    lengths = [_period(text, base, span) for text, span in zip(periods, spans[2:4], strict=True)]
    return {
        "product": parse_product_name(parts[0]), "start": start, "length": lengths[0], "sampling": lengths[1],
        "station": station, "content": content, "format": file_format, "compression": compression,
    }  # fmt: skip


def _period(text: str, base: str, span: tuple[int, int]) -> Period:
    period = Period(int(text[:2]), text[2])
    if not period.is_allowed:
        problem = f"period {text!r} is zero, or a number of unspecified units"
        raise _wrong(problem, base, span[0] + 1, text)
    return period


def _start(base: str, span: tuple[int, int]) -> np.datetime64:
    begin = span[0]
    text = _part(base, base, "start YYYYDDDHHMM", r"[0-9]{11}", span)
    year, day, hour, minute = int(text[:4]), int(text[4:7]), int(text[7:9]), int(text[9:])
    if not 1980 <= year <= 2261:
        raise _wrong(f"year {year} is not within 1980-2261", base, begin + 1, text[:4])
    first = np.datetime64(f"{year}-01-01T00:00", "ns")
    date = first + np.timedelta64(day - 1, "D")
    if day < 1 or date.astype("datetime64[Y]") != np.datetime64(str(year), "Y"):
        raise _wrong(f"the year {year} has no day {day}", base, begin + 5, text[4:7])
    if hour > 23:
        raise _wrong(f"there is no hour {hour}", base, begin + 8, text[7:9])
    if minute > 59:
        raise _wrong(f"there is no minute {minute}", base, begin + 10, text[9:])
    start: np.datetime64 = date + np.timedelta64(60 * hour + minute, "m")
    return start


def _wrong(problem: str, base: str, column: int, text: str) -> FormatError:
    where = f"{base}, columns {column}-{column + max(len(text), 1) - 1}"
    fix = "name it AAAVPPPTTT_YYYYDDDHHMM_LEN_SMP_CNT.FMT in capital letters"
    return FormatError("FID-2440", problem, where=where, fix=fix)


__all__ = [
    "COMPRESSIONS",
    "PRODUCT_KINDS",
    "IgsName",
    "LongName",
    "Period",
    "ProductName",
    "ShortName",
    "parse_name",
    "parse_product_name",
]
