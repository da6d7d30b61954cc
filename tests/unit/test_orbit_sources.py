"""Which files a combination takes, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducial.errors import InputError
from fiducial.runs.orbit_sources import centre_of, find_sources, solution_of

COD = "COD0OPSFIN_20242630000_01D_05M_ORB.SP3"
ESA = "ESA0OPSFIN_20242630000_01D_15M_ORB.SP3"
CLOCK = "COD0OPSFIN_20242630000_01D_30S_CLK.CLK"


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(table):
    return {centre: path.name for centre, path in table.items()}


def test_a_folder_gives_its_orbits_and_clocks(tmp_path):
    folder = touch(tmp_path, COD, ESA, CLOCK, "readme.txt", "COD0OPSFIN_20242630000_01D_01D_ERP.ERP")
    found = find_sources([folder])
    assert names(found.orbits) == {"COD": COD, "ESA": ESA}
    assert names(found.clocks) == {"COD": CLOCK}
    assert list(found.orbits) == ["COD", "ESA"]


@pytest.mark.parametrize("name", ["sp3", "SP3", "orbits"])
def test_folders_below_are_looked_at_when_there_is_nothing_above(tmp_path, name):
    touch(tmp_path / name, COD)
    touch(tmp_path / "clk", CLOCK)
    touch(tmp_path / "expected", ESA)
    found = find_sources([tmp_path])
    assert (names(found.orbits), names(found.clocks)) == ({"COD": COD}, {"COD": CLOCK})
    touch(tmp_path, ESA)
    assert names(find_sources([tmp_path]).orbits) == {"ESA": ESA}


@pytest.mark.parametrize("ending", [".gz", ".Z", ".bz2"])
def test_compressed_names(tmp_path, ending):
    assert names(find_sources([touch(tmp_path, COD + ending)]).orbits) == {"COD": COD + ending}


def test_short_names(tmp_path):
    folder = touch(tmp_path, "igs23324.sp3", "cod23324.eph.Z", "cod23324.sp3", "cod23324.clk_30s")
    found = find_sources([folder])
    assert names(found.orbits) == {"IGS": "igs23324.sp3", "COD": "cod23324.sp3"}
    assert names(found.clocks) == {"COD": "cod23324.clk_30s"}


def test_names_stated_by_the_user(tmp_path):
    touch(tmp_path, "a.sp3", COD, CLOCK)
    found = find_sources([f"abc={tmp_path / 'a.sp3'}", f"XYZ={tmp_path / COD}", tmp_path / CLOCK])
    assert names(found.orbits) == {"ABC": "a.sp3", "XYZ": COD}
    # Clocks of a centre without orbits are the caller's to tell of.
    assert names(found.clocks) == {"COD": CLOCK}


def test_a_file_that_has_an_equals_sign_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(touch(tmp_path, "COD=x.sp3"))
    with pytest.raises(InputError) as caught:
        find_sources(["COD=x.sp3"])
    assert caught.value.code == "FID-1231"


def test_the_same_file_twice_is_one(tmp_path):
    folder = touch(tmp_path, COD)
    assert names(find_sources([folder, folder / COD]).orbits) == {"COD": COD}


def test_centres_left_out_lose_their_clocks_too(tmp_path):
    found = find_sources([touch(tmp_path, COD, ESA, CLOCK)], without=["COD"])
    assert (names(found.orbits), found.clocks) == ({"ESA": ESA}, {})


@pytest.mark.parametrize(("files", "without", "code"), [
    ((), (), "FID-1230"),
    ((CLOCK,), (), "FID-1230"),
    ((COD,), ("COD",), "FID-1230"),
    (("orbit.sp3",), (), "FID-1231"),
    ((COD, COD.replace("05M", "15M")), (), "FID-1232"),
    ((COD,), ("ESA",), "FID-1232"),
])  # fmt: skip
def test_what_cannot_be(tmp_path, files, without, code):
    with pytest.raises(InputError) as caught:
        find_sources([touch(tmp_path, *files)], without)
    assert caught.value.code == code


def test_no_source_and_an_absent_one(tmp_path):
    for sources in ([], [tmp_path / "absent"]):
        with pytest.raises(InputError) as caught:
            find_sources(sources)
        assert caught.value.code == "FID-1230"


def test_auxiliary_files_of_a_folder(tmp_path):
    touch(tmp_path, COD, "IGS0OPSSNX_20242590000_07D_07D_SUM.YML", "igs_satellite_metadata.snx", "nanus_sum.2024",
          "finals.data")  # fmt: skip
    assert {kind: path.name for kind, path in find_sources([tmp_path]).auxiliary.items()} == {
        "frame summary": "IGS0OPSSNX_20242590000_07D_07D_SUM.YML",
        "satellite metadata": "igs_satellite_metadata.snx",
        "NANU summary": "nanus_sum.2024",
        "earth rotation": "finals.data",
    }
    touch(tmp_path, "finals.all")
    assert "earth rotation" not in find_sources([tmp_path]).auxiliary


def test_product_lines():
    assert solution_of([Path(COD), Path(ESA), Path("odd.sp3")]) == "FIN"
    assert solution_of([Path(COD), Path(ESA.replace("FIN", "RAP"))]) is None
    assert solution_of([Path("odd.sp3")]) is None


def test_centres_of_names():
    assert centre_of(Path(COD)) == "COD"
    assert centre_of(Path("cod23324.sp3.Z")) == "COD"
