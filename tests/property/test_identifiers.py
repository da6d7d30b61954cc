"""Identifiers: decoding inverts encoding, and any text whatever is either valid or all -1."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fiducial.motion.identifiers import (
    ALPHABET,
    PointIds,
    decode_cells,
    decode_points,
    encode_cells,
    encode_points,
)

# Four symbols hold tracks up to 224 whole, five hold lines up to 13978 (62^4 < 2^24, 62^5 < 2^32).
FIELDS = st.tuples(
    st.integers(0, 61), st.integers(0, 224), st.integers(0, 4095), st.integers(0, 3),
    st.integers(0, 3), st.integers(0, 13978), st.integers(0, 65535),
)  # fmt: skip


@given(st.lists(FIELDS, min_size=1, max_size=20))
def test_decode_inverts_encode(points):
    columns = [np.array(column) for column in zip(*points, strict=True)]
    text = encode_points(PointIds(*columns))
    assert all(len(one) == 10 for one in text)
    for field, column in zip(astuple(decode_points(text)), columns, strict=True):
        np.testing.assert_array_equal(field, column)


@given(st.lists(st.text(ALPHABET, min_size=10, max_size=10), min_size=1, max_size=20))
def test_encode_inverts_decode_where_the_text_is_valid(texts):
    decoded = decode_points(texts)
    valid = decoded.track >= 0
    kept = PointIds(*(field[valid] for field in astuple(decoded)))
    np.testing.assert_array_equal(encode_points(kept), np.array(texts)[valid])


@given(st.lists(st.text(max_size=14), min_size=1, max_size=10))
def test_any_text_is_valid_whole_or_not_at_all(texts):
    fields = np.stack(astuple(decode_points(texts)))
    assert np.all((fields >= 0).all(axis=0) | (fields == -1).all(axis=0))
    plausible = np.array([len(text) == 10 and set(text) <= set(ALPHABET) for text in texts])
    assert not np.any((fields >= 0).any(axis=0) & ~plausible)


@given(
    st.integers(0, 61),
    st.lists(st.tuples(st.floats(900_000, 7_400_000), st.floats(900_000, 5_500_000)), min_size=1, max_size=10),
)
def test_cell_centre_is_within_50_m_of_every_point(provider, points):
    easting, northing = np.array(points).T
    who, east, north = decode_cells(encode_cells(provider, easting, northing))
    assert np.all(who == provider)
    assert np.all((east - 50 <= easting) & (easting < east + 50))
    assert np.all((north - 50 <= northing) & (northing < north + 50))
