"""IGS names: building and parsing are each other's inverse, and no text raises anything but FiducialError."""

from __future__ import annotations

import string

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.errors import FiducialError
from fiducial.formats.igs_names import LongName, Period, ProductName, ShortName, parse_name, parse_product_name

LETTERS = string.ascii_uppercase + string.digits
CODES = st.text(LETTERS, min_size=3, max_size=3)
SMALL = st.text(string.ascii_lowercase + string.digits, min_size=3, max_size=3)
PERIODS = st.builds(Period, st.integers(1, 99), st.sampled_from("SMHDWLY")) | st.just(Period(0, "U"))
SUFFIXES = st.sampled_from(["", ".gz", ".Z", ".bz2"])
PRODUCTS = st.builds(ProductName, CODES, CODES, CODES, st.integers(0, 9))
MINUTES = int(np.timedelta64(148112640, "m") / np.timedelta64(1, "m"))
STARTS = st.integers(0, MINUTES).map(lambda minutes: np.datetime64("1980-01-01T00:00", "m") + minutes)
STATIONS = st.just("") | st.from_regex(r"[A-Z0-9]{4}[0-9]{2}[A-Z]{3}", fullmatch=True)
LONG_NAMES = st.builds(LongName, PRODUCTS, STARTS, PERIODS, PERIODS, CODES, CODES, STATIONS, SUFFIXES)

DAYS = st.integers(0, 69_999).map(lambda days: np.datetime64("1980-01-06") + days)
WEEKS = st.integers(0, 9_999).map(lambda weeks: np.datetime64("1980-01-06") + 7 * weeks)
FORMATS = st.sampled_from(["sp3", "eph", "clk", "clk_30s", "clk_05s", "erp", "snx", "sum", "cls"])
HOURS = st.none() | st.integers(0, 23)
SINEX_FORMATS = st.sampled_from(["snx", "sum", "erp"])
IONEX_DAYS = DAYS.filter(lambda day: day < np.datetime64("2080-01-01"))
DAILY, WEEKLY = st.just(False), st.just(True)  # noqa: FBT003
SHORT_NAMES = (
    st.builds(ShortName, st.just("week"), SMALL, DAYS, FORMATS, DAILY, HOURS, SUFFIXES)
    | st.builds(ShortName, st.just("week"), SMALL, WEEKS, FORMATS, WEEKLY, st.none(), SUFFIXES)
    | st.builds(ShortName, st.just("ionex"), SMALL, IONEX_DAYS, st.just("ionex"), DAILY, st.none(), SUFFIXES)
    | st.builds(ShortName, st.just("sinex"), SMALL, WEEKS, SINEX_FORMATS, WEEKLY, st.none(), SUFFIXES)
    | st.builds(ShortName, st.just("sinex"), SMALL, DAYS, SINEX_FORMATS, DAILY, st.none(), SUFFIXES)
)


@settings(max_examples=150, deadline=None)
@given(LONG_NAMES | SHORT_NAMES)
def test_a_built_name_parses_to_its_parts(name):
    text = name.build()
    assert parse_name(text) == name
    assert parse_name(text).build() == text


@given(PRODUCTS)
def test_a_built_product_parses_to_its_parts(product):
    assert len(product.build()) == 10
    assert parse_product_name(product.build()) == product


@settings(max_examples=200, deadline=None)
@given(
    LONG_NAMES.map(LongName.build) | SHORT_NAMES.map(ShortName.build),
    st.integers(0, 60),
    st.integers(0, 4),
    st.text(string.printable + "é٣", max_size=3),
)
def test_a_changed_name_parses_to_itself_or_is_refused(text, place, length, piece):
    changed = text[:place] + piece + text[place + length :]
    try:
        name = parse_name(changed)
    except FiducialError:
        return
    assert name.build() == changed.replace("\\", "/").rsplit("/", 1)[-1]
