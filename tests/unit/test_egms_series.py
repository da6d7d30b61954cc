"""Fast path of the series columns: accepts what EGMS writes, leaves everything else to the general parser."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats.egms_series import split
from fiducial.formats.quantised_series import FILL


def test_takes_lines_apart():
    content = b"id,1.5,0.1,-0.1,\nx,,-0.0,3276.7,-3276.7\r\ny,2,,,-0.0\n"
    taken = split(content, 3, 2, 3)
    assert taken is not None
    assert taken.attribute_text == b"id,1.5\nx,\ny,2\n"
    np.testing.assert_array_equal(taken.series.tenth_mm, [[1, -1, FILL], [0, 32767, -32767], [FILL, FILL, 0]])
    assert taken.series.exact
    assert taken.series.negative_zero_count.tolist() == [0, 1, 1]
    assert taken.series.negative_zero_epoch.tolist() == [0, 2]


def test_long_and_odd_attribute_text_passes_through():
    content = b'\xff\x00 "a,b",c,1.0\n'
    taken = split(content, 1, 3, 1)
    assert taken is not None
    assert taken.attribute_text == b'\xff\x00 "a,b",c\n'


IRREGULAR = [
    b"1", b"1.", b".5", b"1.25", b"+1.0", b"1e0", b" 1.0", b"1.0 ", b"-", b"--1.0", b"nan", b"3276.8", b"-3276.8",
    b"10000.0", b"99999999999999999999.0", b"1.a", b"1.\x00", b"1.0\r", b"1,5", b"1.0,", b"-.0", b"1.-", b"1..",
]  # fmt: skip


@pytest.mark.parametrize("text", IRREGULAR)
@pytest.mark.parametrize("last", [False, True])
def test_anything_else_is_left_to_the_general_parser(text, last):
    if text == b"1.0\r" and last:
        text = b"1.0\r\r"
    fields = b"2.0," + text if last else text + b",2.0"
    assert split(b"a,1,0.0,0.0\na,1," + fields + b"\n", 2, 2, 2) is None


@pytest.mark.parametrize(
    "content",
    [b"a,1,0.0\n", b"a\n", b"\n", b"\r\n", b"a,1,0.0,0.0,0.0\n", b"a,1\n,0.0,0.0\n", b"a,1,0.0,0.0\n\n"],
)
def test_wrong_number_of_fields_or_lines(content):
    assert split(content, content.count(b"\n"), 2, 2) is None


def test_fewer_lines_than_there_are():
    assert split(b"a,1,0.0\nb,1,0.0\n", 1, 2, 1) is None
