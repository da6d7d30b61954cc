"""C04 series and the comparison of Earth rotation with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError, InputError
from fiducial.formats import eop_c04, erp
from fiducial.orbits.earth_rotation import EarthRotation
from fiducial.runs.eop_compare import compare_eop
from support import data_path

UAS = MILLIARCSECOND_RAD / 1e3
HEAD = "# EARTH ORIENTATION PARAMETER\n# EOP (IERS) 20 C04 TIME SERIES\n"


def c04_text(first=60570, days=8, x=0.2, ut1=0.05):
    rows = []
    for day in range(days):
        mjd = first + day
        values = [x + 1e-3 * day, 0.4, ut1, 0, 0, 1e-3, 0, 1e-3, 3e-5, 3e-5, 1e-5, 0, 0, 8e-5, 0, 1e-5]
        rows.append(f"2024   9  {17 + day}   0  {mjd:.2f} " + " ".join(f"{v:.7f}" for v in values))
    return (HEAD + "\n".join(rows) + "\n").encode()


def test_text_is_read_in_radians_and_seconds():
    found = eop_c04.read(c04_text()).rotation
    assert found.mjd_utc.tolist() == [60570.0 + k for k in range(8)]
    assert found.x_pole_rad[1] == pytest.approx(0.201 * 1e6 * UAS, abs=1e-3 * UAS)
    assert found.ut1_minus_utc_s[0] == 0.05
    assert np.isnan(found.y_rate_sigma_rad_per_day).all()


def test_years_before_leap_seconds_are_left_out():
    assert eop_c04.read(c04_text(first=41_314)).rotation.mjd_utc[0] == 41_317.0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (c04_text()[:-1], "cut"),
        (c04_text()[:-40] + b"\n", "columns"),
        (c04_text().replace(b"60572.00", b"60570.00"), "does not follow"),
        (c04_text().replace(b"0.4000000", b"0.4x00000", 1), "not a number"),
        (HEAD.encode(), "no line of data"),
        (b"MJD;Year\n60570;2024\n", "missing"),
    ],
)
def test_damaged_c04_is_fid_2438(content, problem):
    with pytest.raises(FormatError, match=problem) as caught:
        eop_c04.read(content)
    assert caught.value.code == "FID-2438"


def erp_file(path, *, shift_uas=0.0, first=60572.5):
    epochs = first + np.arange(3.0)
    pole = (0.2 + 1e-3 * np.clip(epochs - 60570.0, 0.0, 10.0)) * 1e6 * UAS + shift_uas * UAS
    rotation = EarthRotation(
        epochs, x_pole_rad=pole, y_pole_rad=np.full(3, 0.4e6 * UAS), ut1_minus_utc_s=np.full(3, 0.05),
        lod_s=np.full(3, 1e-3), x_pole_sigma_rad=np.full(3, 5 * UAS), y_pole_sigma_rad=np.full(3, 5 * UAS),
        ut1_sigma_s=np.full(3, 1e-5), lod_sigma_s=np.full(3, 1e-5),
    )  # fmt: skip
    erp.write(rotation, path)
    return path


def test_a_known_difference_comes_back(tmp_path):
    reference = tmp_path / "eopc04"
    reference.write_bytes(c04_text())
    found = compare_eop(erp_file(tmp_path / "a.erp", shift_uas=40.0), reference)
    rows = {row["quantity"]: row for row in found.statistics()}
    # The ERP format prints whole microarcseconds.
    assert rows["x_pole_uas"]["mean"] == pytest.approx(40.0, abs=1.0)
    assert rows["y_pole_uas"]["largest"] <= 1.0
    assert rows["ut1_us"]["largest"] <= 0.1
    assert all(json.dumps(row) for row in found.to_dict()["records"])


def test_epochs_outside_the_reference_are_fid_1360(tmp_path):
    reference = tmp_path / "eopc04"
    reference.write_bytes(c04_text())
    with pytest.raises(InputError) as caught:
        compare_eop(erp_file(tmp_path / "a.erp", first=50000.5), reference)
    assert caught.value.code == "FID-1360"


def test_another_file_is_fid_2439(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("something else\n")
    with pytest.raises(FormatError) as caught:
        compare_eop(path)
    assert caught.value.code == "FID-2439"


@pytest.mark.real
@pytest.mark.parametrize("name", ["igs17217.erp", "igs19827.erp"])
def test_igs_agrees_with_c04_within_100_uas_and_60_us(name):
    rows = {row["quantity"]: row for row in compare_eop(data_path("eop", name)).statistics()}
    assert rows["x_pole_uas"]["largest"] < 100.0
    assert rows["y_pole_uas"]["largest"] < 100.0
    assert rows["ut1_us"]["largest"] < 60.0
    assert rows["x_pole_uas"]["epochs"] == 7


@pytest.mark.real
def test_the_csv_agrees_with_the_text_of_the_series():
    found = compare_eop(data_path("eop", "eopc04_20.2022-now.csv"))
    rows = {row["quantity"]: row for row in found.statistics()}
    # C04 is revised; the pole of 2022 and 2023 moved by up to 0.2 mas since this file was made.
    assert rows["x_pole_uas"]["epochs"] > 600
    assert rows["x_pole_uas"]["rms"] < 100.0
    assert rows["ut1_us"]["largest"] < 1e-3
