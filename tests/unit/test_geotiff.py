from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from fiducial.errors import FormatError
from fiducial.formats.geotiff import RasterFrame, read_frame, write_l3, write_like
from fiducial.geodesy.line_of_sight import from_angles

SHAPE = (4, 5)
TRANSFORM = Affine(0.01, 0.0, 30.0, 0.0, -0.01, 40.0)
LOS = from_angles(39.0, 190.0)


def rasters() -> dict[str, np.ndarray]:
    velocity = np.arange(20, dtype=np.float32).reshape(SHAPE) - 5.0
    velocity[0, 0] = np.nan
    sigma = np.full(SHAPE, 0.5, np.float32)
    sigma[1, 0] = 0.0  # the reference pixel: velocity 0 as well
    mask = np.ones(SHAPE, np.float32)
    mask[3, 4] = 0.0
    return {"vel": velocity, "vstd": sigma, "mask": mask,
            **{axis: np.full(SHAPE, LOS[i], np.float32) for i, axis in enumerate("ENU")}}  # fmt: skip


def save(path: Path, array: np.ndarray, *, crs="EPSG:4326", transform=TRANSFORM, nodata=np.nan, unit=None, bands=1):
    with rasterio.open(path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1], count=bands,
                       dtype=array.dtype, crs=crs, transform=transform, nodata=nodata) as sink:  # fmt: skip
        for band in range(1, bands + 1):
            sink.write(array, band)
        if unit:
            sink.set_band_unit(1, unit)


def make_folder(folder: Path, *, change=None, name="{}.geo.tif", leave_out=(), **options) -> Path:
    folder.mkdir(exist_ok=True)
    arrays = rasters()
    if change:
        change(arrays)
    for key, array in arrays.items():
        if key not in leave_out:
            save(folder / name.format(key), array, **options)
    return folder


@pytest.mark.parametrize("name", ["{}.geo.tif", "{}.tif", "{}.tiff", "014A_04939_131313.{}.geo.tif", "{}.mskd.geo.tif"])
def test_frame(tmp_path, name):
    frame = read_frame(make_folder(tmp_path / "014A", name=name))
    assert frame.name == "014A"
    assert frame.crs == "EPSG:4326"
    assert frame.transform == pytest.approx((0.01, 0.0, 30.0, 0.0, -0.01, 40.0))
    np.testing.assert_array_equal(frame.velocity_mm_per_yr, rasters()["vel"])
    np.testing.assert_allclose(frame.longitude_deg[0], 30.005 + 0.01 * np.arange(5), atol=1e-12)
    np.testing.assert_allclose(frame.latitude_deg[:, 0], 39.995 - 0.01 * np.arange(4), atol=1e-12)
    np.testing.assert_allclose(frame.line_of_sight[2, 2], LOS, atol=1e-6)
    assert np.isnan(frame.sigma_mm_per_yr[1, 0])
    assert not frame.mask[3, 4]
    assert frame.usable.sum() == 18
    assert any("1 of 19 pixels with velocity are masked" in note for note in frame.notes)
    assert any("1 pixels have a standard deviation of zero" in note for note in frame.notes)


def test_optional_rasters_and_exact_names(tmp_path):
    folder = make_folder(tmp_path / "f", leave_out=("vstd", "mask"))
    save(folder / "vel.calibrated.tif", rasters()["vel"])
    save(folder / "old.vel.tif", rasters()["vel"] * 2)
    (folder / "vel.geo.tif.aux.xml").write_text("")
    frame = read_frame(folder)
    assert frame.velocity_mm_per_yr[3, 3] == 13.0
    assert frame.mask.all()
    assert np.isnan(frame.sigma_mm_per_yr).all()
    assert len(frame.notes) == 2


def test_nodata_value_and_unit_of_the_file(tmp_path):
    def change(arrays):
        arrays["vel"] = np.nan_to_num(arrays["vel"] / 1000.0, nan=-9999.0).astype(np.float32)
        arrays["vstd"] = (arrays["vstd"] / 1000.0).astype(np.float32)

    folder = make_folder(tmp_path / "f", change=change, nodata=-9999.0)
    for key in ("vel", "vstd"):
        with rasterio.open(folder / f"{key}.geo.tif", "r+") as file:
            file.set_band_unit(1, "m/yr")
    frame = read_frame(folder)
    np.testing.assert_allclose(frame.velocity_mm_per_yr, rasters()["vel"], atol=1e-5)
    np.testing.assert_allclose(frame.sigma_mm_per_yr[2], 0.5, atol=1e-6)


def test_projected_frame(tmp_path):
    transform = Affine(100.0, 0.0, 4_600_000.0, 0.0, -100.0, 1_800_000.0)
    frame = read_frame(make_folder(tmp_path / "f", crs="EPSG:3035", transform=transform))
    assert frame.crs == "EPSG:3035"
    assert frame.longitude_deg.shape == SHAPE
    # Ustica, north of Sicily
    np.testing.assert_allclose([frame.longitude_deg[0, 0], frame.latitude_deg[0, 0]], [13.3, 39.2], atol=0.3)


def test_pixel_without_line_of_sight_is_not_used(tmp_path):
    frame = read_frame(make_folder(tmp_path / "f", change=lambda arrays: arrays["N"].__setitem__((2, 2), np.nan)))
    assert not frame.usable[2, 2]
    assert any("1 pixels have a velocity but no line of sight" in note for note in frame.notes)


def break_mask(arrays):
    arrays["mask"][:] = 0.0


def lengthen(arrays):
    arrays["E"][2, 3] *= 1.1


def turn(arrays):
    for axis in "ENU":
        arrays[axis] *= -1.0


def cut(arrays):
    arrays["mask"] = arrays["mask"][:-1]


GEOCENTRIC = "EPSG:4978"


@pytest.mark.parametrize(
    ("code", "says", "options"),
    [
        ("FID-2201", "no velocity", {"leave_out": ("vel",)}),
        ("FID-2202", "component N, U", {"leave_out": ("N", "U")}),
        ("FID-2203", "mask.geo.tif", {"change": cut}),
        ("FID-2204", "no coordinate reference system", {"crs": None}),
        ("FID-2204", "not WGS 84", {"crs": "EPSG:4267"}),
        ("FID-2204", "neither", {"crs": GEOCENTRIC}),
        ("FID-2204", "impossible", {"transform": Affine(100.0, 0, 4e6, 0, -100.0, 2e6)}),
        ("FID-2205", "row 2, column 3", {"change": lengthen}),
        ("FID-2205", "point down", {"change": turn}),
        ("FID-2206", "every pixel", {"change": break_mask}),
        ("FID-2207", "2 bands", {"bands": 2}),
        ("FID-2210", "'furlong'", {"unit": "furlong"}),
    ],
)
def test_each_defect_has_its_code(tmp_path, code, says, options):
    with pytest.raises(FormatError, match=code) as caught:
        read_frame(make_folder(tmp_path / "f", **options))
    assert says in str(caught.value)


def test_grids_that_differ_in_place_or_crs(tmp_path):
    folder = make_folder(tmp_path / "f")
    save(folder / "U.geo.tif", rasters()["U"], transform=Affine(0.01, 0.0, 30.005, 0.0, -0.01, 40.0))
    with pytest.raises(FormatError, match="FID-2203"):
        read_frame(folder)
    save(folder / "U.geo.tif", rasters()["U"], crs="EPSG:4258")
    with pytest.raises(FormatError, match="FID-2203"):
        read_frame(folder)


def test_absent_folder_damaged_and_ambiguous_files(tmp_path):
    with pytest.raises(FormatError, match="FID-2200"):
        read_frame(tmp_path / "absent")
    folder = make_folder(tmp_path / "f")
    data = (folder / "vel.geo.tif").read_bytes()
    (folder / "vel.geo.tif").write_bytes(data[:40])
    with pytest.raises(FormatError, match="FID-2207"):
        read_frame(folder)
    (folder / "vel.geo.tif").unlink()
    save(folder / "vel.geo.tif", rasters()["vel"].astype(np.complex64))
    with pytest.raises(FormatError, match=r"FID-2207.*complex"):
        read_frame(folder)
    (folder / "vel.geo.tif").write_bytes(data)
    (folder / "vel.tif").write_bytes(data)
    with pytest.raises(FormatError, match="FID-2209"):
        read_frame(folder)


def test_write_like_is_on_the_grid_of_the_frame(tmp_path):
    frame = read_frame(make_folder(tmp_path / "f"))
    target = tmp_path / "out" / "surface.tif"
    write_like(target, frame, frame.velocity_mm_per_yr * 2, description="Correction, positive towards the satellite",
               unit="mm/yr", tags={"VELOCITY_FRAME": "plate:EURA"})  # fmt: skip
    with rasterio.open(target) as file, rasterio.open(tmp_path / "f" / "vel.geo.tif") as like:
        assert (file.transform, file.crs, file.shape) == (like.transform, like.crs, like.shape)
        assert file.dtypes == ("float32",)
        assert file.compression.name == "deflate"
        assert file.descriptions == ("Correction, positive towards the satellite",)
        assert file.units == ("mm/yr",)
        assert file.tags()["VELOCITY_FRAME"] == "plate:EURA"
        assert np.isnan(file.nodata)
        np.testing.assert_array_equal(file.read(1), like.read(1) * 2)
    assert [path.name for path in target.parent.iterdir()] == ["surface.tif"]
    with pytest.raises(FormatError, match="FID-2208"):
        write_like(target, frame, np.zeros((2, 2)), description="", unit="")


def test_written_rasters_make_a_frame_again(tmp_path):
    frame = read_frame(make_folder(tmp_path / "f"))
    again = tmp_path / "again"
    write_like(again / "vel.tif", frame, frame.velocity_mm_per_yr, description="v", unit="mm/yr")
    for index, axis in enumerate("ENU"):
        write_like(again / f"{axis}.tif", frame, frame.line_of_sight[..., index], description=axis, unit="")
    back = read_frame(again)
    assert isinstance(back, RasterFrame)
    np.testing.assert_array_equal(back.velocity_mm_per_yr, frame.velocity_mm_per_yr)
    np.testing.assert_array_equal(back.longitude_deg, frame.longitude_deg)


def test_l3_raster(tmp_path):
    values = np.full((1000, 1000), np.nan)
    values[10, 20] = -1.3
    target = tmp_path / "EGMS_L3_E45N17_100km_U_2020_2024_1.tiff"
    write_l3(target, easting_min=4_500_000, northing_max=1_800_000, shape=(1000, 1000), spacing_m=100, values=values)
    with rasterio.open(target) as file:
        assert file.crs.to_epsg() == 3035
        assert (file.bounds.left, file.bounds.top) == (4_500_000, 1_800_000)
        assert (file.nodata, file.dtypes, file.compression) == (-9999.0, ("float32",), None)
        assert file.sample([(4_502_050, 1_798_950)]).__next__()[0] == np.float32(-1.3)
        assert (file.read(1) == -9999.0).sum() == 999_999
    with pytest.raises(FormatError, match="FID-2208"):
        write_l3(target, easting_min=0, northing_max=0, shape=(2, 2), spacing_m=100, values=np.zeros(4))
