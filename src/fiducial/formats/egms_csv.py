"""EGMS CSV in bounded pieces: bytes to arrays, and arrays to the same text again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.egms_columns import Header, number_style, parse_header
from fiducial.formats.egms_series import split
from fiducial.formats.quantised_series import QuantisedSeries, encode

PIECE_BYTES: Final = 16 << 20
"""Bytes parsed at once: small enough for the cache and for memory, large enough to hide the overhead."""

_STYLE_SAMPLE_LINES: Final = 16
_TEXT_COLUMNS: Final = frozenset({"pid"})
_LINE_LIMIT: Final = 1 << 20
_EXACT_INTEGERS: Final = 2.0**53
NEWLINE: Final = b"\n"


@dataclass(frozen=True)
class Piece:
    """Some whole lines of a CSV, not yet parsed."""

    content: bytes
    first_line: int
    lines: int
    last: bool


@dataclass(frozen=True)
class Rows:
    """Parsed lines, without their series.

    Attributes
    ----------
    attributes : dict of str to ndarray, shape (row,)
        By canonical name; ``pid`` as bytes, the others float64; NaN where the field is empty.
    styles : dict of str to str
        How each column writes its numbers, as far as a sample of these lines shows; the acquisition columns
        together under ``""``.
    first_line : int
        Line number of the first row in the file, counted from 1 (the header).
    """

    attributes: dict[str, NDArray[Any]]
    styles: dict[str, str]
    first_line: int


def read_header(stream: IO[bytes], where: str) -> Header:
    """Read the first line of a CSV and recognise its columns.

    Raises
    ------
    FormatError
        FID-2013 when the file is empty, FID-2017 when it is not text, and those of ``parse_header``.
    """
    line = stream.readline(_LINE_LIMIT)
    if not line.strip():
        raise FormatError("FID-2013", "the file is empty", where=where, fix="download the product again")
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise FormatError(
            "FID-2017", f"the header is not UTF-8 text: {error.reason}", where=where, fix="use the CSV as delivered"
        ) from error
    return parse_header(text.split(","), where)


def pieces(stream: IO[bytes], where: str, size: int = PIECE_BYTES) -> Iterator[Piece]:
    """Cut what follows the header into pieces of whole lines.

    Raises
    ------
    FormatError
        FID-2013 when no line follows; FID-2010 when a line has no end.
    """
    line_number, empty = 2, True
    while block := stream.read(size):
        tail = b"" if block.endswith(b"\n") else stream.readline(_LINE_LIMIT)
        content = block + tail if tail else block
        if len(tail) == _LINE_LIMIT:
            raise FormatError(
                "FID-2010",
                "a line does not end",
                where=f"{where}, line {line_number + content.count(NEWLINE)}",
                fix="use the CSV as delivered",
            )
        empty = False
        whole = content.endswith(NEWLINE)
        lines = content.count(NEWLINE) + (not whole)
        yield Piece(content, line_number, lines, last=not whole)
        line_number += lines
    if empty:
        raise FormatError(
            "FID-2013",
            "the file has a header and no points",
            where=where,
            fix="download the product again",
        )


def _pid_bytes(column: pl.Series) -> NDArray[np.bytes_]:
    lengths = column.str.len_bytes()
    width = lengths.max()
    if not isinstance(width, int) or width == 0 or column.null_count() or lengths.min() != width:
        return np.array([(text or "").encode() for text in column], dtype=np.bytes_)
    # Texts of one length stand back to back in the Arrow buffer: no text object need be made.
    array: Any = column.to_arrow()
    return np.frombuffer(array.buffers()[2], dtype=f"S{width}", count=len(column), offset=array.offset * width).copy()


def _lines(piece: Piece) -> list[bytes]:
    return piece.content.removesuffix(NEWLINE).split(NEWLINE)


def _check_widths(piece: Piece, header: Header, where: str) -> None:
    """Refuse a line that has not one field a column; the fast parser fills short lines with nulls."""
    expected = len(header.spelled) + len(header.date_columns)
    for offset, line in enumerate(_lines(piece)):
        if (found := line.count(b",") + 1) != expected:
            raise FormatError(
                "FID-2010",
                f"{found} fields instead of {expected}",
                where=f"{where}, line {piece.first_line + offset}",
                fix="the file is cut or damaged: download it again",
            )


def _is_number(field: bytes, limit: float) -> bool:
    """Tell whether the fast parser takes a field; an empty one is a missing value."""
    text = field.lstrip()
    if not text or text.lower().lstrip(b"+-") == b"nan":
        return True
    # float() also takes 1_0 and blanks at the end, which no EGMS file holds.
    if b"_" in text or text != text.rstrip():
        return False
    try:
        return abs(float(text)) <= limit
    except ValueError:
        return False


def _is_text(field: bytes) -> bool:
    try:
        field.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fault(piece: Piece, header: Header, where: str) -> FormatError:
    """Find the line and column that the fast parser refused."""
    try:
        _check_widths(piece, header, where)
    except FormatError as fault:
        return fault
    limits = dict.fromkeys(header.spelled, float(np.finfo(np.float64).max))
    limits |= dict.fromkeys(header.date_columns, float(np.finfo(np.float32).max))
    for offset, line in enumerate(_lines(piece)):
        for (name, limit), field in zip(limits.items(), line.rstrip(b"\r").split(b","), strict=True):
            text_column = name in _TEXT_COLUMNS
            if not (_is_text(field) if text_column else _is_number(field, limit)):
                return FormatError(
                    "FID-2009",
                    f"not a {'text' if text_column else 'number'}: {field[:40].decode(errors='replace')!r}",
                    where=f"{where}, line {piece.first_line + offset}, column {name}",
                    fix="the file is damaged: download it again",
                )
    return FormatError("FID-2009", "the lines cannot be parsed", where=f"{where}, from line {piece.first_line}",
                       fix="the file is damaged: download it again")  # fmt: skip


def _sample(piece: Piece) -> list[list[str]]:
    lines = piece.content.split(NEWLINE, _STYLE_SAMPLE_LINES)[:_STYLE_SAMPLE_LINES]
    return [line.decode(errors="replace").rstrip("\r").split(",") for line in lines if line]


def _styles(piece: Piece, header: Header) -> dict[str, str]:
    fields = _sample(piece)
    width = len(header.names)
    styles = {
        name: number_style([row[k] for row in fields])
        for k, name in enumerate(header.names)
        if name not in _TEXT_COLUMNS
    }
    # The acquisition columns share one style; one in eight tells it.
    styles[""] = number_style([text for row in fields for text in row[width::8]])
    return styles


def _decimals(text: str) -> int:
    return len(text.rpartition(".")[2]) if "." in text else 0


def _check_end(piece: Piece, header: Header, styles: Mapping[str, str], where: str) -> None:
    """Refuse a last line without an end unless its last number shows that no digit is lost: a cut number is a number.

    It shows so when the series are written with a fixed number of decimals, or with one, which EGMS never leaves out.
    """
    line = piece.content.rpartition(NEWLINE)[2]
    if not line or line.endswith(b"\r"):
        return
    field = line.rpartition(b",")[2].decode(errors="replace")
    printed = [text for row in _sample(piece) for text in row[len(header.names) :]]
    one_decimal = all(_decimals(text) <= 1 and "e" not in text.lower() for text in printed)
    if (styles[""] == "shortest" and one_decimal and _decimals(field) == 1) or styles[
        ""
    ] == f"fixed:{_decimals(field)}":
        return
    raise FormatError(
        "FID-2010",
        f"the file ends inside a line: last field {field[:40]!r}",
        where=f"{where}, line {piece.first_line + piece.content.count(NEWLINE)}",
        fix="the file is cut: download it again; if it is whole, end its last line",
    )


def _read(content: bytes, schema: dict[str, Any], piece: Piece, header: Header, where: str) -> pl.DataFrame:
    try:
        frame = pl.read_csv(content, has_header=False, schema=schema, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise _fault(piece, header, where) from error
    except BaseException as error:
        # A panic of the Rust parser is no Exception; anything else (Ctrl-C) must pass.
        if type(error).__name__ != "PanicException":
            raise
        raise _fault(piece, header, where) from error
    if frame.height != piece.lines:
        raise _fault(piece, header, where)
    return frame


def _rows(frame: pl.DataFrame, styles: dict[str, str], piece: Piece, header: Header, where: str) -> Rows:
    attributes: dict[str, NDArray[Any]] = {
        name: _pid_bytes(frame[name]) if name in _TEXT_COLUMNS else frame[name].to_numpy() for name in header.names
    }
    if any(np.isinf(column).any() for name, column in attributes.items() if name not in _TEXT_COLUMNS):
        raise _fault(piece, header, where)
    return Rows(attributes, styles, piece.first_line)


def _attribute_schema(header: Header) -> dict[str, Any]:
    return {name: pl.String if name in _TEXT_COLUMNS else pl.Float64 for name in header.names}


def parse(piece: Piece, header: Header, where: str) -> tuple[Rows, NDArray[np.float32]]:
    """Parse a piece of a CSV.

    Parameters
    ----------
    piece : Piece
        From :func:`pieces`.
    header : Header
        From :func:`read_header`.
    where : str
        Name of the file, for errors.

    Returns
    -------
    rows : Rows
    series_mm : ndarray of float32, shape (row, epoch)
        Displacement; NaN where the field is empty. Column-contiguous.

    Raises
    ------
    FormatError
        FID-2009 bad number, FID-2010 wrong number of fields or cut line, both with line and column.
    """
    schema = _attribute_schema(header) | dict.fromkeys(header.date_columns, pl.Float32)
    frame = _read(piece.content, schema, piece, header, where)
    if frame[header.date_columns[-1]].null_count() > 0:
        _check_widths(piece, header, where)
    styles = _styles(piece, header)
    if piece.last:
        _check_end(piece, header, styles, where)
    series = frame.select(header.date_columns).to_numpy(order="fortran").astype(np.float32, copy=False)
    if np.isinf(series).any():
        raise _fault(piece, header, where)
    return _rows(frame.select(header.names), styles, piece, header, where), series


def parse_quantised(piece: Piece, header: Header, where: str) -> tuple[Rows, QuantisedSeries]:
    """Parse a piece of a CSV to series in tenths of a millimetre; parameters and errors as :func:`parse`.

    Returns
    -------
    rows : Rows
    series : QuantisedSeries
        Not ``exact`` when tenths cannot hold the values.
    """
    content = piece.content if piece.content.endswith(NEWLINE) else piece.content + NEWLINE
    taken = split(content, piece.lines, len(header.names), len(header.date_columns))
    if taken is None:
        rows, series_mm = parse(piece, header, where)
        return rows, encode(series_mm)
    frame = _read(taken.attribute_text, _attribute_schema(header), piece, header, where)
    styles = _styles(piece, header)
    if piece.last:
        _check_end(piece, header, styles, where)
    return _rows(frame, styles, piece, header, where), taken.series


def _fixed(number: float, decimals: int) -> str:
    # The style is known from a sample; a number that needs more digits keeps them.
    text = f"{number:.{decimals}f}"
    return text if float(text) == number else repr(number)


def _text_column(values: NDArray[Any], style: str) -> pl.Series:
    if values.dtype.kind == "S":
        return pl.Series(values.astype(np.str_))
    numbers = np.asarray(values, dtype=np.float64)
    missing = np.isnan(numbers)
    if style == "shortest":
        return pl.Series(numbers).fill_nan(None)
    if style.startswith("fixed:"):
        decimals = int(style.removeprefix("fixed:"))
        text = [None if gap else _fixed(n, decimals) for n, gap in zip(numbers.tolist(), missing, strict=True)]
        return pl.Series(text, dtype=pl.String)
    whole = np.where(missing, 0.0, numbers)
    integers = np.all((whole == np.rint(whole)) & (np.abs(whole) < _EXACT_INTEGERS))
    if integers and not np.any((whole == 0) & np.signbit(whole)):
        return pl.Series(whole.astype(np.int64)).set(pl.Series(missing), None)
    text = [
        None if gap else repr(number).removesuffix(".0") for number, gap in zip(numbers.tolist(), missing, strict=True)
    ]
    return pl.Series(text, dtype=pl.String)


def write_header(sink: IO[bytes], header: Header) -> None:
    """Write the first line."""
    sink.write(",".join([*header.spelled, *header.date_columns]).encode() + b"\n")


def write_rows(
    sink: IO[bytes],
    header: Header,
    attributes: Mapping[str, NDArray[Any]],
    series_mm: NDArray[np.float64],
    styles: Mapping[str, str],
) -> None:
    """Write lines in the style of the source.

    Parameters
    ----------
    sink : binary file
    header : Header
        Columns and their order.
    attributes : mapping of str to ndarray, shape (row,)
        By canonical name; NaN is written as an empty field.
    series_mm : ndarray of float64, shape (row, epoch)
        Already rounded to what is to be printed; the sign of zero is kept.
    styles : mapping of str to str
        As in ``Rows.styles``; ``shortest`` where a column is not named.
    """
    columns = {
        spelled: _text_column(attributes[name], styles.get(name, "shortest"))
        for spelled, name in zip(header.spelled, header.names, strict=True)
    }
    series_style = styles.get("", "shortest")
    for k, name in enumerate(header.date_columns):
        columns[name] = _text_column(series_mm[:, k], series_style)
    pl.DataFrame(columns).write_csv(sink, include_header=False, quote_style="never")
