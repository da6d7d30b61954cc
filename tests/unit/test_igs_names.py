"""Names of IGS products: every documented form, and what is wrong with the others."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats.igs_names import LongName, Period, ProductName, ShortName, parse_name, parse_product_name

DAY = np.datetime64("2024-09-19")
LONG = "COD0OPSFIN_20242630000_01D_05M_ORB.SP3"
FORMS = [
    # name, centre, solution, kind, start, length, sampling
    (LONG, "COD", "FIN", "orbits", "2024-09-19", "01D", "05M"),
    (f"{LONG}.gz", "COD", "FIN", "orbits", "2024-09-19", "01D", "05M"),
    ("IGS0OPSULT_20242621800_02D_15M_ORB.SP3.Z", "IGS", "ULT", "orbits", "2024-09-18T18:00", "02D", "15M"),
    ("GFZ2R03FIN_20003660000_24H_30S_CLK.CLK.bz2", "GFZ", "FIN", "clocks", "2000-12-31", "24H", "30S"),
    ("IGS0OPSSNX_20242590000_07D_07D_SUM.YML", "IGS", "SNX", "summary", "2024-09-15", "07D", "07D"),
    ("COD0MGXFIN_20242630000_01D_01D_OSB.BIA", "COD", "FIN", "observable-specific biases", "2024-09-19", "01D", "01D"),
    ("IGS0DEMPRD_20242632359_01W_00U_XYZ.JSON", "IGS", "PRD", None, "2024-09-19T23:59", "01W", "00U"),
    ("IGS0OPSFIN_20242630000_01D_05M_ABMF00GLP_TRO.TRO.gz", "IGS", "FIN", "troposphere", "2024-09-19", "01D", "05M"),
    ("igs23324.sp3", "IGS", "FIN", "orbits", "2024-09-19", "01D", None),
    ("igr23324.sp3.Z", "IGS", "RAP", "orbits", "2024-09-19", "01D", None),
    ("igu23324_06.sp3.Z", "IGS", "ULT", "orbits", None, None, None),
    ("cod23324.clk_30s", "COD", None, "clocks", "2024-09-19", "01D", "30S"),
    ("cod23324.clk_05s.Z", "COD", None, "clocks", "2024-09-19", "01D", "05S"),
    ("igs23327.erp", "IGS", "FIN", "Earth rotation parameters", "2024-09-15", "07D", None),
    ("codg2630.24i.Z", "COD", None, "ionosphere map", "2024-09-19", "01D", None),
    ("igsg3660.00i", "IGS", "FIN", "ionosphere map", "2000-12-31", "01D", None),
    ("igs24P2332.snx.Z", "IGS", "FIN", "solution", "2024-09-15", "07D", None),
    ("igs24P23324.snx", "IGS", "FIN", "solution", "2024-09-19", "01D", None),
]


@pytest.mark.parametrize(("text", "centre", "solution", "kind", "start", "length", "sampling"), FORMS)
def test_forms(text, centre, solution, kind, start, length, sampling):
    name = parse_name(f"/archive/2332\\{text}")
    assert name.build() == text
    assert (name.centre, name.solution, name.kind) == (centre, solution, kind)
    assert name.start == (None if start is None else np.datetime64(start))
    assert tuple(None if part is None else str(part) for part in (name.length, name.sampling)) == (length, sampling)
    assert parse_name(text) == name
    assert hash(parse_name(text)) == hash(name)


def test_parts_of_a_long_name():
    name = parse_name("IGS0OPSFIN_20242630000_01D_05M_ABMF00GLP_TRO.TRO.gz")
    assert isinstance(name, LongName)
    assert name.product == ProductName("IGS", "OPS", "FIN", 0)
    assert (name.station, name.content, name.format, name.compression) == ("ABMF00GLP", "TRO", "TRO", ".gz")
    built = LongName(name.product, DAY, Period(1, "D"), Period(5, "M"), "TRO", "TRO", "ABMF00GLP", ".gz")
    assert built == name


@pytest.mark.parametrize(
    ("period", "duration"),
    [("05S", (5, "s")), ("15M", (15, "m")), ("02H", (2, "h")), ("07D", (7, "D")), ("01W", (7, "D")), ("03L", (3, "M")),
     ("01Y", (1, "Y"))],
)  # fmt: skip
def test_periods(period, duration):
    parsed = Period(int(period[:2]), period[2])
    assert str(parsed) == period
    assert parsed.duration == np.timedelta64(*duration)


def test_an_unspecified_period_has_no_duration():
    assert np.isnat(Period(0, "U").duration)


@pytest.mark.parametrize(
    ("text", "problem", "where"),
    [
        ("C-D0OPSFIN_20242630000_01D_05M_ORB.SP3", "not the name", "C-D0"),
        ("CODXOPSFIN_20242630000_01D_05M_ORB.SP3", "not the name", "CODX"),
        ("COD0OPSFI_20242630000_01D_05M_ORB.SP3", "not the name", "COD0"),
        ("COD0opsFIN_20242630000_01D_05M_ORB.SP3", "campaign 'ops' is not in capital", "columns 5-7"),
        ("cod0opsfin_20242630000_01d_05m_orb.sp3", "analysis centre 'cod' is not in capital", "columns 1-3"),
        ("COD0OPSFIN_20242630000_01D_ORB.SP3", "4 parts between underscores", "columns 1-30"),
        ("COD0OPSFIN_2024263000_01D_05M_ORB.SP3", "start", "columns 12-21"),
        ("COD0OPSFIN_19792630000_01D_05M_ORB.SP3", "year 1979", "columns 12-15"),
        ("COD0OPSFIN_20233660000_01D_05M_ORB.SP3", "the year 2023 has no day 366", "columns 16-18"),
        ("COD0OPSFIN_20240000000_01D_05M_ORB.SP3", "the year 2024 has no day 0", "columns 16-18"),
        ("COD0OPSFIN_20242632400_01D_05M_ORB.SP3", "no hour 24", "columns 19-20"),
        ("COD0OPSFIN_20242630060_01D_05M_ORB.SP3", "no minute 60", "columns 21-22"),
        ("COD0OPSFIN_20242630000_1D_05M_ORB.SP3", "length '1D'", "columns 24-25"),
        ("COD0OPSFIN_20242630000_01D_05X_ORB.SP3", "sampling '05X'", "columns 28-30"),
        ("COD0OPSFIN_20242630000_00D_05M_ORB.SP3", "period '00D'", "columns 24-26"),
        ("COD0OPSFIN_20242630000_01D_07U_ORB.SP3", "period '07U'", "columns 28-30"),
        ("COD0OPSFIN_20242630000_01D_05M_ABMF_TRO.TRO", "station 'ABMF'", "columns 32-35"),
        ("COD0OPSFIN_20242630000_01D_05M_ORBI.SP3", "content 'ORBI'", "columns 32-35"),
        ("COD0OPSFIN_20242630000_01D_05M_ORB", "format ''", "columns 36-36"),
        ("COD0OPSFIN_20242630000_01D_05M_ORB.SP3.xz", "format 'SP3.xz'", "columns 36-41"),
        ("COD0OPSFIN_20242630000_01D_05M_ORB.SP3 ", "format 'SP3 '", "columns 36-39"),
    ],
)
def test_the_part_at_fault_is_named(text, problem, where):
    with pytest.raises(FormatError) as caught:
        parse_name(text)
    assert caught.value.code == ("FID-2442" if problem == "not the name" else "FID-2440")
    assert problem in caught.value.problem
    assert where in caught.value.where


@pytest.mark.parametrize(
    "text",
    ["igs23328.sp3", "igs23324.foo", "igu23324_24.sp3", "igu23327_00.sp3", "igsg3660.23i", "igsg0000.24i",
     "igsg0010.80i", "igs23P2332.snx"],
)  # fmt: skip
def test_short_names_that_state_the_impossible(text):
    with pytest.raises(FormatError) as caught:
        parse_name(text)
    assert caught.value.code == "FID-2441"


@pytest.mark.parametrize("text", ["", "x", "/", "igs2332.sp3", "IGS23324.SP3", "abmf2630.24o", "brdc2630.24n", "a.yml"])
def test_other_names(text):
    with pytest.raises(FormatError) as caught:
        parse_name(text)
    assert caught.value.code == "FID-2442"


@pytest.mark.parametrize("text", ["", "IGS0OPS", "IGS0OPSFINX", "igs0OPSFIN", "IGSAOPSFIN", "IGS0OP FIN"])
def test_products(text):
    with pytest.raises(FormatError) as caught:
        parse_product_name(text)
    assert caught.value.code == "FID-2440"
    assert parse_product_name("IGS0TSTFIN") == ProductName("IGS", "TST", "FIN")


@pytest.mark.parametrize(
    "changes",
    [{"content": "ABMF00GLP_ORB"}, {"format": "SP3.gz"}, {"compression": ".xz"}, {"station": "ABMF"},
     {"length": Period(100, "D")}, {"sampling": Period(-5, "M")}, {"start": np.datetime64("NaT")},
     {"start": np.datetime64("2024-09-19T00:00:30")}, {"start": np.datetime64("1979-12-31")}],
)  # fmt: skip
def test_no_long_name_is_made_of_parts_that_do_not_read_back(changes):
    parts = {"product": ProductName("IGS", "OPS", "FIN"), "start": DAY, "length": Period(1, "D"),
             "sampling": Period(5, "M"), "content": "ORB", "format": "SP3"}  # fmt: skip
    assert LongName(**parts).build() == "IGS0OPSFIN_20242630000_01D_05M_ORB.SP3"
    with pytest.raises(FormatError):
        LongName(**{**parts, **changes})


@pytest.mark.parametrize(
    "parts",
    [("week", "IGS", DAY, "sp3"), ("week", "igs", DAY, "ionex"), ("week", "igs", DAY, "sp3", True),
     ("week", "igs", np.datetime64("NaT"), "sp3"), ("week", "igs", DAY, "sp3", False, 25),
     ("ionex", "igs", np.datetime64("2080-01-01"), "ionex"), ("sinex", "igs", DAY, "clk"),
     ("week", "igs", DAY, "sp3", False, None, ".xz")],
)  # fmt: skip
def test_no_short_name_is_made_of_parts_that_do_not_read_back(parts):
    assert ShortName("week", "igs", DAY, "sp3").build() == "igs23324.sp3"
    with pytest.raises(FormatError):
        ShortName(*parts)


def test_no_product_is_made_of_parts_that_do_not_read_back():
    with pytest.raises(FormatError):
        ProductName("IGS0", "OP", "FIN", 0)
