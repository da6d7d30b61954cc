"""The four real EGMS files of Ustica: read, stored and written back to the byte (EGMS 2020_2024)."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from fiducial.formats import egms, egms_checks, egms_csv, egms_xml
from fiducial.formats.egms_columns import Header
from fiducial.formats.egms_series import split
from fiducial.formats.point_product import PointProduct
from fiducial.geodesy import line_of_sight
from fiducial.motion.identifiers import decode_points
from fiducial.runs.ingest import import_egms
from support import data_path

FILES = {
    "EGMS_L2b_022_0845_IW2_VV_2020_2024_1": ("L2b", 4776, 210),
    "EGMS_L2b_117_0227_IW2_VV_2020_2024_1": ("L2b", 5639, 207),
    "EGMS_L3_E45N17_100km_E_2020_2024_1": ("L3", 271, 304),
    "EGMS_L3_E45N17_100km_U_2020_2024_1": ("L3", 271, 304),
}
pytestmark = pytest.mark.real


def source(stem):
    return data_path("egms", "ustica-west", f"{stem}.zip")


def member(stem, suffix) -> bytes:
    with zipfile.ZipFile(source(stem)) as archive:
        return archive.read(f"{stem}.{suffix}")


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    out = tmp_path_factory.mktemp("products")
    return {stem: PointProduct.open(import_egms(source(stem), out)) for stem in FILES}


@pytest.mark.parametrize("stem", FILES)
def test_recognised_and_counted(stem, imported):
    level, points, epochs = FILES[stem]
    file = egms.recognise(source(stem))
    assert (file.level, str(file.name), file.stem) == (level, stem, stem)
    manifest = imported[stem].manifest
    assert (manifest.level, manifest.points, len(manifest.epochs)) == (level, points, epochs)
    assert manifest.series_dtype == "int16"
    assert manifest.tie.gnss_source == "A-EPND 2.0"
    imported[stem].verify()


@pytest.mark.parametrize("stem", FILES)
def test_xml_is_written_as_it_was_read(stem):
    content = member(stem, "xml")
    assert egms_xml.write(egms_xml.read(content, stem)) == content


@pytest.mark.parametrize("stem", FILES)
def test_xml_survives_the_product(stem, imported):
    metadata = imported[stem].manifest.metadata
    assert metadata is not None
    assert egms_xml.write(metadata.to_egms()) == member(stem, "xml")


@pytest.mark.parametrize("stem", FILES)
def test_csv_survives_the_product_to_the_byte(stem, imported):
    product = imported[stem]
    columns, dates = product.manifest.columns, tuple(day.replace("-", "") for day in product.manifest.epochs)
    spelled, names = tuple(one.spelled for one in columns), tuple(one.name for one in columns)
    header = Header(product.manifest.level, spelled, names, dates)
    styles = {one.name: one.style for one in columns} | {"": product.manifest.series_style}
    sink = io.BytesIO()
    egms_csv.write_header(sink, header)
    for group in range(product.row_groups):
        egms_csv.write_rows(sink, header, *product.source_rows(group), styles)
    assert sink.getvalue() == member(stem, "csv")


@pytest.mark.parametrize("stem", FILES)
def test_fast_path_takes_every_line_and_equals_the_general_path(stem):
    file = egms.recognise(source(stem))
    with file.pieces(1 << 20) as pieces:
        for piece in pieces:
            columns, epochs = len(file.header.names), len(file.header.date_columns)
            assert split(piece.content, piece.lines, columns, epochs) is not None
            rows, coded = egms_csv.parse_quantised(piece, file.header, file.where)
            general, series = egms_csv.parse(piece, file.header, file.where)
            np.testing.assert_array_equal((coded.tenth_mm / 10).astype(np.float32), series)
            assert rows.styles == general.styles
            for name, column in general.attributes.items():
                np.testing.assert_array_equal(rows.attributes[name], column)


@pytest.mark.parametrize("stem", [stem for stem in FILES if "L2b" in stem])
def test_published_geometry(stem, imported):
    columns = imported[stem].attributes()
    angles = line_of_sight.from_angles(columns["incidence_angle"], columns["track_angle"])
    sight = np.column_stack([columns[f"los_{axis}"] for axis in ("east", "north", "up")])
    assert np.abs(angles - sight).max() < 7e-4
    ids = decode_points(columns["pid"])
    name = imported[stem].manifest.name.split("_")
    assert set(ids.track) == {int(name[2])}
    assert set(ids.burst) == {int(name[3])}
    np.testing.assert_array_equal(ids.line, columns["line"])
    np.testing.assert_array_equal(ids.pixel, columns["pixel"])
    distance = egms_checks.map_difference_m(*(columns[c] for c in ("longitude", "latitude", "easting", "northing")))
    # Half a printed unit each way: 0.056 m of latitude, 0.044 m of longitude, 0.005 m of easting and northing.
    assert distance.max() < 0.078


@pytest.mark.parametrize("stem", FILES)
def test_series_equal_an_independent_reader(stem, imported):
    import polars as pl

    table = pl.read_csv(io.BytesIO(member(stem, "csv")))
    rows = imported[stem].attributes(["source_row"])["source_row"]
    printed = table.select([name for name in table.columns if name.isdigit()]).to_numpy()[rows]
    np.testing.assert_allclose(imported[stem].series_mm().T, printed, atol=1e-4)
    np.testing.assert_array_equal(imported[stem].attributes(["rmse"])["rmse"], table["rmse_ts"].to_numpy()[rows])


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_real_zip_cut(fraction, tmp_path):
    from fiducial.errors import FormatError

    content = source("EGMS_L3_E45N17_100km_U_2020_2024_1").read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(FormatError, match="FID-2001"):
        egms.recognise(path)
