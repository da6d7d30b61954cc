"""EGMS CSV on inputs Hypothesis makes up: fast path equals general path, and no cut ever gives a changed number."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egms_factory import level2, level3
from fiducial.errors import FormatError
from fiducial.formats import egms_csv
from fiducial.formats.egms_series import split
from fiducial.formats.quantised_series import decode_exact, encode

EGMS_NUMBERS = st.integers(-32767, 32767).map(lambda tenth: repr(tenth / 10)) | st.sampled_from(["", "-0.0", "0.0"])
ANY_NUMBERS = EGMS_NUMBERS | st.sampled_from(["1", "+2.5", " 3.5", "1e2", ".5", "1.", "0.25", "NaN", "-3276.8", "1e5"])
LINE_ENDS = st.sampled_from(["\n", "\r\n"])


def tables(numbers):
    return st.integers(2, 6).flatmap(
        lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=6)
    )


def product_of(table):
    product = level2(points=len(table), epochs=len(table[0]))
    width = len(product.columns)
    product.rows = [[*row[:width], *numbers] for row, numbers in zip(product.rows, table, strict=True)]
    return product


def read(content: bytes, parser, size: int = egms_csv.PIECE_BYTES):
    stream = io.BytesIO(content)
    header = egms_csv.read_header(stream, "a.csv")
    return header, [parser(piece, header, "a.csv") for piece in egms_csv.pieces(stream, "a.csv", size)]


def assert_same(one, other):
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(np.signbit(one) & ~np.isnan(one), np.signbit(other) & ~np.isnan(other))


@given(tables(EGMS_NUMBERS), LINE_ENDS)
def test_fast_path_takes_all_egms_text_and_equals_the_general_path(table, newline):
    product = product_of(table)
    product.newline = newline
    body = product.csv().partition(b"\n")[2]
    assert split(body, len(table), len(product.columns), len(table[0])) is not None
    _, [(fast, coded)] = read(product.csv(), egms_csv.parse_quantised)
    _, [(general, series)] = read(product.csv(), egms_csv.parse)
    for name, column in general.attributes.items():
        np.testing.assert_array_equal(fast.attributes[name], column)
    assert fast.styles == general.styles
    exact = decode_exact(coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
    assert_same(exact, product.series_mm())
    assert_same(exact.astype(np.float32), series)


@given(tables(ANY_NUMBERS))
def test_irregular_text_gives_the_same_numbers_or_says_that_tenths_cannot_hold_them(table):
    product = product_of(table)
    _, [(_, coded)] = read(product.csv(), egms_csv.parse_quantised)
    truth = product.series_mm()
    tenths_hold = np.isnan(truth) | ((np.abs(truth) <= 3276.7) & (np.round(truth, 1) == truth))
    assert coded.exact == tenths_hold.all()
    if coded.exact:
        exact = decode_exact(coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
        assert_same(exact, truth)


@given(st.lists(st.floats(-4000, 4000, width=32) | st.just(np.nan), min_size=1, max_size=40))
def test_encoding_is_exact_exactly_when_nothing_is_lost(values):
    series = np.array([values], dtype=np.float32)
    coded = encode(series)
    tenths = np.rint(series.astype(np.float64) * 10) / 10
    lossless = np.isnan(series) | ((tenths.astype(np.float32) == series) & (np.abs(tenths) <= 3276.7))
    assert coded.exact == lossless.all()


@given(tables(EGMS_NUMBERS), st.integers(1, 400))
def test_pieces_of_any_size_give_the_same_rows(table, size):
    product = product_of(table)
    _, parsed = read(product.csv(), egms_csv.parse, size)
    assert_same(np.concatenate([series for _, series in parsed]), product.series_mm().astype(np.float32))


@given(tables(EGMS_NUMBERS))
def test_write_inverts_read_to_the_byte(table):
    product = product_of(table)
    header, [(rows, coded)] = read(product.csv(), egms_csv.parse_quantised)
    sink = io.BytesIO()
    egms_csv.write_header(sink, header)
    series = decode_exact(coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
    egms_csv.write_rows(sink, header, rows.attributes, series, rows.styles)
    assert sink.getvalue() == product.csv()


# What a cut bare CSV can show. A cut inside a line is seen by the number of fields, and inside the last field by its
# form: EGMS prints one decimal and never leaves it out, so "12.3" is whole and "12." and "12" and "" are not. With a
# fixed number of decimals likewise. In every other style (whole numbers, shortest with two decimals) a cut number looks
# like a number: there a last line without an end is refused. A cut exactly at the end of a line leaves a shorter file
# that is valid: nothing in the file tells it (the ZIP does, by length and CRC); then all rows left are whole.
CUT = {
    "tenths": level2(points=3, epochs=4, seed=1),
    "level 3": level3(cells=3, epochs=4, seed=2),
}


def styled(texts):
    product = level2(points=3, epochs=4)
    width = len(product.columns)
    product.rows = [[*row[:width], *texts[4 * k : 4 * k + 4]] for k, row in enumerate(product.rows)]
    return product


CUT["whole numbers"] = styled([str(n) for n in (10, 21, -32, 43, 54, 65, 76, 87, 98, 109, 110, 1234)])
CUT["two decimals"] = styled([f"{n / 7:.2f}" for n in range(11)] + ["123.40"])
CUT["shortest of two decimals"] = styled(["1.25", "0.5", "3.75", "12.55", "1.0", "2.25"] * 2)
CUT["plain"] = styled(["1", "2.5", "-3", "123.4"] * 3)
CUT["powers"] = styled(["1.5e-3", "2.5", "1.0", "1.5e-3"] * 3)


@cache
def contents() -> dict[str, bytes]:
    return {name: product.csv() for name, product in CUT.items()}


@given(st.sampled_from(sorted(CUT)), st.floats(0, 1), st.booleans(), st.sampled_from([egms_csv.PIECE_BYTES, 300]))
@settings(max_examples=300)
@example(name="whole numbers", fraction=1.0, windows=True, size=300)
def test_cut_at_any_place_is_an_error_or_leaves_whole_rows(name, fraction, windows, size):
    content = contents()[name].replace(b"\n", b"\r\n") if windows else contents()[name]
    cut = content[: int(fraction * len(content))]
    for parser in (egms_csv.parse, egms_csv.parse_quantised):
        _check_cut(CUT[name], content, cut, parser, size)


def test_cut_at_each_place_of_the_last_line():
    for name, content in contents().items():
        start = content[:-1].rfind(b"\n") + 1
        for length in range(start, len(content) + 1):
            for parser in (egms_csv.parse, egms_csv.parse_quantised):
                _check_cut(CUT[name], content, content[:length], parser, egms_csv.PIECE_BYTES)


def _check_cut(product, content, cut, parser, size):
    try:
        header, parsed = read(cut, parser, size)
    except FormatError as error:
        assert not cut.endswith(b"\n") or cut.count(b"\n") == 1  # whole lines are never refused
        assert error.code in {"FID-2003", "FID-2004", "FID-2009", "FID-2010", "FID-2013", "FID-2018"}  # noqa: PT017
        return
    assert list(header.date_columns) == product.date_columns
    rows = sum(len(attributes.attributes["pid"]) for attributes, _ in parsed)
    assert rows == len(cut.rstrip(b"\r\n").split(b"\n")) - 1
    truth = product.series_mm()[:rows].astype(np.float32)
    if parser is egms_csv.parse:
        assert_same(np.concatenate([series for _, series in parsed]), truth)
    elif all(coded.exact for _, coded in parsed):
        exact = [decode_exact(c.tenth_mm, c.negative_zero_count, c.negative_zero_epoch) for _, c in parsed]
        assert_same(np.concatenate(exact).astype(np.float32), truth)
    assert content.startswith(cut)
