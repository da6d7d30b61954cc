"""Writing of SINEX 2.02."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.sinex_units import si_units
from fiducial.stations.solution import (
    EccentricityTable,
    EquipmentTable,
    ParameterTable,
    SiteTable,
    SolutionHeader,
    SpanTable,
    StationSolution,
)

Array = NDArray[np.float64]

_VERSION: Final = "2.02"
_ELEMENTS: Final = {count: " %5d %5d" + count * " %21.14E" + "\n" for count in (1, 2, 3)}
_SMALLEST: Final = 1e-99
_LARGEST: Final = 1e99
_RULE: Final = "*" + 79 * "-"
_PARAMETERS: Final = "*INDEX _TYPE_ CODE PT SOLN _REF_EPOCH__ UNIT S __ESTIMATED_VALUE____ _STD_DEV___"
_MATRIX: Final = "*PARA1 PARA2 ____PARA2+0__________ ____PARA2+1__________ ____PARA2+2__________"
_SPAN: Final = "*CODE PT SOLN T _DATA_START_ __DATA_END__"


def to_bytes(solution: StationSolution) -> bytes:
    """Return the file; see :func:`write`."""
    return b"".join(_blocks(solution))


def write(solution: StationSolution, sink: str | Path) -> None:
    """Write SINEX 2.02: texts, sites, spans, equipment, discontinuities, estimates, a-priori values, matrices.

    Values have 15 digits, standard deviations 6, elements of matrices 15; matrices are lower triangles of covariances
    (or information), without lines of zeros; elements below 1E-99 are zeros. Reading gives the printed digits again.

    Parameters
    ----------
    solution : StationSolution
    sink : path
        Replaced when it exists, whole or not at all.

    Raises
    ------
    FormatError
        FID-2479 when a text, epoch or number does not fit its columns, a value is missing, or the list is too long.
    InputError
        FID-1002 when the path is a directory.
    """
    with atomic_file(sink) as partial, partial.open("wb") as file:
        for block in _blocks(solution):
            file.write(block)


def _refused(problem: str, fix: str) -> FormatError:
    return FormatError("FID-2479", problem, where="SINEX to write", fix=fix)


def _blocks(solution: StationSolution) -> Iterator[bytes]:
    yield _lines([_header(solution), _RULE])
    reference = dict(solution.reference)
    if solution.reference_frame:
        reference = {"REFERENCE FRAME": solution.reference_frame} | reference
    rows = [(key, line) for key, value in reference.items() for line in value.split("\n")]
    yield _block("FILE/REFERENCE", [f" {_fit(key, 18)} {_fit(line, 60)}" for key, line in rows])
    yield _block("FILE/COMMENT", [f" {_fit(line, 79)}" for line in solution.comments])
    if solution.sites is not None:
        yield _block("SITE/ID", _site_rows(solution.sites))
    technique = solution.header.technique
    if solution.receivers is not None:
        yield _block("SITE/RECEIVER", _equipment_rows(solution.receivers, technique))
    if solution.antennas is not None:
        yield _block("SITE/ANTENNA", _equipment_rows(solution.antennas, technique))
    if solution.eccentricities is not None:
        yield _block("SITE/ECCENTRICITY", _eccentricity_rows(solution.eccentricities, technique))
    yield from _solution_blocks(solution, technique)
    yield _lines(["%ENDSNX"])


def _solution_blocks(solution: StationSolution, technique: str) -> Iterator[bytes]:
    if solution.spans is not None:
        yield _block("SOLUTION/EPOCHS", _span_rows(solution.spans, technique))
    if solution.discontinuities is not None:
        table = solution.discontinuities
        keys = _keys(table, technique)
        tails = zip(table.kinds.tolist(), table.comments.tolist(), strict=True)
        rows = [
            f"{key} {_fit(kind, 1)} - {_fit(comment, 34)}" for key, (kind, comment) in zip(keys, tails, strict=True)
        ]
        yield _block("SOLUTION/DISCONTINUITY", rows)
    statistics = [f" {_fit(name, 30)} {_number(value, 22, 15)}" for name, value in solution.statistics.items()]
    yield _block("SOLUTION/STATISTICS", statistics)
    if len(solution.estimate):
        yield _block("SOLUTION/ESTIMATE", [_PARAMETERS, *_parameter_rows(solution.estimate)])
    yield from _matrix("SOLUTION/MATRIX_ESTIMATE L COVA", solution.estimate, solution.covariance)
    yield from _matrix("SOLUTION/MATRIX_ESTIMATE L INFO", solution.estimate, solution.information, inverse=True)
    if solution.apriori is not None:
        yield _block("SOLUTION/APRIORI", [_PARAMETERS, *_parameter_rows(solution.apriori)])
        yield from _matrix("SOLUTION/MATRIX_APRIORI L COVA", solution.apriori, solution.apriori_covariance)
        yield from _matrix(
            "SOLUTION/MATRIX_APRIORI L INFO", solution.apriori, solution.apriori_information, inverse=True
        )
    if solution.normal is not None:
        vector = solution.normal.vector
        yield _block("SOLUTION/NORMAL_EQUATION_VECTOR", _parameter_rows(vector, vector=True))
        yield from _matrix("SOLUTION/NORMAL_EQUATION_MATRIX L", vector, solution.normal.matrix, inverse=True)


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line.rstrip()}\n" for line in lines).encode("latin-1")


def _block(title: str, rows: Sequence[str]) -> bytes:
    return _lines([f"+{title}", *rows, f"-{title}", _RULE]) if rows else b""


def _header(solution: StationSolution) -> str:
    header: SolutionHeader = solution.header
    count = len(solution.estimate) or (0 if solution.normal is None else len(solution.normal.vector))
    if count > 99_999:
        raise _refused(f"{count} parameters do not fit five digits", "divide the solution")
    instants = _epochs(np.array([header.created_utc, header.start_utc, header.end_utc], dtype="datetime64[ns]"))
    return (
        f"%=SNX {_VERSION} {_fit(header.agency, 3)} {instants[0]} {_fit(header.data_agency, 3)} {instants[1]}"
        f" {instants[2]} {_fit(header.technique, 1)} {count:05d} {_constraint(header.constraint)}"
        f" {_fit(' '.join(header.contents), 12)}"
    )


def _fit(text: str, width: int, *, right: bool = False) -> str:
    if len(text) > width or not all(" " <= letter <= "~" or "\xa0" <= letter <= "\xff" for letter in text):
        raise _refused(f"{text!r} does not fit {width} columns", "give printable characters, not too many")
    return text.rjust(width) if right else text.ljust(width)


def _constraint(flag: int) -> str:
    if flag not in {-1, 0, 1, 2}:
        raise _refused(f"constraint {flag}", "give 0, 1, 2, or -1 where it is not stated")
    return " " if flag < 0 else str(flag)


def _number(value: float, width: int, digits: int) -> str:
    text = f"{value:{width}.{digits - 1}E}"
    if len(text) > width or not (value == 0.0 or _SMALLEST <= abs(value) < _LARGEST):
        raise _refused(f"{value} does not fit {width} columns", "give finite numbers from 1E-99 to 1E+99")
    return text


def _epochs(instants: NDArray[np.datetime64]) -> list[str]:
    known = ~np.isnat(instants)
    days = instants.astype("datetime64[D]")
    years = days.astype("datetime64[Y]")
    year = np.where(known, years.astype(np.int64) + 1970, 2000)
    day = np.where(known, (days - years).astype(np.int64) + 1, 0)
    nanoseconds = np.where(known, (instants - days).astype("timedelta64[ns]").astype(np.int64), 0)
    if ((year < 1950) | (year > 2049)).any() or (nanoseconds % 1_000_000_000).any():
        raise _refused(
            "an epoch outside of 1950 to 2049, or with parts of a second", "give whole seconds of these years"
        )
    seconds = nanoseconds // 1_000_000_000
    parts = zip((year % 100).tolist(), day.tolist(), seconds.tolist(), strict=True)
    return [f"{y:02d}:{d:03d}:{s:05d}" for y, d, s in parts]


def _keys(table: SpanTable | EquipmentTable | EccentricityTable | object, technique: str) -> list[str]:
    columns = [getattr(table, name) for name in ("codes", "points", "solns")]
    spans = zip(_epochs(getattr(table, "start_utc")), _epochs(getattr(table, "end_utc")), strict=True)  # noqa: B009
    names = zip(*(column.tolist() for column in columns), strict=True)
    letter = _fit(technique, 1)
    return [
        f" {_fit(code, 4)} {_fit(point, 2, right=True)} {_fit(soln, 4, right=True)} {letter} {start} {end}"
        for (code, point, soln), (start, end) in zip(names, spans, strict=True)
    ]


def _site_rows(sites: SiteTable) -> list[str]:
    rows = ["*CODE PT __DOMES__ T _STATION DESCRIPTION__ _LONGITUDE_ _LATITUDE__ HEIGHT_"]
    columns = ("codes", "points", "domes", "techniques", "descriptions", "longitude_deg", "latitude_deg", "height_m")
    for code, point, domes, technique, description, longitude, latitude, height in zip(
        *(getattr(sites, name).tolist() for name in columns), strict=True
    ):
        shown = 7 * " " if np.isnan(height) else f"{height:7.1f}"
        rows.append(
            f" {_fit(code, 4)} {_fit(point, 2, right=True)} {_fit(domes or '---------', 9)} {_fit(technique, 1)}"
            f" {_fit(description, 22)} {_angle(longitude)} {_angle(latitude)} {_fit(shown, 7)}"
        )
    return rows


def _angle(degrees: float) -> str:
    if np.isnan(degrees):
        return 11 * " "
    tenths = round(abs(degrees) * 36_000)
    whole, rest = divmod(tenths, 36_000)
    minutes, seconds = divmod(rest, 600)
    sign = "-" if degrees < 0 and tenths else ""
    return _fit(f"{sign}{whole}".rjust(3) + f" {minutes:2d} {seconds / 10:4.1f}", 11)


def _span_rows(spans: SpanTable, technique: str) -> list[str]:
    keys = _keys(spans, technique)
    return [
        f"{_SPAN} _MEAN_EPOCH_",
        *(f"{key} {mean}" for key, mean in zip(keys, _epochs(spans.mean_utc), strict=True)),
    ]


def _equipment_rows(table: EquipmentTable, technique: str) -> list[str]:
    columns = zip(table.kinds.tolist(), table.serials.tolist(), table.firmware.tolist(), strict=True)
    return [
        f"{_SPAN} ________TYPE________ _S/N_ _FIRMWARE__",
        *(
            f"{key} {_fit(kind, 20)} {_fit(serial, 5)} {_fit(firmware, 11)}"
            for key, (kind, serial, firmware) in zip(_keys(table, technique), columns, strict=True)
        ),
    ]


def _eccentricity_rows(table: EccentricityTable, technique: str) -> list[str]:
    rows = [f"{_SPAN} AXE MARKER->ARP(m)____________"]
    for key, local, vector in zip(_keys(table, technique), table.local.tolist(), table.vector_m.tolist(), strict=True):
        printed = "".join(f" {value:8.4f}" for value in (reversed(vector) if local else vector))
        rows.append(f"{key} {'UNE' if local else 'XYZ'}{_fit(printed, 27)}")
    return rows


def _factors(table: ParameterTable) -> Array:
    units, factors, _ = si_units(table.types, table.printed_units)
    other = units != table.units
    if other.any():
        row = int(np.argmax(other))
        problem = f"{table.types[row]} in {table.units[row]} cannot be printed in {table.printed_units[row]!r}"
        raise _refused(problem, f"give it in {units[row]}, or another printed unit")
    return factors


def _parameter_rows(table: ParameterTable, *, vector: bool = False) -> list[str]:
    factors = _factors(table)
    values = table.values * factors if vector else table.values / factors
    sigmas = np.nan_to_num(table.sigmas / factors, nan=0.0, posinf=np.inf)
    columns = (
        table.types, table.codes, table.points, table.solns, table.printed_units, table.constraints, values, sigmas,
    )  # fmt: skip
    rows = []
    parts = zip(_epochs(table.epochs_utc), *(column.tolist() for column in columns), strict=True)
    for index, (epoch, kind, code, point, soln, unit, flag, value, sigma) in enumerate(parts, start=1):
        spread = "" if vector else f" {_number(sigma, 11, 6)}"
        rows.append(
            f" {index:5d} {_fit(kind, 6)} {_fit(code, 4)} {_fit(point, 2, right=True)} {_fit(soln, 4, right=True)}"
            f" {epoch} {_fit(unit, 4)} {_constraint(flag)} {_number(value, 21, 15)}{spread}"
        )
    return rows


def _matrix(title: str, table: ParameterTable, matrix: Array | None, *, inverse: bool = False) -> Iterator[bytes]:
    if matrix is None:
        return
    factors = _factors(table)
    scale = factors if inverse else 1.0 / factors
    yield _lines([f"+{title}", _MATRIX])
    for row in range(len(table)):
        values = matrix[row, : row + 1] * scale[row] * scale[: row + 1]
        size = np.abs(values)
        if not (size < _LARGEST).all():
            raise _refused(f"an element of row {row + 1} of {title}", "give finite numbers below 1E+99")
        # The exponent has two digits; what is smaller is nothing beside any variance.
        values[size < _SMALLEST] = 0.0
        lines = []
        listed = values.tolist()
        for start in range(0, row + 1, 3):
            elements = tuple(listed[start : start + 3])
            if any(elements):
                lines.append(_ELEMENTS[len(elements)] % (row + 1, start + 1, *elements))
        text = "".join(lines)
        yield text.encode("ascii")
    yield _lines([f"-{title}", _RULE])
