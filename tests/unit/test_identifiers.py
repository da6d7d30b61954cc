"""Point, cell and burst identifiers against the published vectors and real identifiers."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.motion.identifiers import (
    PointIds,
    burst_number,
    decode_cells,
    decode_points,
    encode_cells,
    encode_points,
    provider_name,
)


def ids(*fields: int) -> PointIds:
    return PointIds(*(np.array([value]) for value in fields))


def plain(decoded: PointIds, index: int = 0) -> list[int]:
    return [int(field[index]) for field in astuple(decoded)]


NORCE = (3, 88, 282, 2, 3, 1234, 12345)  # EGMS-D6-PDD v3.0: 3ODTn5TNYv
EGEOS = (1, 22, 845, 2, 3, 1217, 4670)  # real, Ustica: 166ax5Ofja


@pytest.mark.parametrize(("fields", "text"), [(NORCE, "3ODTn5TNYv"), (EGEOS, "166ax5Ofja")])
def test_published_and_real_point_identifiers(fields, text):
    assert str(encode_points(ids(*fields))[0]) == text
    assert plain(decode_points([text])) == list(fields)


def test_bytes_and_text_decode_alike():
    texts = ["166ax5Ofja", "3ODTn5TNYv"]
    for one, other in zip(astuple(decode_points(texts)), astuple(decode_points(np.array(texts, "S10"))), strict=True):
        np.testing.assert_array_equal(one, other)


def test_real_cell_identifier():
    assert str(encode_cells(1, [4597550], [1739750])[0]) == "10LDTjEkDv"
    provider, easting, northing = decode_cells(["10LDTjEkDv"])
    assert (provider[0], easting[0], northing[0]) == (1, 4597550, 1739750)


def test_any_point_of_a_cell_gives_its_identifier_and_the_next_cell_another():
    corner = encode_cells(1, [4597500, 4597599.99, 4597600], [1739700, 1739799.99, 1739700])
    assert corner[0] == corner[1] == "10LDTjEkDv"
    assert corner[2] != corner[0]


INVALID = [
    "", "166ax5Ofj", "166ax5Ofjaa", "166ax5Of-a", " 66ax5Ofja", "166ax5Ofj ", "166ax5Ofjé", "166ax5Ofj\u0661",

]  # fmt: skip


@pytest.mark.parametrize("text", INVALID)
def test_invalid_text_decodes_to_minus_one_beside_valid_ones(text):
    decoded = decode_points(["166ax5Ofja", text, "3ODTn5TNYv"])
    assert plain(decoded, 1) == [-1] * 7
    assert plain(decoded, 0) == list(EGEOS)
    assert plain(decoded, 2) == list(NORCE)


@pytest.mark.parametrize("text", ["", "10LDTjEkD", "10LDTjEkDv0", "10LDTjEk.v"])
def test_invalid_cell_decodes_to_minus_one(text):
    assert [int(part[0]) for part in decode_cells([text])] == [-1, -1, -1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("provider", 62), ("track", 256), ("burst", 4096), ("swath", 4), ("polarisation", 4), ("line", 65536),
     ("pixel", 65536), ("line", -1), ("track", -1)],
)  # fmt: skip
def test_field_that_does_not_fit_is_refused_with_its_name_and_point(field, value):
    two = PointIds(*(np.array([part, part]) for part in EGEOS))
    with pytest.raises(InputError) as caught:
        encode_points(replace(two, **{field: np.array([getattr(two, field)[0], value])}))
    assert caught.value.code == "FID-1021"
    assert field in caught.value.problem
    assert caught.value.where == "point 1"


@pytest.mark.parametrize(("field", "value"), [("line", 13_980), ("track", 226)])
def test_field_that_would_lose_digits_is_refused(field, value):
    # Five symbols hold line 13979 and a half, four hold track 225.
    with pytest.raises(InputError, match="FID-1021"):
        encode_points(replace(ids(*EGEOS), **{field: np.array([value])}))


@pytest.mark.parametrize(("provider", "easting", "northing"), [(1, -1e5, 1.7e6), (1, 4.5e6, -1e5), (62, 4.5e6, 1.7e6)])
def test_cell_that_does_not_fit_is_refused(provider, easting, northing):
    with pytest.raises(InputError, match="FID-1021"):
        encode_cells(provider, [easting], [northing])


def test_burst_number_of_the_published_vector():
    assert burst_number(88, 775.1918283259 + 1508 / 2 * 0.0020555563) == (187151, 282)


def test_burst_numbers_count_up_along_the_orbit():
    numbers = [burst_number(22, 5.0 + 2.758273 * k) for k in range(200)]
    assert np.all(np.diff([burst for _, burst in numbers]) == 1)
    assert np.all(np.diff([esa for esa, _ in numbers]) == 1)


def test_a_facility_that_the_document_does_not_list_is_a_number():
    decoded = decode_points(["566ax5Ofja"])
    assert (decoded.provider[0], decoded.burst[0]) == (5, 845)
    assert provider_name(5) == "facility 5"
    assert provider_name(3) == "NORCE"
