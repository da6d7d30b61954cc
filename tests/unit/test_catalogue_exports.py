"""Exports of the catalogue: what stands in them, what stays out, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib

from catalogue_snapshots import NOON, file, large, product, run, sha, small
from egms_factory import level2
from export_judges import judge_crate, judge_datacite, judge_dcat, judge_prov, judge_stac
from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_datacite import datacite_request
from fiducial.catalogue.export_dcat import dcat_turtle
from fiducial.catalogue.export_graph import Bounds, ExportOptions, build, sources
from fiducial.catalogue.export_prov import prov_document
from fiducial.catalogue.export_rocrate import NO_LICENCE, crate
from fiducial.catalogue.export_stac import stac_files
from fiducial.catalogue.export_upstream import find, upstream
from fiducial.catalogue.product_places import product_places
from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    EntityKind,
    FileRecord,
    Relation,
    RunState,
    Snapshot,
)
from fiducial.catalogue.store import Catalogue
from fiducial.errors import CatalogueError, InputError
from fiducial.formats import chain_identity, point_product_writer
from fiducial.formats.point_product import PointProduct
from fiducial.runs.catalogue_export import ExportRequest, export_catalogue, export_snapshot, stated
from fiducial.runs.ingest import import_egms
from support import ROOT

GSO, ORTHO = "product:GSO 2024/259", "product:Ortho E32N34"
EMPTY = Snapshot((), (), (), (), (), ())


def _refused(code, call, *args, **options):
    with pytest.raises(CatalogueError) as caught:
        call(*args, **options)
    assert caught.value.code == code
    return caught.value


def test_names_are_those_of_the_exports_of_the_chain():
    assert names.NAMESPACE == chain_identity.NAMESPACE
    assert names.concept("l3/sea level") == chain_identity.egv("l3/sea level")
    assert names.requirement("369") == chain_identity.requirement(369)
    assert names.uri("egv:SPTS") == chain_identity.uri("egv:SPTS")


def test_times_are_utc_whatever_their_zone():
    assert names.utc(datetime.fromisoformat("2024-09-15T14:00:00.5+02:00")) == "2024-09-15T12:00:00.500000Z"


def test_prov_holds_every_record_and_edge_with_our_names():
    found = prov_document(small())
    judge_prov(found)
    orbit = found["entity"]["cat:product/GSO%202024%2F259"]
    assert {"$": "egv:GSO", "type": "prov:QUALIFIED_NAME"} in orbit["prov:type"]
    activity = found["activity"]["cat:run/combine"]
    assert activity["prov:startTime"] == "2024-09-15T12:00:00Z"
    assert activity["fid:requirement"] == [{"$": "cis2:req/369", "type": "prov:QUALIFIED_NAME"}]
    assert json.loads(activity["fid:parameters"]) == {"centres": ["COD", "GFZ"], "interval_s": 300, "limit": None}
    combined = found["entity"][names.record(small().files[2].id)]
    assert combined["fid:igsProduct"]["$"] == "igs:IGS0OPSFIN"
    assert found["entity"]["cat:dem/unknown"] == {}
    counts = {kind: len(found[kind]) for kind in ("used", "wasGeneratedBy", "wasDerivedFrom", "hadMember")}
    assert counts == {"used": 2, "wasGeneratedBy": 2, "wasDerivedFrom": 3, "hadMember": 3}
    assert "/data/" not in json.dumps(found), "paths of this machine"


def test_a_recorded_software_is_the_agent_of_the_runs_that_name_it():
    agent = AgentRecord("agent:fiducial", "software", "fiducial", "0.1.0")
    found = prov_document(replace(small(), agents=(*small().agents, agent)))
    assert {"prov:activity": "cat:run/combine", "prov:agent": "cat:agent/fiducial"} in found[
        "wasAssociatedWith"
    ].values()


def test_crate_follows_the_profile_and_says_that_no_licence_is_known(tmp_path):
    metadata = crate(small())
    (tmp_path / "ro-crate-metadata.json").write_bytes(names.document(metadata))
    judge_crate(metadata, tmp_path)
    nodes = {one["@id"]: one for one in metadata["@graph"]}
    assert nodes["./"]["license"] == NO_LICENCE
    assert nodes["./"]["datePublished"] == "2024-09-28T12:00:00Z"
    action = nodes["urn:fiducial:catalogue:run/combine"]
    assert action["actionStatus"] == {"@id": "http://schema.org/CompletedActionStatus"}
    assert nodes[action["instrument"]["@id"]]["softwareVersion"] == "0.1.0"
    assert "Shortcoming: no snow mask" in action["description"]
    assert {one["@id"] for one in action["agent"]} == {"urn:fiducial:catalogue:agent/IGS"}
    assert len(action["object"]) == 2 + 3


def test_a_failed_run_and_one_without_software_are_still_actions(tmp_path):
    failed = run("fit", software="", ended=None, state=RunState.FAILED)
    metadata = crate(replace(small(), runs=(*small().runs, failed)))
    (tmp_path / "ro-crate-metadata.json").write_bytes(names.document(metadata))
    judge_crate(metadata, tmp_path)
    action = next(one for one in metadata["@graph"] if one["@id"].endswith("run/fit"))
    assert "endTime" not in action
    assert action["actionStatus"]["@id"].endswith("FailedActionStatus")


def test_a_crate_holds_the_files_of_the_product_unchanged(tmp_path):
    folder = tmp_path / "store"
    content = {"a b ü.SP3": "orbit", "sub/Ω.CLK": "clock"}
    files = []
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        files.append(file(path.name, path.suffix[1:], str(path.parent), text))
    snapshot = Snapshot((), tuple(files), (product("x", tuple(files)),), (), (), ())
    request = ExportRequest("ro-crate", tmp_path / "crate", "product:x")
    assert export_snapshot(snapshot, request).counts["packed"] == 2
    metadata = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_bytes())
    judge_crate(metadata, tmp_path / "crate")
    assert (tmp_path / "crate/data/x/sub/Ω.CLK").read_text() == "clock"
    (folder / "a b ü.SP3").write_text("other")
    error = _refused("FID-4046", export_snapshot, snapshot, replace(request, out=tmp_path / "second"))
    assert "changed" in error.problem
    assert not (tmp_path / "second").exists()
    (folder / "a b ü.SP3").unlink()
    _refused("FID-4046", export_snapshot, snapshot, replace(request, out=tmp_path / "second"))


@pytest.fixture
def twins(tmp_path, monkeypatch):
    """Two imported bursts side by side in one folder: contents of small files are the same in both."""
    monkeypatch.setattr(point_product_writer, "CHUNK_POINTS", 8)
    folders = []
    for burst in (252, 253):
        source = level2(points=20, burst=burst, seed=burst)
        folders.append(import_egms(source.write_zip(tmp_path), tmp_path / "out"))
    return _recorded(folders), folders


def _recorded(folders):
    contents: dict[str, list[Path]] = {}
    members: dict[Path, list[str]] = {folder: [] for folder in folders}
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            contents.setdefault(digest, []).append(path)
            members[folder].append(digest)
    files = {one: FileRecord(one, paths[0].stat().st_size, "unknown", paths[0].name, tuple(map(str, paths)))
             for one, paths in contents.items()}  # fmt: skip
    products = tuple(product(f"p{k}", tuple(files[one] for one in dict.fromkeys(members[folder])))
                     for k, folder in enumerate(folders))  # fmt: skip
    return Snapshot((), tuple(files.values()), products, (), (), ())


@pytest.mark.parametrize("packing", [None, "all"])
def test_a_packed_product_that_shares_contents_with_another_can_be_opened(twins, tmp_path, packing):
    snapshot, folders = twins
    assert any(len(one.paths) > 1 and one.name == "zarr.json" for one in snapshot.files)
    for k, folder in enumerate(folders):
        crate_folder = tmp_path / f"crate{k}"
        request = ExportRequest("ro-crate", crate_folder, None if packing else f"product:p{k}", packing=packing)
        export_snapshot(snapshot, request)
        judge_crate(json.loads((crate_folder / "ro-crate-metadata.json").read_bytes()), crate_folder)
        packed = crate_folder / f"data/p{k}"
        inside = {one.relative_to(folder) for one in folder.rglob("*")}
        assert {one.relative_to(packed) for one in packed.rglob("*")} == inside
        PointProduct.open(packed).verify()
        assert (crate_folder / f"data/p{1 - k}").exists() == bool(packing)


@pytest.mark.parametrize("base", [None, "https://data.example.org/d"])
def test_assets_of_a_product_lie_in_its_own_folder_and_are_distinct(twins, base):
    snapshot, folders = twins
    files = stac_files(snapshot, ExportOptions(base_url=base))
    judge_stac(files)
    items = {one["id"]: one["assets"] for one in files.values() if one["type"] == "Feature"}
    for k, folder in enumerate(folders):
        root = folder.as_uri() if base is None else f"{base}/{folder.name}"
        expected = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
        assert "series.zarr/displacement/zarr.json" in expected
        assert {key: one["href"] for key, one in items[f"product:p{k}"].items()} == {
            one: f"{root}/{one}" for one in expected
        }
    if base is not None:
        turtle = dcat_turtle(snapshot, ExportOptions(base_url=base)).decode()
        assert all(f"<{base}/{one.name}/series.zarr/zarr.json>" in turtle for one in folders)


def test_a_product_at_several_places_is_that_which_is_still_whole(twins, tmp_path):
    _, (folder, _) = twins
    copy = Path(shutil.copytree(folder, tmp_path / "another" / folder.name))
    snapshot = _recorded([copy])
    files = tuple(replace(one, paths=tuple(sorted((*one.paths, *(str(folder / Path(path).relative_to(copy))
                  for path in one.paths))))) for one in snapshot.files)  # fmt: skip
    snapshot = replace(snapshot, files=files)
    for gone, kept in ((folder, copy), (copy, folder)):
        aside = (gone / "points.parquet").rename(tmp_path / "aside")
        out = tmp_path / f"stac-{kept.parent.name}"
        export_snapshot(snapshot, ExportRequest("stac", out))
        item = json.loads(next(out.glob("items/*/*.json")).read_bytes())
        assert all(one["href"].startswith(kept.as_uri() + "/") for one in item["assets"].values())
        aside.rename(gone / "points.parquet")


def _places(paths):
    files = [FileRecord(sha(one), 1, "unknown", at[0].rpartition("/")[2], tuple(at)) for one, at in paths.items()]
    found = product_places(files)
    return {one: [place.inside for place in found.of[f"sha256:{sha(one)}"]] for one in paths}


def test_the_folder_of_a_product_is_told_from_its_neighbours():
    shared = ["/d/X/s/zarr.json", "/d/Y/s/zarr.json"]
    beside = {"a": ["/d/Y/product.json"], "z": ["/d/Y.zip"], "shared": shared, "b": ["/d/Y/s/0"]}
    assert _places(beside) == {"a": ["product.json"], "z": ["Y.zip"], "shared": ["s/zarr.json"], "b": ["s/0"]}
    twice = {"a": ["/d/p.json"], "equal": ["/d/s/0", "/d/s/1"], "b": [r"/d/s/2"]}
    assert _places(twice) == {"a": ["p.json"], "equal": ["s/0", "s/1"], "b": ["s/2"]}
    assert _places({"a": [r"C:\d\p.json"], "b": [r"C:\d\s\0"]}) == {"a": ["p.json"], "b": ["s/0"]}
    assert product_places([file("x")]).names == {f"sha256:{sha('x')}": "x"}
    assert product_places([]).of == {}


def test_stac_items_have_checksums_and_lead_to_what_they_were_made_from():
    files = stac_files(small())
    judge_stac(files)
    items = {one["id"]: (place, one) for place, one in files.items() if one["type"] == "Feature"}
    orbit = items[GSO][1]
    asset = orbit["assets"]["report.json"]
    assert asset["file:checksum"] == "1220" + sha("report.json")
    assert orbit["geometry"] is None
    assert "bbox" not in orbit
    links = [one for one in items[ORTHO][1]["links"] if one["rel"] == "derived_from"]
    assert {one["href"] for one in links} == {
        f"../../{items[GSO][0]}",
        "urn:fiducial:catalogue:scene/S1A_IW_SLC",
        "urn:fiducial:catalogue:dem/unknown",
    }
    assert items[ORTHO][1]["bbox"] == [13.0, 38.0, 14.0, 39.0]
    assert files["catalog.json"]["type"] == "Catalog"


def test_stac_makes_a_collection_where_the_area_is_known_or_stated():
    files = stac_files(small(), ExportOptions(bounds=Bounds(-180, -90, 180, 90)))
    judge_stac(files)
    top = files["collection.json"]
    assert top["license"] == "other"
    assert top["extent"]["temporal"]["interval"] == [["2024-09-15T12:00:00Z", "2024-09-16T12:00:00Z"]]


def test_stac_says_what_its_time_is_and_leaves_out_what_has_none():
    kinds = {
        "both": {},
        "start": {"end": None},
        "issued": {"start": None, "end": None},
        "end of the run": {"start": None, "end": None, "issued": None},
        "never": {"start": None, "end": None, "issued": None},
    }
    edge = EdgeRecord(Relation.GENERATED, "product:end of the run", "run:combine")
    products = tuple(product(name, (), **changes) for name, changes in kinds.items())
    snapshot = Snapshot((), (), products, (run(),), (), (edge,))
    files = stac_files(snapshot)
    judge_stac(files)
    said = {one["id"]: one["properties"].get("fid:datetime_is") for one in files.values() if one["type"] == "Feature"}
    assert said == {f"product:{name}": None if name == "both" else name for name in kinds if name != "never"}
    assert files["catalog.json"]["fid:left_out"] == ["product:never"]
    _refused("FID-4043", stac_files, replace(snapshot, products=products[-1:], edges=()))


def test_a_static_stac_catalogue_is_walked_by_pystac(tmp_path):
    import pystac

    export_snapshot(small(), ExportRequest("stac", tmp_path / "stac"))
    items = list(pystac.Catalog.from_file(str(tmp_path / "stac" / "catalog.json")).get_items(recursive=True))
    assert {one.id for one in items} == {GSO, ORTHO}


def test_dcat_names_concepts_checksums_and_provenance():
    graph = judge_dcat(dcat_turtle(small(), ExportOptions(concepts={"GSO": "GNSS Satellite Orbits"})))
    found = graph.query("""
        PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX spdx: <http://spdx.org/rdf/terms#>
        PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX dct: <http://purl.org/dc/terms/>
        SELECT ?label ?value WHERE { ?d dcat:theme ?c . ?c skos:prefLabel ?label . ?d dcat:distribution ?f .
          ?f dct:title "report.json" ; spdx:checksum/spdx:checksumValue ?value }""")
    assert [(str(one.label), one.value) for one in found] == [
        ("GNSS Satellite Orbits", rdflib.Literal(sha("report.json"), datatype=rdflib.XSD.hexBinary))
    ]
    assert not list(graph.subjects(rdflib.DCTERMS.license))


def test_datacite_takes_recorded_organisations_and_leaves_the_doi_to_the_registrar():
    found = datacite_request(small(), ORTHO, ExportOptions(publisher="EGMS", creators=("Doe, Jane",)))
    judge_datacite(found)
    attributes = found["data"]["attributes"]
    assert attributes["creators"] == [{"name": "Doe, Jane"}]
    assert "rightsList" not in attributes
    related = {one["relatedIdentifier"]: one["relatedIdentifierType"] for one in attributes["relatedIdentifiers"]}
    assert related == {
        "urn:fiducial:catalogue:product/GSO%202024%2F259": "URN",
        "https://s.org/1": "URL",
        "urn:fiducial:catalogue:dem/unknown": "URN",
    }
    orbit = datacite_request(small(), "GSO 2024/259", ExportOptions(publisher="IGS"))["data"]["attributes"]
    assert orbit["creators"] == [{"name": "Centre IGS", "nameType": "Organizational"}]


def test_datacite_invents_neither_creator_nor_publisher():
    error = _refused("FID-4044", datacite_request, small(), ORTHO)
    assert error.fix == "give --creator, --publisher"
    undated = replace(small().products[1], issued=None)
    error = _refused(
        "FID-4044",
        datacite_request,
        replace(small(), products=(undated,)),
        None,
        ExportOptions(publisher="P", creators=("C",)),
    )
    assert error.fix == "give --date"


def test_refusals():
    for export in (prov_document, crate, stac_files, dcat_turtle, datacite_request):
        _refused("FID-4040", export, EMPTY)
    edge = EdgeRecord(Relation.USED, GSO, "scene:x")
    assert GSO in _refused("FID-4041", prov_document, replace(small(), edges=(edge,))).where
    _refused(
        "FID-4041", prov_document, replace(small(), files=(), edges=(EdgeRecord(Relation.DERIVED, "", "scene:x"),))
    )
    _refused("FID-4042", datacite_request, small())
    _refused("FID-4042", datacite_request, small(), "product:none")
    _refused("FID-4042", find, small(), "none")
    _refused("FID-4045", crate, Snapshot((), (file("x"),), (), (), (), ()))
    for wrong in ({"date": "yesterday"}, {"bbox": "1,2,3"}, {"bbox": "0,9,1,8"}, {"base_url": "a b"}):
        _refused("FID-4047", stated, **wrong)


def test_options_are_read():
    options = stated(date="2026-03-31", bbox="170,-10,-170,10", base_url="https://a.org/b", publisher="P")
    assert options.published == datetime(2026, 3, 31, tzinfo=UTC)
    assert options.bounds == Bounds(170, -10, -170, 10)


def test_a_circle_of_derivations_ends():
    one, other = file("a"), file("b")
    edges = (EdgeRecord(Relation.DERIVED, one.id, other.id), EdgeRecord(Relation.DERIVED, other.id, one.id))
    snapshot = Snapshot((), (one, other), (product("p", (one,)), product("q", (other,))), (), (), edges)
    judge_prov(prov_document(snapshot))
    assert sources(build(snapshot)) == {"product:p": ("product:q",), "product:q": ("product:p",)}
    assert upstream(snapshot, "product:p").products == snapshot.products


def test_upstream_leaves_out_what_was_made_later():
    found = upstream(small(), GSO)
    assert {one.id for one in found.products} == {GSO}
    assert len(found.files) == 4
    assert not found.entities
    assert find(small(), "GSO 2024/259") == GSO
    assert find(small(), "/data/ortho.parquet") == small().files[4].id


@pytest.mark.parametrize("kind", ["prov-json", "dcat", "datacite"])
def test_files_are_written_whole_and_not_replaced_unasked(tmp_path, kind):
    out = tmp_path / "out"
    request = ExportRequest(kind, out, ORTHO, options=ExportOptions(publisher="P", creators=("C",)))
    result = export_snapshot(small(), request)
    assert result.counts == {"products": 2, "files": 5, "runs": 1}
    first = out.read_bytes()
    with pytest.raises(InputError, match="FID-1002"):
        export_snapshot(small(), request)
    export_snapshot(small(), replace(request, overwrite=True))
    assert out.read_bytes() == first
    assert list(tmp_path.iterdir()) == [out]


def test_the_catalogue_itself_is_exported(tmp_path):
    snapshot = small()
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        for one in snapshot.agents:
            catalogue.add_agent(one)
        for one in snapshot.files:
            catalogue.add_file(one)
        for one in (*snapshot.entities, Entity("dem:unknown", EntityKind.DEM, "unknown")):
            catalogue.add_entity(one)
        catalogue.begin_run(replace(snapshot.runs[0], parameters={"interval_s": 300}))
        for one in snapshot.products:
            catalogue.add_product(one)
        catalogue.add_edges(snapshot.edges)
    request = ExportRequest("dcat", tmp_path / "out.ttl", "Ortho E32N34", str(tmp_path / "c.sqlite"))
    assert export_catalogue(request).counts == {"products": 2, "files": 5, "runs": 1}
    graph = judge_dcat(request.out.read_bytes())
    assert any("Orbit" in str(one) for one in graph.objects(predicate=rdflib.SKOS.prefLabel))
    stac = export_catalogue(replace(request, format="stac", out=tmp_path / "stac", options=stated(bbox="0,0,9,9")))
    assert stac.counts["items"] == 2
    assert not stac.notes
    with pytest.raises(InputError, match="FID-1002") as caught:
        export_catalogue(request)
    assert "--overwrite" in caught.value.fix
    with pytest.raises(InputError, match="FID-1002") as caught:
        export_catalogue(replace(request, format="stac", out=tmp_path, overwrite=True))
    assert "--overwrite" not in caught.value.fix
    with pytest.raises(CatalogueError, match="FID-4047"):
        export_catalogue(replace(request, packing="all"))


def test_output_does_not_hang_on_the_order_of_hashing(tmp_path):
    code = (
        "import hashlib; from catalogue_snapshots import small; from fiducial.catalogue.export_dcat import dcat_turtle;"
        "from fiducial.catalogue.export_stac import stac_files; from fiducial.catalogue.export_names import document;"
        "print(hashlib.sha256(dcat_turtle(small()) + document(stac_files(small()))).hexdigest())"
    )
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "tests")}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_many_files_are_exported():
    snapshot = large(4000)
    assert len(prov_document(snapshot)["entity"]) == 4002
    assert len(crate(snapshot)["@graph"]) > 4000
    assert len(stac_files(snapshot)) == 3
    assert dcat_turtle(snapshot).count(b"a dcat:Distribution") == 4000


def test_the_time_of_the_hand_made_snapshot_is_utc():
    assert NOON.tzinfo is UTC
    assert Path(small().files[0].paths[0]).is_absolute()
