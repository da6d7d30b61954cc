"""Export of the real files: to the byte, into other formats, merged, and drawn."""

from __future__ import annotations

import zipfile

import geopandas
import numpy as np
import pytest
import rasterio

from fiducial.formats.point_product import PointProduct
from fiducial.runs.export import export
from fiducial.runs.ingest import import_egms
from fiducial.runs.plot import plot
from support import data_path

pytestmark = pytest.mark.real

NAMES = ("L2b_022_0845_IW2_VV", "L2b_117_0227_IW2_VV", "L3_E45N17_100km_E", "L3_E45N17_100km_U")


def ustica(name):
    return data_path("egms", "ustica-west", f"EGMS_{name}_2020_2024_1.zip")


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("name", NAMES)
def test_unchanged_files_are_the_same_to_the_byte(name, tmp_path):
    (made,) = export([ustica(name)], tmp_path)
    assert contents(made) == contents(ustica(name))


def test_clip_is_a_part_of_the_lines(tmp_path):
    (made,) = export([ustica(NAMES[0])], tmp_path, area="EPSG:3035:4596000,1739000,4598000,1741000")
    whole, part = (next(text for name, text in contents(path).items() if name.endswith(".csv")).splitlines()
                   for path in (ustica(NAMES[0]), made))  # fmt: skip
    assert set(part) < set(whole)
    column = whole[0].split(b",").index(b"easting")
    northing = column + 1
    inside = [line for line in whole[1:] if float(line.split(b",")[column]) <= 4_598_000 and float(line.split(b",")[northing]) <= 1_741_000]  # fmt: skip
    assert part[1:] == inside
    assert len(inside) > 1000


def test_both_tracks_merge_without_doubles(tmp_path):
    told = []
    paths = [ustica(name) for name in NAMES[:2]]
    (made,) = export(paths, tmp_path, format="product", merge=True, tell=told.append)
    merged = PointProduct.open(made)
    merged.verify()
    assert merged.manifest.points == 5_639 + 4_776
    assert "0 doubles resolved" in told[0]
    assert merged.manifest.series_dtype == "int16"
    sources = [PointProduct.open(import_egms(path, tmp_path / "in")) for path in paths]
    assert set(merged.manifest.epochs) == set(sources[0].manifest.epochs) | set(sources[1].manifest.epochs)
    series = {pid: column for source in sources for pid, column in
              zip(source.attributes(["pid"])["pid"], source.series_mm().T, strict=True)}  # fmt: skip
    for pid, column in zip(merged.attributes(["pid"])["pid"], merged.series_mm().T, strict=True):
        np.testing.assert_array_equal(column[~np.isnan(column)], series[pid])


def test_raster_of_level_3_is_the_table(tmp_path):
    (made,) = export([ustica(NAMES[3])], tmp_path, format="geotiff")
    product = PointProduct.open(import_egms(ustica(NAMES[3]), tmp_path / "in"))
    columns = product.attributes(["easting", "northing", "mean_velocity"])
    with rasterio.open(made) as raster:
        values = [value[0] for value in raster.sample(zip(columns["easting"], columns["northing"], strict=True))]
        np.testing.assert_allclose(values, columns["mean_velocity"], atol=1e-6)
        assert np.isfinite(raster.read(1)).sum() == 271
        assert raster.res == (100.0, 100.0)


def test_tables_agree(tmp_path):
    source = ustica(NAMES[1])
    (parquet,) = export([source], tmp_path, format="geoparquet")
    (package,) = export([source], tmp_path, format="gpkg", series=True)
    one = geopandas.read_parquet(parquet).set_index("pid")
    other = geopandas.read_file(package).set_index("pid").loc[one.index]
    assert len(one) == 5_639
    np.testing.assert_array_equal(one["mean_velocity"], other["mean_velocity"])
    np.testing.assert_allclose(one.geometry.x, other.geometry.x)
    np.testing.assert_allclose(np.stack(one["displacement"])[:, 0], other[other.columns[other.columns.str.startswith("20")][0]], atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("name", [NAMES[0], NAMES[3]])
def test_plots_of_ustica(name, tmp_path):
    made = plot(ustica(name), tmp_path)
    assert len(made) == 2
    assert all(path.stat().st_size > 40_000 for path in made)


def test_plot_of_an_anatolian_frame(tmp_path):
    (made,) = plot(data_path("anatolia", "014A_04939_131313"), tmp_path)
    assert made.stat().st_size > 100_000
