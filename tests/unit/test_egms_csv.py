"""CSV of EGMS: pieces, numbers, line ends, styles, and every damage told with its line and column."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest

import egms_factory
from egms_factory import level2, level3
from fiducial.errors import FormatError
from fiducial.formats import egms_csv
from fiducial.formats.quantised_series import decode_exact


def parts(content: bytes, size: int = egms_csv.PIECE_BYTES):
    stream = io.BytesIO(content)
    header = egms_csv.read_header(stream, "a.csv")
    return header, list(egms_csv.pieces(stream, "a.csv", size))


def parse(content: bytes, size: int = egms_csv.PIECE_BYTES):
    """Return header, attributes and series of a whole CSV by the general parser."""
    header, pieces = parts(content, size)
    read = [egms_csv.parse(piece, header, "a.csv") for piece in pieces]
    names = read[0][0].attributes
    attributes = {name: np.concatenate([rows.attributes[name] for rows, _ in read]) for name in names}
    return header, attributes, np.concatenate([series for _, series in read])


def quantise(content: bytes):
    header, (piece,) = parts(content)
    return egms_csv.parse_quantised(piece, header, "a.csv")


def decoded(series) -> np.ndarray:
    return decode_exact(series.tenth_mm, series.negative_zero_count, series.negative_zero_epoch)


def code_of(content: bytes, reader=quantise) -> tuple[str, str]:
    with pytest.raises(FormatError) as caught:
        reader(content)
    return caught.value.code, caught.value.where


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda p: f"{p.stem}-{len(p.columns)}")
def test_numbers_arrive_under_canonical_names(product):
    header, attributes, series = parse(product.csv())
    np.testing.assert_array_equal(series, product.series_mm().astype(np.float32))
    assert [row[0].encode() for row in product.rows] == attributes["pid"].tolist()
    for spelled, name in zip(header.spelled[1:], header.names[1:], strict=True):
        expected = [float(row[product.column(spelled)]) for row in product.rows]
        np.testing.assert_array_equal(attributes[name], expected)


@pytest.mark.parametrize("size", [1, 50, 400, 10_000])
def test_pieces_of_any_size_give_every_line_once_and_number_it(size):
    product = level2(points=17)
    _, pieces = parts(product.csv(), size)
    assert b"".join(piece.content for piece in pieces) == product.csv().partition(b"\n")[2]
    assert sum(piece.lines for piece in pieces) == 17
    assert [piece.first_line for piece in pieces] == [2 + n for n in itertools.accumulate(
        [0, *(piece.lines for piece in pieces[:-1])])]  # fmt: skip
    np.testing.assert_array_equal(parse(product.csv(), size)[2], product.series_mm().astype(np.float32))


def test_windows_line_ends_byte_order_mark_and_no_final_newline_change_nothing():
    product = level2()
    expected = parse(product.csv())
    product.newline = "\r\n"
    unix = product.csv().replace(b"\r", b"")
    for content in (product.csv(), b"\xef\xbb\xbf" + unix, unix[:-1], product.csv()[:-1], product.csv()[:-2]):
        header, attributes, series = parse(content)
        assert header == expected[0]
        np.testing.assert_array_equal(series, expected[2])
        for name, column in attributes.items():
            np.testing.assert_array_equal(column, expected[1][name])
        np.testing.assert_array_equal(decoded(quantise(content)[1]).astype(np.float32), expected[2])


def test_empty_fields_are_missing_in_attributes_and_series():
    product = level2()
    for row, name in ((0, product.date_columns[0]), (1, product.date_columns[-1]), (2, "mean_velocity"), (3, "line")):
        product.set(row, name, "")
    _, attributes, series = parse(product.csv())
    expected = product.series_mm()
    assert np.isnan(expected).sum() == 2
    np.testing.assert_array_equal(series, expected.astype(np.float32))
    np.testing.assert_array_equal(decoded(quantise(product.csv())[1]), expected)
    assert np.isnan(attributes["mean_velocity"]).tolist() == [False, False, True, False]
    assert np.isnan(attributes["line"]).tolist() == [False, False, False, True]


def test_nan_text_is_missing_too():
    product = level2()
    product.set(1, product.date_columns[1], "NaN")
    product.set(2, product.date_columns[-1], "-nan")
    np.testing.assert_array_equal(np.isnan(parse(product.csv())[2]), np.isnan(product.series_mm()))


def test_a_whole_row_and_a_whole_column_may_be_empty():
    product = level2()
    for name in product.date_columns:
        product.set(2, name, "")
    for row in range(4):
        product.set(row, "acceleration", "")
    rows, series = quantise(product.csv())
    np.testing.assert_array_equal(decoded(series), product.series_mm())
    assert np.isnan(rows.attributes["acceleration"]).all()


# Damage -> code and place. Row k of the factory is line k + 2.
NUMBERS = [
    "abc",
    "1.2.3",
    "--1",
    "1_0",
    "0x10",
    "1,",
    "inf",
    "-Infinity",
    "1e999",
    "\u0661",
    "1.5 ",
    "\x00",
    '"1.5"',
    ".",
]


@pytest.mark.parametrize("text", [text for text in NUMBERS if "," not in text])
@pytest.mark.parametrize("name", ["easting", "rmse_ts", "20200103", "20200115", "20200127"])
@pytest.mark.parametrize("reader", [parse, quantise])
def test_what_is_no_number_is_told_with_line_and_column(text, name, reader):
    product = level2()
    product.set(2, name, text)
    assert code_of(product.csv(), reader) == ("FID-2009", f"a.csv, line 4, column {name}")


@pytest.mark.parametrize("reader", [parse, quantise])
def test_series_value_beyond_float32_is_no_number(reader):
    product = level2()
    product.set(0, "20200103", "1e39")
    assert code_of(product.csv(), reader) == ("FID-2009", "a.csv, line 2, column 20200103")


def test_identifier_that_is_no_text():
    product = level2()
    content = product.csv().replace(product.rows[3][0].encode(), b"166a\xff5Ofja")
    assert code_of(content) == ("FID-2009", "a.csv, line 5, column pid")


def test_line_number_counts_over_pieces():
    product = level2(points=40)
    product.set(33, "20200109", "x")
    assert code_of(product.csv(), lambda content: parse(content, 600)) == (
        "FID-2009",
        "a.csv, line 35, column 20200109",
    )


def lines_of(product) -> list[bytes]:
    return product.csv().splitlines(keepends=True)


@pytest.mark.parametrize("reader", [parse, quantise])
@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.rpartition(b",")[0] + b"\n",  # one field short
        lambda line: line[:40] + b"\n",
        lambda line: line[:-1] + b",\n",  # one field too many
        lambda line: line[:-1] + b",1.0\n",
        lambda _: b"\n",
        lambda _: b"\r\n",
        lambda _: b" \n",
        lambda line: line + b"\n",  # an empty line after it
        lambda line: b"\n" + line,
    ],
)
def test_line_with_another_number_of_fields(reader, row, change):
    lines = lines_of(level2())
    lines[row + 1] = change(lines[row + 1])
    content = b"".join(lines)
    code, where = code_of(content, reader)
    assert code == "FID-2010"
    width = content.partition(b"\n")[0].count(b",")
    first_bad = next(k for k, line in enumerate(content.split(b"\n"), 1) if line.count(b",") != width)
    assert where == f"a.csv, line {first_bad}"


def test_missing_text_in_an_earlier_line_does_not_hide_a_short_one():
    product = level2()
    product.set(0, "20200103", "-nan")
    product.rows[2].pop()
    assert code_of(product.csv(), parse) == ("FID-2010", "a.csv, line 4")


def test_line_without_end(monkeypatch):
    monkeypatch.setattr(egms_csv, "_LINE_LIMIT", 1000)
    content = level2().csv() + b"1" * 3000
    assert code_of(content, lambda text: parse(text, 100)) == ("FID-2010", "a.csv, line 6")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n1,2\n", b"  \n"])
def test_empty_file(content):
    assert code_of(content) == ("FID-2013", "a.csv")


def test_header_without_points():
    header = level2().csv().partition(b"\n")[0]
    for content in (header, header + b"\n"):
        assert code_of(content) == ("FID-2013", "a.csv")


@pytest.mark.parametrize("content", [b"pid,\xff\xfe\n", "pid".encode("utf-16"), b"PK\x03\x04\xd0\xcf\n"])
def test_header_that_is_no_text(content):
    assert code_of(content) == ("FID-2017", "a.csv")


STYLES = {
    "shortest": ["1.5", "-0.0", "12.0", "0.1"], "integer": ["1", "0", "-12", "3"],
    "plain": ["1", "-0.5", "12", "0"], "fixed:2": ["1.50", "-0.00", "12.25", "0.10"],
    "fixed:3": ["1.500", "0.001", "-12.250", "7.125"],
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_styles_are_found_and_written_back(style):
    product = level2()
    for k, text in enumerate(STYLES[style]):
        product.set(k, "mean_velocity", text)
        for date in product.date_columns:
            product.set(k, date, text)
    header, (piece,) = parts(product.csv())
    rows, series = egms_csv.parse(piece, header, "a.csv")
    assert rows.styles["mean_velocity"] == rows.styles[""] == style
    sink = io.BytesIO()
    egms_csv.write_header(sink, header)
    printed = np.array(series, dtype=np.str_).astype(np.float64)
    egms_csv.write_rows(sink, header, rows.attributes, printed, rows.styles)
    assert sink.getvalue() == product.csv()


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda p: f"{p.stem}-{len(p.columns)}")
def test_written_text_is_the_text_read(product):
    product.set(0, product.date_columns[1], "-0.0")
    product.set(1, product.date_columns[0], "")
    product.set(2, "mean_velocity", "")
    product.set(3, "acceleration", "-0.0")
    header, (piece,) = parts(product.csv())
    rows, series = egms_csv.parse_quantised(piece, header, "a.csv")
    sink = io.BytesIO()
    egms_csv.write_header(sink, header)
    egms_csv.write_rows(sink, header, rows.attributes, decoded(series), rows.styles)
    assert sink.getvalue() == product.csv()


@pytest.mark.parametrize("style", ["shortest", "integer", "plain", "fixed:1", "fixed:2"])
def test_no_style_ever_loses_a_digit(style):
    # A style is known from a sample of the column; what the sample did not show must still be written whole.
    product = level3(cells=6)
    header, (piece,) = parts(product.csv())
    rows, _ = egms_csv.parse(piece, header, "a.csv")
    values = np.array([0.125, -0.0, 1e17, 12345.678, np.nan, -3.0])
    series = np.tile(values[:, np.newaxis], (1, 5))
    sink = io.BytesIO()
    egms_csv.write_header(sink, header)
    egms_csv.write_rows(sink, header, rows.attributes | {"rmse": values}, series, dict.fromkeys(["rmse", ""], style))
    _, attributes, _ = parse(sink.getvalue())
    np.testing.assert_array_equal(attributes["rmse"], values)
    np.testing.assert_array_equal(np.signbit(attributes["rmse"])[:4], np.signbit(values)[:4])
    text = [float(field) if field else np.nan for field in sink.getvalue().splitlines()[4].split(b",")[-5:]]
    assert text == [12345.678] * 5
