from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from fiducial.errors import FormatError, InputError
from fiducial.formats.velocity_columns import role_and_unit
from fiducial.formats.velocity_tables import VelocityTable, describe, read
from fiducial.geodesy.station_velocities import Rejection, StationVelocities

GAMIT_HEADER = "Lon Lat E.vel N.vel E.adj N.adj E.sig N.sig Corr U.vel U.adj U.sig Stat"
# lon lat vE vN adjE adjN sE sN rho vU adjU sU name
GAMIT = [
    "30.5 40.1 -12.60 8.11 15.1 16.7 0.68 0.70 -0.25 1.30 -14.9 0.90 AAAA_GPS",
    "31.5 40.2 -10.00 7.00 15.1 16.7 0.50 0.50 0.00 0.08 -14.9 3.01 BBBB_GPS",
    "32.5 40.3 -9.00 6.00 15.1 16.7 0.40 0.40 0.10 -2.00 -14.9 1.20 CCCC_GPS",
]
MIDAS_ROW = (
    "{name} MIDAS5 2008.2355 2018.7324 10.4969  3185  2964   5167   0.036184   0.058504  -0.000718  0.000234 0.000267 "
    "0.000892   4781.8336  -1378.2819  104.8530 0.072 0.114 0.080 0.002151 0.002403 0.008181   1"
)
MIDAS_PLACE = " -12.4666386578 -229.1560119207   104.84908"


def table(folder: Path, text: str | list[str], name: str = "table.vel") -> Path:
    path = folder / name
    path.write_text(text if isinstance(text, str) else "\n".join(text) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "head",
    [
        [GAMIT_HEADER],
        [],
        ["* a comment", GAMIT_HEADER],
        [
            "  Long.       Lat.         E & N Rate      E & N Adj.      E & N +-   RHO        H Rate   H adj.    +-  SITE",
            "  (deg)      (deg)          (mm/yr)       (mm/yr)       (mm/yr)                 (mm/yr)",
        ],
    ],
)
def test_gamit(tmp_path, head):
    stations = read(table(tmp_path, [*head, *GAMIT]), frame="plate:EURA")
    assert isinstance(stations, VelocityTable)
    assert (stations.layout, stations.frame) == ("gamit", "plate:EURA")
    assert list(stations.names) == ["AAAA_GPS", "BBBB_GPS", "CCCC_GPS"]
    np.testing.assert_array_equal(stations.longitude_deg, [30.5, 31.5, 32.5])
    # the plain columns, not the adjusted ones; no vertical where sigma is 2.5 or more
    np.testing.assert_array_equal(
        stations.velocity_enu_mm_per_yr, [[-12.6, 8.11, 1.3], [-10.0, 7.0, np.nan], [-9.0, 6.0, -2.0]]
    )
    expected = np.diag([0.68**2, 0.70**2, 0.90**2])
    expected[0, 1] = expected[1, 0] = -0.25 * 0.68 * 0.70
    np.testing.assert_allclose(stations.covariance_enu[0], expected)
    assert np.isnan(stations.covariance_enu[1, 2]).all()
    assert np.isnan(stations.covariance_enu[1, :, 2]).all()
    assert np.isfinite(stations.covariance_enu[1, :2, :2]).all()
    assert "1 of 3 stations have no usable vertical: sigma >= 2.5 mm/yr" in describe(stations)


def test_euref_layout_has_no_limit_on_sigma_of_up(tmp_path):
    rows = [
        "8.4\t47.5\t-0.004\t0.285\t0.00\t0.00\t0.079\t0.025\t0.001\t0.535\t0.00\t2.609\tAAAA_GPS",
        "9.4\t47.5\t-0.004\t0.285\t0.00\t0.00\t0.079\t0.025\t0.001\t0.535\t0.00\t0.000\tBBBB_GPS",
        "9.5\t47.5\t-0.004\t0.285\t0.00\t0.00\t0.000\t0.025\t0.001\t0.535\t0.00\t0.100\tCCCC_GPS",
        "9.6\t47.5\t-0.004\t0.285\t0.00\t0.00\t0.001\t0.025\t0.001\t0.535\t0.00\t0.100\tDDDD_GPS",
    ]
    stations = read(table(tmp_path, rows, "x.raw"), frame="plate:EURA")
    assert stations.layout == "euref"
    np.testing.assert_array_equal(np.isnan(stations.velocity_enu_mm_per_yr[:, 2]), [False, True, False])
    assert stations.rejected == (Rejection("CCCC_GPS", "sigma zero or negative, so no weight: sigma_east 0"),)
    said = "\n".join(describe(stations))
    assert "1 of 3 stations have no usable vertical: sigma of up missing, zero or negative" in said
    assert "1 of 4 rows rejected: sigma zero or negative, so no weight (first: CCCC_GPS" in said
    assert "1 stations state a horizontal sigma below 0.01 mm/yr" in said


def test_up_that_is_zero_in_most_rows_is_no_value(tmp_path):
    rows = [f"{i} 47 1 2 0 0 0.1 0.1 0 {up} 0 0.5 A{i}" for i, up in enumerate(["0.000", "0.000", "0.000", "0.3"], 1)]
    stations = read(table(tmp_path, rows), frame="ITRF2014")
    np.testing.assert_array_equal(np.isnan(stations.velocity_enu_mm_per_yr[:, 2]), [True, True, True, False])
    assert any("placeholder" in line for line in describe(stations))
    lone = [row.replace("0.000", "0.2", 2) for row in rows]
    lone[0] = lone[0].replace("0.2", "0.000")
    assert np.isfinite(read(table(tmp_path, lone), frame="ITRF2014").velocity_enu_mm_per_yr[0, 2])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("10 91 1 1 0 0 .1 .1 0 1 0 .1 BAD", "position out of range"),
        ("400 45 1 1 0 0 .1 .1 0 1 0 .1 BAD", "position out of range"),
        ("inf 45 1 1 0 0 .1 .1 0 1 0 .1 BAD", "position out of range"),
        ("nan 45 1 1 0 0 .1 .1 0 1 0 .1 BAD", "position out of range"),
        ("0.0 0.0 1 1 0 0 .1 .1 0 1 0 .1 BAD", "placeholder"),
        ("10 45 nan 1 0 0 .1 .1 0 1 0 .1 BAD", "east velocity missing"),
        ("10 45 1 ****** 0 0 .1 .1 0 1 0 .1 BAD", "north velocity missing"),
        ("10 45 1 1 0 0 nan .1 0 1 0 .1 BAD", "sigma of east missing"),
        ("10 45 501 1 0 0 .1 .1 0 1 0 .1 BAD", "speed above 500"),
        ("10 45 1 1 0 0 .1 .1 0 -900 0 .1 BAD", "speed above 500"),
        ("10 45 1 1 0 0 0 .1 0 1 0 .1 BAD", "sigma zero or negative"),
        ("10 45 1 1 0 0 .1 -.1 0 1 0 .1 BAD", "sigma zero or negative"),
        ("10 45 1 1 0 0 .1 21 0 1 0 .1 BAD", "sigma above 20"),
        ("10 45 1 1 0 0 .1 .1 1.0 1 0 .1 BAD", "correlation"),
    ],
)
def test_unphysical_rows_are_rejected_with_reason(tmp_path, row, reason):
    stations = read(table(tmp_path, [*GAMIT, row]), frame="ITRF2014")
    assert stations.size == 3
    assert stations.rejected[0].name == "BAD"
    assert reason in stations.rejected[0].reason


@pytest.mark.parametrize(
    ("sigma", "usable"), [("0.5", True), ("0", False), ("-1", False), ("nan", False), ("25", False)]
)
def test_unusable_sigma_of_up_costs_only_up(tmp_path, sigma, usable):
    stations = read(table(tmp_path, f"15 45 1 1 0 0 .1 .1 0 1 0 {sigma} AAAA\n"), frame="ITRF2014")
    assert np.isfinite(stations.velocity_enu_mm_per_yr[0, :2]).all()
    assert np.isfinite(stations.velocity_enu_mm_per_yr[0, 2]) == usable


def test_repeated_names(tmp_path):
    rows = [*GAMIT, GAMIT[0], GAMIT[0].replace("-12.60", "-12.70"), GAMIT[0].replace("30.5", "33.5")]
    stations = read(table(tmp_path, rows), frame="plate:EURA")
    assert list(stations.names) == ["AAAA_GPS", "BBBB_GPS", "CCCC_GPS", "AAAA_GPS#2", "AAAA_GPS#3"]
    assert stations.rejected == (Rejection("AAAA_GPS", "row repeated: same as line 1"),)
    said = "\n".join(describe(stations))
    assert "1 repeated names stand for another place" in said
    assert "1 repeated names are another solution at the same place" in said


def test_midas(tmp_path):
    rows = [MIDAS_ROW.format(name=name) + MIDAS_PLACE for name in ("00NA", "0ABI")]
    rows[1] = rows[1].replace("-229.1560119207", "18.5")
    stations = read(table(tmp_path, rows, "midas.IGS14.txt"), frame="IGb14")
    assert (stations.layout, stations.frame) == ("midas", "ITRF2014")
    np.testing.assert_allclose(stations.velocity_enu_mm_per_yr[0], [36.184, 58.504, -0.718], atol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diagonal(stations.covariance_enu[0])), [0.234, 0.267, 0.892], atol=1e-9)
    np.testing.assert_allclose(stations.longitude_deg, [130.8439880793, 18.5], atol=1e-9)
    np.testing.assert_allclose(stations.latitude_deg, -12.4666386578)


@pytest.mark.parametrize(
    ("name", "frame"),
    [("midas.IGS14.txt", "IGS20"), ("midas.IGS14.txt", "plate:EURA"), ("midas.EU.txt", "ITRF2014")],
)
def test_midas_name_contradicts_the_stated_frame(tmp_path, name, frame):
    path = table(tmp_path, MIDAS_ROW.format(name="00NA") + MIDAS_PLACE, name)
    with pytest.raises(InputError, match="FID-1004"):
        read(path, frame=frame)


@pytest.mark.parametrize(
    ("name", "frame"), [("midas.IGS.txt", "IGS20"), ("midas.EU.txt", "plate:EURA"), ("v.txt", "IGS14")]
)
def test_midas_name_that_fits(tmp_path, name, frame):
    assert read(table(tmp_path, MIDAS_ROW.format(name="00NA") + MIDAS_PLACE, name), frame=frame).size == 1


def test_midas_without_coordinates(tmp_path):
    with pytest.raises(FormatError, match="FID-2305"):
        read(table(tmp_path, MIDAS_ROW.format(name="00NA")), frame="IGS14")


AEPND = (
    "#Latitude,Longitude,N,E,Up,SigmaN,SigmaE,SigmaUP,easting,northing\n"
    "65.533143166,-24.301625800,4.50,-16.81,-1.08,0.37,0.39,0.65,2800000,5100000\n"
)


def test_aepnd_fixes_its_own_frame(tmp_path):
    path = table(tmp_path, AEPND, "model.csv")
    for frame in (None, "etrf2000"):
        stations = read(path, frame=frame)
        assert (stations.frame, stations.layout, stations.size) == ("ETRF2000", "aepnd", 1)
    with pytest.raises(InputError, match="by definition"):
        read(path, frame="ITRF2020")


@pytest.mark.parametrize("frame", [None, "", "ITRF1999"])
def test_frame_is_required(tmp_path, frame):
    with pytest.raises(InputError, match="FID-1004"):
        read(table(tmp_path, GAMIT), frame=frame)


CSV = (
    "station_id,longitude,latitude,height_m,velocity_east_mmyr,velocity_north_mmyr,velocity_up_mmyr,longitude_error_m,"
    "latitude_error_m,height_error_m,velocity_east_error_mmyr,velocity_north_error_mmyr,velocity_up_error_mmyr\n"
    "ACOM,13.51,46.54,1774.682,0.2,1.2,1.1,0.0005,0.0009,0.001,0.1,0.15,0.2\n"
)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)],
)
def test_csv_with_units_in_its_header(tmp_path, suffix, pack):
    path = tmp_path / f"alps.csv{suffix}"
    path.write_bytes(pack(CSV.encode()))
    stations = read(path, frame="plate:EURA")
    assert stations.layout == "csv"
    np.testing.assert_array_equal(stations.velocity_enu_mm_per_yr, [[0.2, 1.2, 1.1]])
    np.testing.assert_allclose(stations.covariance_enu[0], np.diag([0.01, 0.0225, 0.04]))
    assert "correlations are not in the table: zero" in describe(stations)


@pytest.mark.parametrize("unit", ["mm/yr", "cm/yr", "m/yr", "mm/a", "m yr-1"])
def test_declared_columns_and_unit(tmp_path, unit):
    scale = {"m": 1000.0, "mm": 1.0, "cm": 10.0}[unit.replace("/", " ").split()[0]]
    text = "# made by hand\nlambda;phi;a;b;c;d;rho\n# a remark\n\n10;45;0.01;0.02;0.003;0.004;0.5\n"
    stations = read(table(tmp_path, text, "t.csv"), frame="ITRF2014", columns={
        "longitude": "lambda", "latitude": "phi", "east": "a", "north": "b", "sigma_east": "c", "sigma_north": "d",
        "unit": unit})  # fmt: skip
    np.testing.assert_allclose(stations.velocity_enu_mm_per_yr[0, :2], [0.01 * scale, 0.02 * scale])
    assert stations.covariance_enu[0, 0, 1] == pytest.approx(0.5 * 0.003 * 0.004 * scale**2)
    assert np.isnan(stations.velocity_enu_mm_per_yr[0, 2])
    assert stations.names[0] == "line5"
    said = "\n".join(describe(stations))
    assert "no up velocity given" in said
    assert "line numbers" in said


def test_whitespace_table_with_comment_header_and_missing_values(tmp_path):
    text = "# lon lat ve_mm_yr vn_mm_yr vu_mm_yr se_mm_yr sn_mm_yr su_mm_yr corr_en site\n"
    text += "10 45 1 2 3 .1 .2 .3 NA AAAA\n11 45 1 2 3 .1 .2 .3 0.1 BBBB\n"
    stations = read(table(tmp_path, text), frame="ITRF2014")
    assert list(stations.names) == ["AAAA", "BBBB"]
    assert "1 stations have no correlation of east and north: zero" in describe(stations)


PLAIN = "name,lon,lat,ve,vn,se,sn\nAAAA,10,45,1,2,.1,.1\n"
GOOD = "name,lon,lat,ve_mm_yr,vn_mm_yr,se_mm_yr,sn_mm_yr\nAAAA,10,45,1,2,.1,.1\n"


@pytest.mark.parametrize(
    ("code", "text", "options", "says"),
    [
        ("FID-2300", "1 2 3\n4 5 6\n", {}, "not a velocity table"),
        ("FID-2300", "", {}, "not a velocity table"),
        ("FID-2300", GOOD, {"layout": "excel"}, "use one of auto"),
        ("FID-2301", "\n".join([*GAMIT, GAMIT[0][:40]]), {}, "line 4"),
        ("FID-2301", "\n".join([*GAMIT, GAMIT[0] + " more"]), {}, "line 4"),
        ("FID-2301", GOOD + "BBBB,10\n", {}, "line 3"),
        ("FID-2301", GOOD + "B" * 200_000 + ",10,45,1,2,.1,.1\n", {}, "field larger"),
        ("FID-2302", "\n".join([*GAMIT, GAMIT[0].replace("40.1", "40,1")]), {}, "line 4, column 2"),
        ("FID-2302", GOOD + "BBBB,10,45,x,2,.1,.1\n", {}, "line 3, column 've_mm_yr'"),
        ("FID-2303", PLAIN, {}, "unit of column 've'"),
        ("FID-2303", GOOD, {"columns": {"unit": "m/yr"}}, "says mm/yr"),
        ("FID-2304", GOOD.replace("lat", "phi"), {}, "no column for latitude"),
        ("FID-2304", GOOD.replace("sn_mm_yr", "v_east_mm_yr"), {}, "ve_mm_yr, v_east_mm_yr"),
        ("FID-2304", "10,45,1,2,.1,.1\n11,45,1,2,.1,.1\n", {"layout": "csv"}, "no line of column names"),
        ("FID-2304", "\n".join([GAMIT_HEADER.replace("E.vel N.vel", "N.vel E.vel"), *GAMIT]), {}, "not in the order"),
        ("FID-2306", "\n".join(row.replace(" 0.", " 99.") for row in GAMIT), {}, "sigma above 20"),
        ("FID-2306", GOOD.splitlines()[0] + "\n", {}, "no rows"),
        ("FID-2308", PLAIN, {"columns": {"unit": "furlong"}}, "unknown unit"),
        ("FID-2308", PLAIN, {"columns": {"east": "x", "unit": "mm/yr"}}, "no column is called 'x'"),
        ("FID-2308", PLAIN, {"columns": {"eastward": "ve"}}, "roles are"),
        ("FID-2308", "\n".join(GAMIT), {"columns": {"east": "ve"}, "layout": "gamit"}, "columns of its own"),
    ],
)
def test_errors_name_the_file_and_the_line(tmp_path, code, text, options, says):
    path = table(tmp_path, text)
    with pytest.raises(FormatError, match=code) as caught:
        read(path, frame="ITRF2014", **options)
    assert says in str(caught.value)
    assert str(path) in caught.value.where


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\x01", b"\xfd7zXZ\x00cut"])
def test_unreadable(tmp_path, content):
    path = tmp_path / ("cut.csv.xz" if content and content.startswith(b"\xfd") else "x.vel")
    if content:
        path.write_bytes(content)
    with pytest.raises(FormatError, match="FID-2307"):
        read(path, frame="ITRF2014")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("lon", ("longitude", "")),
        ("Latitude (deg)", ("latitude", "")),
        ("longitude_error_m", ("", "")),
        ("easting", ("", "")),
        ("Ve [mm/yr]", ("east", "mm")),
        ("Vn(m/yr)", ("north", "m")),
        ("up_mm_per_year", ("up", "mm")),
        ("SigmaE_mm_a", ("sigma_east", "mm")),
        ("std_up_cm/yr", ("sigma_up", "cm")),
        ("velocity_up_error_mmyr", ("sigma_up", "mm")),
        ("rho_en", ("correlation", "")),
        ("Station", ("name", "")),
        ("mean_velocity", ("", "")),
    ],
)
def test_column_names(header, expected):
    role, unit = role_and_unit(header)
    assert (role, unit if role else "") == expected


def test_describe_plain_stations():
    stations = StationVelocities(
        np.array(["A"]), np.zeros(1), np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3, 3)), "ITRF2014", "memory"
    )
    assert describe(stations) == ["1 stations from memory (frame ITRF2014)"]


def test_select_keeps_the_notes(tmp_path):
    stations = read(table(tmp_path, GAMIT), frame="plate:EURA").select(np.array([True, False, False]))
    assert isinstance(stations, VelocityTable)
    assert stations.notes
    assert stations.size == 1
