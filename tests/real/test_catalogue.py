"""The real files of a day of orbits, of EGMS and of SINEX in a catalogue."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from fiducial.catalogue.records import EntityKind
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import trace
from fiducial.catalogue.verify import verify
from fiducial.formats import egms
from fiducial.runs.catalogue_add import add_paths
from support import data_path

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    paths = [data_path("orbits", "2024-263-final"), data_path("egms"), data_path("sinex")]
    with Catalogue.open(tmp_path_factory.mktemp("real") / "c.sqlite") as opened:
        add_paths(opened, paths)
        assert add_paths(opened, paths).added == 0
        yield opened


def test_formats_and_products(catalogue):
    formats = Counter(one.format for one in catalogue.files())
    assert formats == {"SP3": 13, "SINEX": 7, "SINEX-SUM": 1, "EGMS": 4, "AEPND": 1, "EOP-finals": 1, "unknown": 5}
    orbits = {one.attributes["centre"]: one for one in catalogue.products(egv_product="GSO")}
    assert set(orbits) == {"COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO", "IGF", "IGL", "IGS"}
    assert {name for name, one in orbits.items() if one.tier == "T3"} == {"IGF", "IGL", "IGS"}
    assert all(one.start == datetime(2024, 9, 18, 23, 59, 42, tzinfo=UTC) for one in orbits.values())
    # Printed as the file has it, which cuts the name to five letters.
    assert orbits["ESA"].frame == "ITRF2"
    assert orbits["IGF"].attributes["stated_inputs"] == [
        "COD",
        "EMR",
        "ESA",
        "GFZ",
        "GRG",
        "JGX",
        "JPL",
        "MIT",
        "NGS",
        "SIO",
    ]


def test_solutions_of_stations(catalogue):
    solutions = {one.name: one for one in catalogue.products(egv_product="SPTS")}
    assert solutions["ESA0OPSFIN_20241850000_01D_01D_SOL.SNX"].frame == "ITRF20"
    combined = solutions["igs18P19821_all_CoordOnly.snx"]
    assert (combined.tier, combined.frame) == ("T3", None)
    assert {"COD", "EMR", "ESA", "GFZ", "GRG", "MIT", "NGS", "SIO"} == set(combined.attributes["stated_inputs"])
    assert "ITRF2020-psd-gnss.snx" not in solutions
    assert "igs_satellite_metadata.snx" not in solutions


@pytest.mark.parametrize(
    "name", ["EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip", "EGMS_L2b_117_0227_IW2_VV_2020_2024_1.zip"]
)
def test_every_scene_of_an_egms_product_is_upstream(catalogue, name):
    metadata = egms.recognise(data_path("egms", "ustica-west", name)).metadata
    root = trace(catalogue, name, "up")
    kinds = {kind: {node.name for _, node in root.walk() if node.kind == kind} for kind in EntityKind}
    assert kinds[EntityKind.SCENE] == {one.product_id for one in (*metadata.scenes, *metadata.reference_scenes)}
    assert kinds[EntityKind.DEM] == {f"DEM {metadata.dem_version}"}
    assert kinds[EntityKind.GNSS] == {f"EGMS GNSS model {metadata.gnss_version}"}
    assert {one.orbit_type for one in metadata.scenes} == {name.split()[-1] for name in kinds[EntityKind.ORBIT]}


def test_verify(catalogue):
    found = verify(catalogue)
    assert (found.places, found.orphaned, found.combined) == ((), (), 4)
    assert {one.problem for one in found.fair} == {"unlinked"}
