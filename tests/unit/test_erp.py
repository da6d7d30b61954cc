"""IGS Earth rotation files: titles and units in the spellings of the centres, damage, writing."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats import erp
from fiducial.orbits.earth_rotation import EarthRotation

MICROARCSECOND_RAD = MILLIARCSECOND_RAD / 1000.0

IGS = """version 2
EOP  SOLUTION
  MJD         X        Y     UT1-UTC    LOD   Xsig   Ysig   UTsig LODsig  Nr Nf Nt     Xrt    Yrt  Xrtsig Yrtsig
               10**-6"        .1us    .1us/d    10**-6"     .1us  .1us/d                10**-6"/d    10**-6"/d
60572.50   225415   411006    590652   -301      4      5       0     11  12 11 10     520  -2158      16     17
60573.50   225935   408848    590953   -302      6      7       0     12  12 11 10     521  -2159      18     19
"""
CODE = """VERSION 2
CODE MGEX 3-DAY SOLUTION
--------------------------------
NUTATION MODEL       : IAU2000R06
MJD      X-P    Y-P    UT1UTC    LOD    S-X  S-Y  S-UT   S-LD  NR  NF  NT X-RT   Y-RT  S-XR S-YR C-XY C-XT C-YT DPSI DEPS S-DP S-DE
         E-6"   E-6"   E-7S   E-7S/D    E-6" E-6" E-7S E-7S/D            E-6"/D E-6"/D           E-2  E-2  E-2 E-6" E-6" E-6" E-6"
60572.50 225415 411006 590652   -301    4    5    2     11     147 85 121 520   -2158  16   17     3    1   -5    0    0    0    0
60573.50 225935 408848 590953   -302    6    7    3     12     147 85 121 521   -2159  18   19     3    1   -5    0    0    0    0
"""
GFZ = """version 2
GFZ ERP-RESULTS
_______________
 MJD Xpole Ypole UT1 -TAI LOD Xsig Ysig UTsig LODsig Nr Nf Nt X-RT Y-RT X-RTsig Y-RTsig
 E-6" E-6" .1 us .1 us/d E-6" E-6" .1 us .1 us/d E-6" E-6" E-6" E-6"
60572.500 225415 411006 -369409348 -301 4 5 11 11 128 99 78 520 -2158 16 17
60573.500 225935 408848 -369409047 -302 6 7 11 12 128 99 78 521 -2159 18 19
"""


def refusal(text, **options):
    with pytest.raises(FormatError) as caught:
        erp.read(text.encode(), name="x.erp", **options)
    return caught.value


@pytest.mark.parametrize("text", [IGS, CODE, GFZ, IGS.replace("\n", "\r\n")])
def test_spellings_of_the_centres(text):
    found = erp.read(text.encode())
    assert found.findings == ()
    rotation = found.rotation
    np.testing.assert_array_equal(rotation.mjd_utc, [60572.5, 60573.5])
    tolerance = {"rtol": 1e-14, "atol": 0.0}
    np.testing.assert_allclose(rotation.x_pole_rad, np.array([225415, 225935]) * MICROARCSECOND_RAD, **tolerance)
    np.testing.assert_allclose(rotation.y_pole_rad, np.array([411006, 408848]) * MICROARCSECOND_RAD, **tolerance)
    np.testing.assert_allclose(rotation.ut1_minus_utc_s, [0.0590652, 0.0590953], rtol=0, atol=1e-13)
    np.testing.assert_allclose(rotation.lod_s, [-301e-7, -302e-7], **tolerance)
    np.testing.assert_allclose(rotation.x_pole_sigma_rad, np.array([4, 6]) * MICROARCSECOND_RAD, **tolerance)
    np.testing.assert_allclose(rotation.lod_sigma_s, [11e-7, 12e-7], **tolerance)
    np.testing.assert_allclose(rotation.x_rate_rad_per_day, np.array([520, 521]) * MICROARCSECOND_RAD, **tolerance)
    np.testing.assert_allclose(rotation.y_rate_sigma_rad_per_day, np.array([17, 19]) * MICROARCSECOND_RAD, **tolerance)
    assert rotation.predicted_pole is None
    assert not rotation.ut1_regularised


def test_sigma_zero_is_unknown_and_other_columns_are_kept():
    found = erp.read(IGS.encode())
    assert np.isnan(found.rotation.ut1_sigma_s).all()
    np.testing.assert_array_equal(found.columns["Nf"], [11, 11])
    assert found.comments == ("EOP  SOLUTION",)
    np.testing.assert_array_equal(erp.read(CODE.encode()).columns["C-YT"], [-5, -5])


def test_what_was_not_estimated_is_nan():
    text = IGS.replace("520  -2158      16     17", "  0      0       0      0")
    text = text.replace("521  -2159      18     19", "  0      0       0      0")
    rotation = erp.read(text.encode()).rotation
    assert np.isnan(rotation.x_rate_rad_per_day).all()
    assert np.isnan(rotation.y_rate_sigma_rad_per_day).all()


def test_regularised_ut1_is_said():
    rotation = erp.read(IGS.replace("UT1-UTC ", "UT1R-UTC").replace("  LOD ", " LODR ").encode()).rotation
    assert rotation.ut1_regularised
    assert rotation.lod_regularised


def test_units_of_the_file_hold_and_are_noted():
    text = IGS.replace('10**-6"  ', '10**-5"  ').replace('10**-6"/d', '10**-5"/d').replace(".1us", "  us")
    found = erp.read(text.replace("590652", " 59065").replace("590953", " 59095").encode())
    assert found.rotation.ut1_minus_utc_s[0] == pytest.approx(0.059065, abs=1e-12)
    assert found.rotation.x_pole_rad[0] == pytest.approx(2.25415 * 1000 * MILLIARCSECOND_RAD, rel=1e-12)
    assert len(found.findings) == 2
    assert refusal(text, strictness="raise").code == "FID-2434"
    assert refusal(IGS.replace('10**-6"  ', '10**-5"  ', 1)).code == "FID-2431"


def test_without_units_those_of_version_2_hold():
    lines = IGS.splitlines(keepends=True)
    found = erp.read("".join([*lines[:3], *lines[4:]]).encode())
    assert found.rotation.lod_s[0] == pytest.approx(-301e-7, rel=1e-12)


def test_unknown_columns_are_noted_and_kept():
    found = erp.read(IGS.replace(" Nt ", " Qq ").encode())
    assert "'Qq'" in found.findings[0]
    np.testing.assert_array_equal(found.columns["Qq"], [10, 10])


def test_damage():
    assert refusal("").code == "FID-2430"
    assert refusal(IGS.replace("version 2", "version 1")).code == "FID-2430"
    assert refusal(IGS.replace("MJD", "MJX")).code == "FID-2431"
    assert refusal(IGS.replace("UT1-UTC", "UT2-UTC")).code == "FID-2431"
    assert refusal(IGS.replace("Ysig", "Xsig")).code == "FID-2431"
    error = refusal(IGS.replace("411006", "4110x6"))
    assert error.code == "FID-2432"
    assert error.where == "x.erp, line 5, columns 21-26"
    assert refusal(IGS.replace("12 11 10     521", "1211 10     521")).code == "FID-2432"
    assert refusal(IGS.replace("60573.50", "60572.50")).code == "FID-2432"
    # UT1 - TAI under the title UT1 - UTC.
    assert refusal(IGS.replace("   590652", "-369409348")).code == "FID-2432"
    assert refusal(IGS[: IGS.index("60572")]).code == "FID-2433"
    assert refusal(IGS + "text\n").code == "FID-2432"


def test_a_file_cut_anywhere_behind_its_first_row_is_refused_or_noted():
    for cut in range(IGS.index("60573") + 1, len(IGS)):
        try:
            found = erp.read(IGS[:cut].encode())
        except FormatError as error:
            assert error.code in ("FID-2433", "FID-2432")  # noqa: PT017
        else:
            assert cut == len(IGS) - 1
            assert found.findings


def test_written_files_give_the_same_numbers(tmp_path):
    first = erp.read(CODE.encode())
    erp.write(first.rotation, tmp_path / "a.erp", comments=first.comments, columns={
        {"NR": "Nr", "NF": "Nf", "NT": "Nt"}.get(name, name): column for name, column in first.columns.items()
    })  # fmt: skip
    again = erp.read(tmp_path / "a.erp")
    assert again.findings == ()
    assert again.comments == first.comments
    for name in EarthRotation.__slots__[:13]:
        np.testing.assert_array_equal(getattr(again.rotation, name), getattr(first.rotation, name))
    np.testing.assert_array_equal(again.columns["Nr"], [147, 147])
    np.testing.assert_array_equal(again.columns["DPSI"], [0, 0])


def test_what_cannot_be_written():
    mjd = np.array([60572.5, 60573.5])
    zeros = np.zeros(2)
    for rotation, options in (
        (EarthRotation(mjd, x_pole_rad=np.array([1e-6, np.nan])), {}),
        (EarthRotation(mjd, lod_s=np.array([1e-6, np.inf])), {}),
        (EarthRotation(mjd, lod_sigma_s=zeros + 1e-6), {}),
        (EarthRotation(mjd), {"comments": ["MJD and more"]}),
        (EarthRotation(mjd), {"comments": ["two\nlines"]}),
        (EarthRotation(mjd), {"comments": ["\u4e2d"]}),
        (EarthRotation(mjd), {"columns": {"two words": zeros}}),
        (EarthRotation(mjd), {"columns": {"Nr": np.zeros(3)}}),
    ):
        with pytest.raises(FormatError) as caught:
            erp.to_bytes(rotation, **options)
        assert caught.value.code == "FID-2435"
