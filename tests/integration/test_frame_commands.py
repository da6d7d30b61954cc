"""``fiducial frame transform``: points, tables, SINEX, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import coordinate_table

XYZ = ("4027893.6750", "307045.9069", "4919475.1721")
VELOCITY = ("-0.01361", "0.01686", "0.01024")
TO_ETRF2000 = ("frame", "transform", "--from", "ITRF2020", "--to", "ETRF2000")
TABLE = """# frame: ITRF2020
station,x,y,z,vx,vy,vz,epoch
EUR1,4027893.6750,307045.9069,4919475.1721,-0.01361,0.01686,0.01024,2010.0
"ALIC, new",-4052051.77,4212836.20,-2545106.03,,,,2020-01-01
"""


def test_a_point_with_velocity_as_json():
    done = fiducial(*TO_ETRF2000, "--epoch", "2010.0", "--xyz", *XYZ, "--velocity", *VELOCITY, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert np.abs(np.array(found["xyz_m"]) - [4027894.0053, 307045.5939, 4919474.9083]).max() < 1e-4
    assert np.abs(np.array(found["velocity_m_per_yr"]) - [-0.00020, -0.00050, -0.00036]).max() < 1e-5
    assert (found["from"], found["to"], found["epoch"]) == ("ITRF2020", "ETRF2000", 2010.0)
    assert found["path"] == [{"operation": "EPSG:10586", "epsg": 10586, "inverted": False, "from": "ITRF2020",
                              "to": "ETRF2000"}]  # fmt: skip


def test_negative_coordinates_and_dates():
    xyz = ("-4052051.77", "4212836.20", "-2545106.03")
    done = fiducial("frame", "transform", "--from", "IGb14", "--to", "ITRF2020", "--epoch", "2015-01-01", "--xyz", *xyz,
                    "--json")  # fmt: skip
    assert done.code == 0, done.err
    found = done.json
    moved = np.array(found["xyz_m"]) - np.array(xyz, dtype=float)
    assert np.allclose(moved, np.array([1.4, 0.9, -1.4]) * 1e-3 + 0.42e-9 * np.array(xyz, dtype=float), atol=1e-8)
    assert found["velocity_m_per_yr"] is None
    assert found["notes"] == ["IGb14 is ITRF2014"]
    shown = fiducial("frame", "transform", "--from", "IGb14", "--to", "ITRF2014", "--epoch", "2015.0", "--xyz", *xyz)
    assert "-4052051.7700" in shown.out
    assert "the frames are one" in shown.out


def test_longitude_and_latitude():
    done = fiducial(*TO_ETRF2000, "--epoch", "2024.5", "--lonlath", "12.8789", "49.1442", "666.0", "--json")
    assert done.code == 0, done.err
    back = fiducial("frame", "transform", "--from", "ETRF2000", "--to", "ITRF2020", "--epoch", "2024.5", "--lonlath",
                    *done.json["lonlath"], "--json")  # fmt: skip
    assert np.allclose(back.json["lonlath"], [12.8789, 49.1442, 666.0], atol=1e-6)
    xyz = fiducial(*TO_ETRF2000, "--epoch", "2024.5", "--lonlath", "-70", "-10", "3800", "--json").json["xyz_m"]
    assert np.sign(xyz).tolist() == [1.0, -1.0, -1.0]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    table, file = tmp_path / "a.csv", tmp_path / "file"
    table.write_text(TABLE)
    file.write_text("no folder")
    done = fiducial("frame", "transform", table, "--from", "ITRF2020", "--to", "ETRF2000", "--out", file / "b.csv")
    assert done.code == 2
    assert "FID-1377: the output cannot be written" in done.err
    assert str(file) in done.err


def test_a_reader_that_has_seen_enough_is_no_error():
    code = "import sys; from fiducial.cli.main import main; sys.argv[0] = 'fiducial'; main()"
    words = [sys.executable, "-c", code, *TO_ETRF2000, "--epoch", "2010.0", "--xyz", *XYZ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_tables_there_and_back(tmp_path):
    source, there, back = tmp_path / "a.csv", tmp_path / "new" / "b.txt", tmp_path / "c.csv"
    source.write_text(TABLE)
    done = fiducial("frame", "transform", source, "--from", "IGS20", "--to", "ETRF2000", "--out", there)
    assert done.code == 0, done.err
    assert "2 stations" in done.out
    assert there.read_text().startswith("# frame: ETRF2000\n")
    read = coordinate_table.read(there)
    assert read.names == ("EUR1", "ALIC_new")
    assert np.abs(read.position_m[0] - [4027894.0053, 307045.5939, 4919474.9083]).max() < 1e-4
    assert np.isnan(read.velocity_m_per_yr[1]).all()
    assert fiducial("frame", "transform", there, "--from", "ETRF2000", "--to", "ITRF2020", "--out", back).code == 0
    first, last = coordinate_table.read(source), coordinate_table.read(back)
    assert np.abs(first.position_m - last.position_m).max() < 1.1e-5
    assert np.nanmax(np.abs(first.velocity_m_per_yr - last.velocity_m_per_yr)) < 1.1e-7
    again = fiducial("frame", "transform", source, "--from", "IGS20", "--to", "ETRF2000", "--out", there)
    assert again.code == 2
    assert "FID-1002" in again.err
    assert (
        fiducial(
            "frame", "transform", source, "--from", "IGS20", "--to", "ETRF2000", "--out", there, "--overwrite"
        ).code
        == 0
    )


def test_a_plain_table_needs_its_epoch(tmp_path):
    table = tmp_path / "plain.txt"
    table.write_text(f"* code x y z\nEUR1 {' '.join(XYZ)}\n\nEUR2 {' '.join(XYZ)}\n")
    refused = fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:])
    assert refused.code == 2
    assert "FID-1310" in refused.err
    done = fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:], "--epoch", "2010-01-01", "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["station"] for row in rows] == ["EUR1", "EUR2"]
    assert rows[0]["velocity_m_per_yr"] is None
    assert "EUR2" in fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:], "--epoch", "2010.0").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--xyz", *XYZ), "FID-1310"),
        (("--epoch", "55555", "--xyz", *XYZ), "FID-1311"),
        (("--epoch", "2010.0"), "FID-1316"),
        (("--epoch", "2010.0", "--xyz", *XYZ, "--lonlath", "1", "2", "3"), "FID-1316"),
        (("--epoch", "2010.0", "--xyz", *XYZ, "--out", "x.csv"), "FID-1316"),
        (("--epoch", "2010.0", "--xyz", "4027.893675", "307.0459", "4919.4751"), "FID-1315"),
        (("--epoch", "2010.0", "--xyz", "4027893675", "307045906", "4919475172"), "FID-1315"),
        (("--epoch", "2010.0", "--xyz", "nan", "0", "0"), "FID-1315"),
        (("--epoch", "2010.0", "--xyz", *XYZ, "--velocity", "-13.61", "16.86", "10.24"), "FID-1315"),
        (("--epoch", "2010.0", "--lonlath", "49", "112", "0"), "FID-1104"),
        (("--epoch", "2010.0", "--xyz", *XYZ, "--to", "plate:EURA@ITRF2014"), "FID-1318"),
        (("--epoch", "2010.0", "--xyz", *XYZ, "--to", "WGS84"), "FID-1004"),
    ],
)
def test_refusals_of_points(arguments, code):
    done = fiducial("frame", "transform", "--from", "ITRF2020", *(() if "--to" in arguments else ("--to", "ETRF2000")),
                    *arguments)  # fmt: skip
    assert done.code == 2
    assert code in done.err


def test_units_are_named():
    done = fiducial(*TO_ETRF2000, "--epoch", "2010.0", "--xyz", "4027.893675", "307.0459", "4919.4751")
    assert "in km" in done.err


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", "FID-1317", "t.csv"),
        ("# only this\n", "FID-1317", "t.csv"),
        ("A 1 2\n", "FID-1317", "line 1"),
        ("A,4027893.6,307045.9,4919475.1\nB,4027893.6,307045.9\n", "FID-1317", "line 2"),
        ("A,4027893.6,307045.9,4919475.1\nB,4027893.6,x,4919475.1\n", "FID-1317", "line 2, column 3"),
        ("A,4027893.6,307045.9,4919475.1\nB,4027893.6,nan,4919475.1\n", "FID-1317", "line 2, column 3"),
        ("station,x_km,y_km,z_km\nA,4027.8,307.0,4919.4\n", "FID-1317", "line 1"),
        ("station,x,y,height\nA,4027.8,307.0,4919.4\n", "FID-1317", "line 1"),
        ("station,x,y,y\nA,4027.8,307.0,4919.4\n", "FID-1317", "line 1"),
        ("station,x,y,z,vx\nA,4027893.6,307045.9,4919475.1,0\n", "FID-1317", "line 1"),
        (",4027893.6,307045.9,4919475.1\n", "FID-1317", "line 1"),
        ('"A,4027893.6,307045.9,4919475.1\n', "FID-1317", "line 1"),
        ("A,4027893.6,307045.9,4919475.1\nB,4027.8936,307.0459,4919.4751\n", "FID-1315", "B"),
        ("A,4027893.6,307045.9,4919475.1,2011.0\n", "FID-1316", "t.csv"),
        ("A,4027893.6,307045.9,4919475.1,2011-13-01\n", "FID-1311", "line 1, column 5"),
        ("# frame: ETRF2014\nA,4027893.6,307045.9,4919475.1\n", "FID-1316", "t.csv"),
        ("A,4027893.6,307045.9,4919475.1\xff\n", "FID-1317", "t.csv"),
    ],
)
def test_refusals_of_tables(tmp_path, text, code, where):
    table = tmp_path / "t.csv"
    table.write_bytes(text.encode("latin-1"))
    out = tmp_path / "out.csv"
    done = fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:], "--epoch", "2010.0", "--out", out)
    assert done.code == 2
    assert code in done.err
    assert where in done.err
    assert not out.exists()


def test_a_file_and_a_point_at_once_and_a_missing_file(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text(TABLE)
    done = fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:], "--xyz", *XYZ)
    assert "FID-1316" in done.err
    missing = fiducial(*TO_ETRF2000[:2], tmp_path / "none.csv", *TO_ETRF2000[2:])
    assert missing.code == 3
    assert "FID-2400" in missing.err


def test_header_with_units_and_frames_that_are_not_ours(tmp_path):
    table = tmp_path / "t.txt"
    table.write_text(
        f"# frame: LOCAL\nepoch name x_m y[m] Z(m) vx_m_per_yr vy[m/yr] vz\n2010 EUR1 {' '.join((*XYZ, *VELOCITY))}\n"
    )
    done = fiducial(*TO_ETRF2000[:2], table, *TO_ETRF2000[2:], "--json")
    assert done.code == 0, done.err
    assert done.json["rows"][0]["xyz_m"][0] == pytest.approx(4027894.0053, abs=1e-4)


SINEX = """%=SNX 2.02 FID 24:001:00000 FID 10:001:00000 10:002:00000 P 00006 2 S
+FILE/REFERENCE
 DESCRIPTION        written by a test
-FILE/REFERENCE
+SOLUTION/ESTIMATE
*INDEX _TYPE_ CODE PT SOLN _REF_EPOCH__ UNIT S ___ESTIMATED_VALUE___ __STD_DEV__
     1 STAX   EUR1  A    1 10:001:00000 m    2  4.02789367500000e+06 1.00000e-03
     2 STAY   EUR1  A    1 10:001:00000 m    2  3.07045906900000e+05 1.00000e-03
     3 STAZ   EUR1  A    1 10:001:00000 m    2  4.91947517210000e+06 1.00000e-03
     4 VELX   EUR1  A    1 10:001:00000 m/y  2 -1.36100000000000e-02 1.00000e-04
     5 VELY   EUR1  A    1 10:001:00000 m/y  2  1.68600000000000e-02 1.00000e-04
     6 VELZ   EUR1  A    1 10:001:00000 m/y  2  1.02400000000000e-02 1.00000e-04
-SOLUTION/ESTIMATE
%ENDSNX
"""


def test_sinex(tmp_path):
    file = tmp_path / "a.snx"
    file.write_text(SINEX)
    done = fiducial(*TO_ETRF2000[:2], file, *TO_ETRF2000[2:], "--json")
    assert done.code == 0, done.err
    (row,) = done.json["rows"]
    assert row["station"] == "EUR1 A 1"
    assert row["epoch"] == 2010.0
    assert np.abs(np.array(row["velocity_m_per_yr"]) - [-0.00020, -0.00050, -0.00036]).max() < 1e-5
    velocities_only = tmp_path / "b.snx"
    lines = SINEX.replace("P 00006", "P 00000").splitlines(keepends=True)
    velocities_only.write_text("".join(line for line in lines if not line.startswith("     ")))
    refused = fiducial(*TO_ETRF2000[:2], velocities_only, *TO_ETRF2000[2:])
    assert "FID-1317" in refused.err


def test_help_has_an_example():
    done = fiducial("frame", "transform", "--help")
    assert done.code == 0
    assert "Example: fiducial frame transform --from ITRF2020" in done.out
