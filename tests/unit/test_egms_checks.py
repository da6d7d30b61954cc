"""Checks of parsed rows: one burst a file, unit line of sight, map coordinates, identifiers."""

from __future__ import annotations

import numpy as np
import pytest

import egms_factory
from egms_factory import joined, level2, level3
from fiducial.errors import FormatError
from fiducial.formats import egms, egms_checks, egms_csv
from fiducial.formats.egms_checks import map_difference_m
from fiducial.runs.ingest import import_egms


def check(product, folder, piece_bytes: int = egms_csv.PIECE_BYTES):
    file = egms.recognise(product.write_zip(folder))
    burst = None
    with file.pieces(piece_bytes) as pieces:
        for piece in pieces:
            rows, _ = egms_csv.parse_quantised(piece, file.header, file.where)
            burst = egms_checks.check(rows, file, burst)
    return burst


def fault(product, folder, **options) -> tuple[str, str]:
    with pytest.raises(FormatError) as caught:
        check(product, folder, **options)
    return caught.value.code, caught.value.where.partition("!")[2]


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda p: f"{p.stem}-{len(p.columns)}")
def test_valid_products_pass_and_tell_their_burst(product, tmp_path):
    assert check(product, tmp_path) == (None if "L3" in product.stem else (22, 845, 2))


@pytest.mark.parametrize("size", [egms_csv.PIECE_BYTES, 300])
@pytest.mark.parametrize("other", [{"track": 117}, {"burst": 846}, {"swath": 3}])
def test_mixed_bursts_in_one_file(size, other, tmp_path):
    product = joined(level2(), level2(**other))
    assert fault(product, tmp_path, piece_bytes=size) == ("FID-2007", f"{product.stem}.csv, line 6")


def test_burst_other_than_the_name_says(tmp_path):
    product = level2(burst=846)
    product.stem, product.xml_text = level2().stem, level2().xml_text
    assert fault(product, tmp_path)[0] == "FID-2015"


@pytest.mark.parametrize("value", ["0.7", "-0.594", "0.0", "", "59.4", "1e300"])
def test_line_of_sight_that_is_no_unit_vector(value, tmp_path):
    product = level2()
    # The sign alone does not change the length; two wrong signs are another matter, of the audit.
    product.set(2, "los_east", value)
    if value == "-0.594":
        assert check(product, tmp_path) == (22, 845, 2)
    else:
        assert fault(product, tmp_path) == ("FID-2008", f"{product.stem}.csv, line 4")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("easting", "13.17"), ("northing", "38.69"), ("easting", "4598604.94"), ("northing", ""), ("easting", ""),
        ("longitude", ""), ("latitude", "91.5"), ("latitude", "38.7907"), ("longitude", "1e300"),
        ("easting", "1e300"), ("northing", "NaN"),
    ],
)  # fmt: skip
def test_coordinates_in_another_system_or_missing(name, value, tmp_path):
    product = level2()
    product.set(1, name, value)
    assert fault(product, tmp_path) == ("FID-2020", f"{product.stem}.csv, line 3")


def test_utm_coordinates_are_refused(tmp_path):
    product = level2()
    for row in range(4):
        product.set(row, "easting", "340912.11")
        product.set(row, "northing", "4284011.7")
    assert fault(product, tmp_path) == ("FID-2020", f"{product.stem}.csv, line 2")


@pytest.mark.parametrize("pid", ["", "166ax5Ofj", "166ax5Of-a", "166ax5Ofjé", "166ax5Ofjaa"])
def test_bad_point_identifier(pid, tmp_path):
    product = level2()
    product.set(3, "pid", pid)
    assert fault(product, tmp_path) == ("FID-2016", f"{product.stem}.csv, line 5")


@pytest.mark.parametrize(("pid", "code"), [("", "FID-2016"), ("10LDTjEk-v", "FID-2016"), ("10LDTjEkDv", "FID-2020")])
def test_bad_or_wrong_cell_identifier(pid, code, tmp_path):
    product = level3()
    product.set(3, "pid", pid)
    assert fault(product, tmp_path) == (code, f"{product.stem}.csv, line 5")


@pytest.mark.parametrize(("name", "value"), [("easting", "4597551"), ("northing", "1739850"), ("northing", "")])
def test_cell_coordinates_that_are_not_those_of_the_identifier(name, value, tmp_path):
    product = level3()
    product.set(0, name, value)
    assert fault(product, tmp_path) == ("FID-2020", f"{product.stem}.csv, line 2")


@pytest.mark.parametrize("name", ["line", "pixel", "cluster_label"])
@pytest.mark.parametrize("value", ["12.5", "3e9"])
def test_whole_number_columns(name, value, tmp_path):
    product = level2("L2a")
    product.set(2, name, value)
    assert fault(product, tmp_path) == ("FID-2009", f"{product.stem}.csv, line 4, column {name}")


def test_map_difference_is_in_metres_and_infinite_where_undefined():
    longitude, latitude = np.array([13.171006, 13.171006, np.nan]), np.array([38.690723, 95.0, 38.0])
    distance = map_difference_m(longitude, latitude, np.full(3, 4598594.94), np.full(3, 1739723.52))
    assert distance[0] < 0.06  # a real point
    assert np.isinf(distance[1:]).all()


def test_cell_outside_the_tile_of_the_name_is_refused(tmp_path):
    product = egms_factory.level3("U")
    path = product.write_zip(tmp_path, product.stem.replace("E45N17", "E46N17"))
    product.stem = product.stem.replace("E45N17", "E46N17")
    path.write_bytes(product.zip())
    with pytest.raises(FormatError, match="FID-2015"):
        import_egms(path, tmp_path / "out")
