"""Texts around the orbits of 2024-09-19: summary, metadata and NANUs against what ROCS made of them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from fiducial.formats import igs_names, nanu, satellite_metadata, sinex_summary
from support import data_path

pytestmark = pytest.mark.real
DAY = np.datetime64("2024-09-19")
MAS = np.pi / 180 / 3600 / 1000
FOLDER = ("orbits", "2024-263-final")


def rocs():
    return json.loads(data_path(*FOLDER, "rocs_expected", "IGS0TSTFIN_20242630000_01D_01D_SUM.JSON").read_text())


def test_every_real_name_is_built_again():
    names = [path.name for path in data_path(*FOLDER).rglob("*0000_*") if path.is_file()]
    assert len(names) == 16
    assert [igs_names.parse_name(name).build() for name in names] == names


def test_summary():
    summary = sinex_summary.read(data_path(*FOLDER, "IGS0OPSSNX_20242590000_07D_07D_SUM.YML"), strictness="raise")
    assert (summary.week, summary.frame, summary.first_day) == (2332, "IGSR3", np.datetime64("2024-09-15"))
    centres = ["COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO"]
    assert [centre.name for centre in summary.centres] == centres
    assert all(centre.weighted for centre in summary.centres)
    everyone = {(centre, day) for centre in [*centres, "IGS"] for day in range(7)}
    assert set(summary.transformations) == set(summary.statistics) == everyone
    assert set(summary.residuals) == {("BUA" if centre == "IGS" else centre, day) for centre, day in everyone}
    np.testing.assert_allclose(summary.rotation_rad("SIO", DAY), np.array([0.017, -0.132, 0.063]) * MAS, rtol=1e-12)
    assert summary.scale("IGS", DAY) == pytest.approx(-0.181e-9)
    assert len(summary.rejections) == 28
    assert len(summary.outliers) == 13
    assert len(summary.metadata_errors) == 29
    assert len(summary.missing_stations) == 40


def test_rotations_are_those_of_rocs_with_the_other_sign():
    summary = sinex_summary.read(data_path(*FOLDER, "IGS0OPSSNX_20242590000_07D_07D_SUM.YML"))
    rotated = {centre: summary.rotation_rad(centre, DAY) / MAS for centre in rocs()["preprocess"]["pre-alignment"]}
    expected = {centre: -np.array(entry["R"]) for centre, entry in rocs()["preprocess"]["pre-alignment"].items()}
    for centre, rotation in rotated.items():
        np.testing.assert_allclose(rotation, expected[centre], atol=1e-9, err_msg=centre)


def test_every_satellite_and_block_of_the_combination():
    metadata = satellite_metadata.read(data_path(*FOLDER, "igs_satellite_metadata.snx"))
    tables = rocs()["RMS"]
    pairs = dict(re.findall(r"'(\w+)', '(\w+)'", " ".join(tables)))
    assert len(pairs) == 81
    assert {prn: metadata.svn(prn, DAY) for prn in pairs} == pairs
    assert {metadata.block(prn, DAY) for prn in pairs} == {
        key for key in tables if re.fullmatch(r"[A-Z]{3}-[^']+", key)
    }
    assert metadata.release == "IGS satellite meta data of GNSS satellites, release 2335"
    assert len(metadata.identifiers) == 280
    assert metadata.mass_kg("G17", DAY) == 1080.0
    assert all(metadata.mass_kg(prn, DAY) for prn in pairs)
    # Galileo's satellites of April 2024 have no antenna yet in this release.
    assert {prn for prn in pairs if metadata.antenna_offset_m(prn, DAY) is None} == {"E06", "E29"}
    # Of J004 two open spans stand in the file, a superseded one and the present one.
    prn = next(prn for prn in metadata.prn_svns if metadata.svn(prn, DAY) == "J004")
    assert metadata.mass_kg(prn, DAY) == 2234.0


def test_manoeuvres():
    nanus = nanu.read(data_path(*FOLDER, "nanus_sum.2024"))
    assert len(nanus) == 49
    listed = rocs()["preprocess"]["DV maneuvering satellites"]
    begin, end = DAY.astype("datetime64[ns]"), DAY + np.timedelta64(1, "D")
    by_number = {notice.number: notice for notice in nanus}
    today = [m for m in nanu.manoeuvres(nanus, "FIN") if m.begin_gps < end and m.end_gps > begin]
    utc = [(by_number[m.nanu].begin_utc, by_number[m.nanu].end_utc) for m in today]
    assert [(m.satellite, m.nanu) for m in today] == [("G17", "2024044")]
    assert utc == [tuple(np.datetime64(text.replace(" ", "T")) for text in row[2:]) for row in listed]
    assert len(nanu.manoeuvres(nanus, "FIN")) == len(nanu.manoeuvres(nanus, "ULT")) == 15
