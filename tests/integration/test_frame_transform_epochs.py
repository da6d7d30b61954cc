"""``fiducial frame transform --to-epoch``: points, tables and SINEX through the command, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from commands import fiducial
from fiducial.geodesy.frame_propagation import plate_velocity

XYZ = ("4027893.6750", "307045.9069", "4919475.1721")
VELOCITY = ("-0.01361", "0.01686", "0.01024")
POINT = ("frame", "transform", "--from", "ITRF2020", "--to", "ETRF2000", "--epoch", "2010.0", "--xyz", *XYZ)


def test_technical_note_1_from_2010_to_2020():
    """The Note's coordinates of 2020 follow from those of 2010 and the velocity, in the target frame."""
    for target, xyz in (
        ("ITRF2020", (4027893.5389, 307046.0755, 4919475.2745)),
        ("ETRF2000", (4027894.0033, 307045.5889, 4919474.9047)),
        ("ETRF2014", (4027893.9639, 307045.5450, 4919474.9573)),
    ):
        done = fiducial("frame", "transform", "--from", "ITRF2020", "--to", target, "--epoch", "2010.0", "--xyz", *XYZ,
                        "--velocity", *VELOCITY, "--to-epoch", "2020-01-01", "--json")  # fmt: skip
        assert done.code == 0, done.err
        assert np.abs(np.array(done.json["xyz_m"]) - xyz).max() < 1.6e-4
        assert (done.json["epoch"], done.json["epoch_given"], done.json["to_epoch"]) == (2020.0, 2010.0, 2020.0)


def test_a_point_on_a_plate_shows_the_origin_rate_bias():
    moved = {}
    for options, name, bias in (
        (("--plate", "EURA"), "plate:EURA@ITRF2020", False),
        (("--plate", "EURA", "--origin-rate-bias"), "plate:EURA@ITRF2020+ORB", True),
        (("--plate", "plate:EURA@ITRF2014"), "plate:EURA@ITRF2014", False),
    ):
        done = fiducial(*POINT, "--to-epoch", "2030.0", *options, "--json")
        assert done.code == 0, done.err
        assert done.json["velocity_source"] == {"given": 0, "plate": 1, "plate_model": name, "origin_rate_bias": bias}
        moved[name] = np.array(done.json["xyz_m"])
        driven = plate_velocity(name, "ETRF2000", np.array([XYZ], dtype=float))[0]
        assert np.allclose(done.json["velocity_m_per_yr"], driven, atol=1e-10)
    shift = moved["plate:EURA@ITRF2020+ORB"] - moved["plate:EURA@ITRF2020"]
    assert shift == pytest.approx([0.0074, 0.0070, 0.0148], abs=1e-8)
    shown = fiducial(*POINT, "--to-epoch", "2030.0", "--plate", "EURA+ORB")
    assert (
        "1 station without velocity moves with EURA of the ITRF2020 plate motion model, with origin rate bias"
        in shown.out
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--to-epoch", "2020.0"), "FID-1370"),
        (("--to-epoch", "", "--velocity", *VELOCITY), "FID-1310"),
        (("--to-epoch", "60000", "--velocity", *VELOCITY), "FID-1311"),
        (("--to-epoch", "58849.0", "--velocity", *VELOCITY), "FID-1311"),
        (("--to-epoch", "nan", "--velocity", *VELOCITY), "FID-1311"),
        (("--to-epoch", "2020.0", "--velocity", "-13.61", "16.86", "10.24"), "FID-1315"),
        (("--to-epoch", "2020.0", "--velocity", "nan", "nan", "nan"), "FID-1370"),
        (("--to-epoch", "2020.0", "--velocity", "inf", "0", "0"), "FID-1315"),
        (("--to-epoch", "2020.0", "--plate", "EURA", "--velocity", *VELOCITY), "FID-1371"),
        (("--plate", "EURA"), "FID-1371"),
        (("--to-epoch", "2020.0", "--origin-rate-bias", "--velocity", *VELOCITY), "FID-1371"),
        (("--to-epoch", "2020.0", "--psd-start", "observed", "--velocity", *VELOCITY), "FID-1371"),
        (("--to-epoch", "2020.0", "--psd", "a.snx", "--velocity", *VELOCITY), "FID-1371"),
        (("--to-epoch", "2020.0", "--discontinuities", "a.snx", "--velocity", *VELOCITY), "FID-1371"),
        (("--to-epoch", "2020.0", "--plate", "EUROPE"), "FID-1004"),
        (("--to-epoch", "2020.0", "--plate", "EURA@ITRF2014+ORB"), "FID-1102"),
        (("--to-epoch", "2020.0", "--plate", "EURA@ITRF2008"), "FID-1004"),
    ],
)
def test_refusals_of_points(options, code):
    done = fiducial(*POINT, *options)
    assert done.code == 2
    assert code in done.err


def test_a_missing_epoch_is_refused():
    done = fiducial("frame", "transform", "--from", "ITRF2020", "--to", "ETRF2000", "--xyz", *XYZ, "--velocity", *VELOCITY,
                    "--to-epoch", "2020.0")  # fmt: skip
    assert done.code == 2
    assert "FID-1310" in done.err


def test_swapped_frames_of_one_point_are_noted():
    """A European station that moves with its plate cannot be in an ETRF."""
    swapped = fiducial("frame", "transform", "--from", "ETRF2000", "--to", "ITRF2020", "--epoch", "2010.0", "--xyz", *XYZ,
                       "--velocity", *VELOCITY, "--json")  # fmt: skip
    assert swapped.code == 0
    assert any("cannot be in ETRF2000" in note for note in swapped.json["notes"])
    assert fiducial(*POINT, "--velocity", *VELOCITY, "--json").json["notes"] == []


TABLE = """# frame: {frame}
station,x,y,z,vx,vy,vz,epoch
EUR1,4027893.6750,307045.9069,4919475.1721,-0.01361,0.01686,0.01024,2010.0
EUR2,4127893.6750,407045.9069,4829475.1721,-0.01371,0.01696,0.01034,2010.0
EUR3,4127894.6750,407045.9069,4829475.1721,-0.01371,0.01696,0.01034,2010.0
EUR4,4127895.6750,407045.9069,4829475.1721,-0.01371,0.01696,0.01034,2010.0
EUR5,4127896.6750,407045.9069,4829475.1721,-0.01371,0.01696,0.01034,2010.0
{more}"""


def test_tables(tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text(TABLE.format(frame="IGS20", more="EUR6,4127896.6750,407045.9069,4829475.1721,,,,2015.0\n"))
    refused = fiducial(
        "frame", "transform", source, "--from", "IGS20", "--to", "ETRF2014", "--to-epoch", "2020.0", "--out", out
    )
    assert refused.code == 2
    assert "FID-1370" in refused.err
    assert "EUR6 from 2015.0000 to 2020.0000" in refused.err
    assert not out.exists()
    done = fiducial("frame", "transform", source, "--from", "IGS20", "--to", "ETRF2014", "--to-epoch", "2020.0", "--plate",
                    "EURA", "--out", out, "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert (done.json["velocity_source"]["given"], done.json["velocity_source"]["plate"]) == (5, 1)
    assert {row["epoch"] for row in done.json["rows"]} == {2020.0}
    *_, fifth, sixth = out.read_text().splitlines()
    assert fifth.endswith(",2020.000000")
    # A velocity that nobody observed is not written as if it had been.
    assert sixth.endswith(",nan,nan,nan,2020.000000")
    as_sinex = fiducial(
        "frame", "transform", source, "--from", "IGS20", "--to", "ETRF2014", "--out", tmp_path / "b.snx"
    )
    assert as_sinex.code == 2
    assert "FID-1373" in as_sinex.err
    for option in ("--psd", "--discontinuities"):
        done = fiducial(
            "frame", "transform", source, "--from", "IGS20", "--to", "ETRF2014", "--to-epoch", "2020.0", option, source
        )
        assert "FID-1371" in done.err


@pytest.mark.parametrize(("source", "stated"), [("ETRF2000", "IGS20"), ("ETRF2000", "LOCAL")])
def test_swapped_frames_of_a_table(tmp_path, source, stated):
    table = tmp_path / "a.csv"
    table.write_text(TABLE.format(frame=stated, more=""))
    done = fiducial("frame", "transform", table, "--from", source, "--to", "ITRF2020", "--to-epoch", "2020.0")
    assert done.code == 2
    assert ("FID-1316" if stated == "IGS20" else "FID-1004") in done.err


SINEX = """%=SNX 2.02 FID 24:001:00000 FID 10:001:00000 10:002:00000 P 00006 2 S
+SOLUTION/ESTIMATE
     1 STAX   EUR1  A    1 10:001:00000 m    2  4.02789367500000e+06 1.00000e-03
     2 STAY   EUR1  A    1 10:001:00000 m    2  3.07045906900000e+05 1.00000e-03
     3 STAZ   EUR1  A    1 10:001:00000 m    2  4.91947517210000e+06 1.00000e-03
     4 VELX   EUR1  A    1 10:001:00000 m/y  2 -1.36100000000000e-02 1.00000e-04
     5 VELY   EUR1  A    1 10:001:00000 m/y  2  1.68600000000000e-02 1.00000e-04
     6 VELZ   EUR1  A    1 10:001:00000 m/y  2  1.02400000000000e-02 1.00000e-04
-SOLUTION/ESTIMATE
%ENDSNX
"""


def test_sinex_to_sinex(tmp_path):
    file, out = tmp_path / "a.snx", tmp_path / "b.snx"
    file.write_text(SINEX)
    asked = ("frame", "transform", file, "--from", "ITRF2020", "--to", "ETRF2000", "--to-epoch", "2020.0", "--out")
    done = fiducial(*asked, out, "--json")
    assert done.code == 0, done.err
    assert np.abs(np.array(done.json["rows"][0]["xyz_m"]) - [4027894.0033, 307045.5889, 4919474.9047]).max() < 1.6e-4
    assert done.json["rows"][0]["sigma_xyz_m"] is None
    assert done.json["left_out"] == {}
    text = out.read_text()
    assert " REFERENCE FRAME    ETRF2000\n" in text
    assert "STAX   EUR1  A    1 20:001:00000 m    2" in text
    assert text.endswith("%ENDSNX\n")
    assert "FID-1002" in fiducial(*asked, out).err
    assert fiducial(*asked, out, "--overwrite").code == 0
    assert "FID-1373" in fiducial(*asked, tmp_path / "b.snx.gz").err
    assert json.loads(json.dumps(done.json)) == done.json


@pytest.mark.parametrize("text", ["", "%=SNX 2.02", SINEX.replace("%ENDSNX\n", ""), SINEX.replace("4.0278", "NaN   ")])
def test_broken_files(tmp_path, text):
    file, out = tmp_path / "a.snx", tmp_path / "b.snx"
    file.write_text(text)
    done = fiducial(
        "frame", "transform", file, "--from", "ITRF2020", "--to", "ETRF2000", "--to-epoch", "2020.0", "--out", out
    )
    assert done.code in {2, 3}
    assert "FID-" in done.err
    assert not out.exists()
