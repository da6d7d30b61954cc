"""IERS finals in fixed columns."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats import iers_finals

ARCSECOND_RAD = 1000.0 * MILLIARCSECOND_RAD
FULL = (
    "24 919 60572.00 I  0.225415 0.000012  0.411006 0.000009  I 0.0590652 0.0000056  0.2461 0.0052  I"
    "  -110.427    0.815    -5.675    0.155  0.225410  0.411010  0.0590650  -110.452    -5.772  "
)
PREDICTED = f"{'24 920 60573.00 P  0.225935 0.014379  0.408848 0.022707  P 0.0574194 0.0182122':<187}"
EMPTY = f"{'24 921 60574.00':<187}"
TEXT = f"{FULL}\n{PREDICTED}\n{EMPTY}\n"


def refusal(text):
    with pytest.raises(FormatError) as caught:
        iers_finals.read(text.encode(), name="finals")
    return caught.value


def test_columns():
    assert len(FULL) == 187
    found = iers_finals.read(TEXT.encode())
    rapid = found.bulletin_a
    np.testing.assert_array_equal(rapid.mjd_utc, [60572, 60573, 60574])
    np.testing.assert_array_equal(rapid.x_pole_rad, np.array([0.225415, 0.225935, np.nan]) * ARCSECOND_RAD)
    np.testing.assert_array_equal(rapid.y_pole_sigma_rad, np.array([0.000009, 0.022707, np.nan]) * ARCSECOND_RAD)
    np.testing.assert_array_equal(rapid.ut1_minus_utc_s, [0.0590652, 0.0574194, np.nan])
    np.testing.assert_array_equal(rapid.ut1_sigma_s, [0.0000056, 0.0182122, np.nan])
    np.testing.assert_array_equal(rapid.lod_s, [0.2461 * 1e-3, np.nan, np.nan])
    np.testing.assert_array_equal(rapid.lod_sigma_s, [0.0052 * 1e-3, np.nan, np.nan])
    np.testing.assert_array_equal(rapid.predicted_pole, [False, True, False])
    np.testing.assert_array_equal(rapid.predicted_ut1, [False, True, False])
    np.testing.assert_array_equal(found.bulletin_b.x_pole_rad, np.array([0.225410, np.nan, np.nan]) * ARCSECOND_RAD)
    np.testing.assert_array_equal(found.bulletin_b.y_pole_rad, np.array([0.411010, np.nan, np.nan]) * ARCSECOND_RAD)
    np.testing.assert_array_equal(found.bulletin_b.ut1_minus_utc_s, [0.0590650, np.nan, np.nan])


def test_unpadded_lines():
    trimmed = iers_finals.read("".join(f"{line.rstrip()}\n" for line in TEXT.splitlines()).encode())
    padded = iers_finals.read(TEXT.encode())
    np.testing.assert_array_equal(trimmed.bulletin_a.ut1_minus_utc_s, padded.bulletin_a.ut1_minus_utc_s)


def test_damage():
    error = refusal(TEXT.replace("0.411006", "0.41x006"))
    assert error.code == "FID-2436"
    assert error.where == "finals, line 1, columns 38-46"
    assert refusal(TEXT.replace("24 920", "24 919")).code == "FID-2436"  # date and MJD
    assert refusal(TEXT.replace("60572.00", "60572,00")).code == "FID-2436"
    assert refusal(TEXT.replace("60572.00 I", "60572.00 X")).code == "FID-2436"
    assert refusal(FULL + "\n" + FULL + "\n").code == "FID-2436"
    assert refusal("70 1 1 40587.00\n").code == "FID-2436"
    assert refusal("MJD;Year;Month;Day;Type;x_pole\n").code == "FID-2436"


def test_cut_files():
    assert refusal("").code == "FID-2437"
    assert refusal("\n\n").code == "FID-2437"
    data = FULL + "\n" + FULL.replace("24 919 60572", "24 920 60573") + "\n"
    for cut in range(len(FULL) + 2, len(data) - 1):
        assert refusal(data[:cut]).code == "FID-2437"
