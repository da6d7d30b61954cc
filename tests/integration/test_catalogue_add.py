"""Recognition by content and name, provenance of EGMS, resumption, and hostile files."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import os
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import egms_factory
import sp3_factory
from commands import fiducial
from fiducial.catalogue.records import EntityKind, Relation
from fiducial.catalogue.store import Catalogue
from fiducial.errors import CatalogueError
from fiducial.runs import catalogue_add, catalogue_content
from fiducial.runs.catalogue_add import add_paths
from fiducial.runs.ingest import import_egms

RINEX = "     3.05           OBSERVATION DATA    M                   RINEX VERSION / TYPE\n"
CLOCK = "     3.00           C                   G                   RINEX VERSION / TYPE\n"
IONEX = "     1.0            IONOSPHERE MAPS     MIX                 IONEX VERSION / TYPE\n"


def line(text, label):
    return f"{text:<60}{label}\n"


TEXTS = {
    "COD0OPSFIN_20242630000_01D_05M_ORB.SP3": sp3_factory.small().data(),
    "ESA0OPSFIN_20242630000_01D_30S_CLK.CLK": CLOCK
    + line("ESA  European Space Operations Centre", "ANALYSIS CENTER")
    + line("   GPS", "TIME SYSTEM ID")
    + line("   100    IGS20", "# OF SOLN STA / TRF")
    + line("", "END OF HEADER")
    + "AS G01  2024 09 19 00 00  0.000000  1    1.0E-04\nAS G01  2024 09 19 23 59 30.000000  1    1.0E-04\n",
    "igs17217.erp": "version 2\nEOP  SOLUTION\n MJD X Y UT1-UTC LOD Xsig Ysig UTsig LODsig\n56291.50 1 2 3 4\n56297.50 1 2 3 4\n",
    "GFZ0OPSFIN_20242630000_01D_01D_SOL.SNX": (
        "%=SNX 2.02 GFZ 24:270:00000 GFZ 24:263:00000 24:264:00000 P 00003 2 S\n"
        "+FILE/REFERENCE\n REFERENCE FRAME    IGS20\n-FILE/REFERENCE\n%ENDSNX\n"
    ),
    "psd.snx": "%=SNX 2.02 IGN 21:231:52906 IGN 94:002:00000 21:001:00000 P 00002 2 S\n+SOLUTION/ESTIMATE\n      1 AEXP_E ZIMM\n",
    "igsg0010.18i": IONEX
    + line("cmpcmb v1.2          GRL/UWM            18-jan-18 12:37", "PGM / RUN BY / DATE")
    + line("  2018     1     1     0     0     0", "EPOCH OF FIRST MAP")
    + line("  2018     1     2     0     0     0", "EPOCH OF LAST MAP")
    + line("  7200", "INTERVAL")
    + line("", "END OF HEADER"),
    "zimm2630.24o": RINEX
    + line("ZIMM00CHE", "MARKER NAME")
    + line("  2024     9    19     0     0    0.0000000     GPS", "TIME OF FIRST OBS")
    + line("", "END OF HEADER"),
    "zimm.crx": f"{'3.0                 COMPACT RINEX FORMAT':<60}CRINEX VERS   / TYPE\n",
    "tro": "%=TRO 2.00 COD 24:270:00000 COD 24:263:00000 24:264:00000 P  MIX\n",
    "zimm.tms": "%=TMS 1.0 NMA 2024:042:58344 NMA 2023:142:42765 2023:152:43965 P ZIMM00CHE\n",
    "bias": "%=BIA 1.00 COD 2024:270:00000 COD 2024:263:00000 2024:264:00000 A 1\n",
    "CODR.IGS08.tenv": "CODR 07MAY18 2007.3758 54238 1427 5   0.0   0.0\nCODR 07MAY19 2007.3785 54239 1427 6   0.0   0.0\n",
    "week.yml": "# IGS combination of daily AC SINEX solutions for week 2332\nac:\n  - {name: cod, file: 'x', weighted: True}\n",
    "FID0TSTSNX_20242630000_01D_01D_SUM.YML": "# Combination of daily SINEX solutions for week 2332\nac:\n"
    "  - {name: cod, file: 'x', weighted: True}\nstats:\n  - {ac: cod, day: 4, nsta: 9}\n",
    "FID0TSTSNX_20242630000_01D_01D_SUM.JSON": '{\n "layout_version": 1,\n "software": {\n  "name": "fiducial",\n',
    "FID0TSTFIN_20242630000_01D_01D_SUM.JSON": '{\n "layout_version": 1,\n "product": {\n  "files": ["a"]\n },\n'
    ' "software": {\n  "name": "fiducial",\n',
    "FID0TSTSNX_20242630000_01D_01D_SUM.TXT": "COMBINATION OF DAILY STATION SOLUTIONS\n\n  epoch       2024-09-19\n",
    "FID0TSTFIN_20242630000_01D_01D_SUM.SUM": "=====\nCombination FID0TSTFIN: orbits of GPS week 2332 day 4\n=====\n",
    "eopc04": "MJD;Year;Month;Day;Type\n59580;2022;01;01;;0.05\n59581;2022;01;02;;0.05\n",
    "finals": " 24 1 1 60310.00 I  0.1\n 24 1 2 60311.00 I  0.1\n".replace(" 24", "24"),
    "cost": "-------\nCOST-716 V2.2a           E-GVAP\n",
    "notes.txt": "nothing that is known\n",
    "EGMS_AEPND_V2022.0.csv": "Latitude,Longitude,N,E,Up,SigmaN,SigmaE,SigmaUP,easting,northing\n",
}
FORMATS = {
    "COD0OPSFIN_20242630000_01D_05M_ORB.SP3": "SP3", "ESA0OPSFIN_20242630000_01D_30S_CLK.CLK": "CLK", "igs17217.erp": "ERP",
    "GFZ0OPSFIN_20242630000_01D_01D_SOL.SNX": "SINEX", "psd.snx": "SINEX", "igsg0010.18i": "IONEX", "zimm2630.24o": "RINEX",
    "zimm.crx": "RINEX (Hatanaka)", "tro": "TRO", "zimm.tms": "TMS", "bias": "BIA", "CODR.IGS08.tenv": "tenv",
    "week.yml": "SINEX-SUM", "FID0TSTSNX_20242630000_01D_01D_SUM.YML": "SINEX-SUM", "FID0TSTSNX_20242630000_01D_01D_SUM.JSON": "JSON",
    "FID0TSTFIN_20242630000_01D_01D_SUM.JSON": "JSON", "FID0TSTSNX_20242630000_01D_01D_SUM.TXT": "text",
    "FID0TSTFIN_20242630000_01D_01D_SUM.SUM": "text", "eopc04": "EOP-C04",
    "finals": "EOP-finals", "cost": "COST-716", "notes.txt": "unknown",
    "EGMS_AEPND_V2022.0.csv": "AEPND",
}  # fmt: skip


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


def write_texts(folder):
    for name, text in TEXTS.items():
        (folder / name).write_bytes(as_bytes(text))


def test_every_format_is_recognised(catalogue, folder):
    write_texts(folder)
    report = add_paths(catalogue, [folder])
    assert {one.name: one.format for one in catalogue.files()} == FORMATS
    assert (report.added, report.known, report.unchanged, report.passed) == (len(TEXTS), 0, 0, [])
    assert [note for _, note in report.notes] == ["neither content nor name are of a format that is known"]
    by_name = {(one.name, one.egv_product): one for one in catalogue.products()}
    told = {key: (one.level, one.tier, one.frame) for key, one in by_name.items()}
    assert told["ESA0OPSFIN_20242630000_01D_30S_CLK.CLK", "GSC"] == ("Level 2 intermediate", "T2", "IGS20")
    assert told["GFZ0OPSFIN_20242630000_01D_01D_SOL.SNX", "SPTS"] == ("Level 2 intermediate", "T2", "IGS20")
    assert told["igs17217.erp", "PM"] == told["igs17217.erp", "LOD"] == ("Level 3", "T3", None)
    assert told["igsg0010.18i", "GIM"] == ("Level 3", "T3", None)
    assert told["CODR.IGS08.tenv", "SPTS"] == ("Level 2", None, "IGS08")
    assert told["zimm2630.24o", None] == ("Level 1", None, None)
    assert ("psd.snx", "SPTS") not in told
    clock = by_name["ESA0OPSFIN_20242630000_01D_30S_CLK.CLK", "GSC"]
    assert clock.start == datetime(2024, 9, 18, 23, 59, 42, tzinfo=UTC)
    assert clock.end == datetime(2024, 9, 19, 23, 59, 12, tzinfo=UTC)
    assert clock.issued is None
    assert clock.attributes["centre"] == "ESA"
    assert by_name["igsg0010.18i", "GIM"].issued == datetime(2018, 1, 18, 12, 37, tzinfo=UTC)
    assert by_name["igs17217.erp", "PM"].end == datetime(2013, 1, 5, 12, tzinfo=UTC)
    made_by = {edge.agent for edge in catalogue.edges(relation=Relation.MEMBER)}
    assert {"agent:COD", "agent:ESA", "agent:GFZ", "agent:IGS"} <= made_by


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files_are_looked_into(catalogue, folder, suffix, pack):
    name = "GFZ0OPSFIN_20242630000_01D_01D_SOL.SNX"
    (folder / (name + suffix)).write_bytes(pack(as_bytes(TEXTS[name])))
    (folder / "cut.snx.gz").write_bytes(gzip.compress(os.urandom(3000))[:14])
    add_paths(catalogue, [folder])
    found = catalogue.files(format="SINEX")[0]
    assert found.attributes["compression"] in ("gzip", "bzip2")
    assert catalogue.products()[0].name == name
    assert "stream" in catalogue.files(name="cut.snx.gz")[0].attributes["note"]


def test_a_combination_states_its_inputs(catalogue, folder):
    comments = ["FINAL ORBIT COMBINATION FROM WEIGHTED AVERAGE OF:", "cod emr esa", "gfz", "REFERENCED TO IGS TIME"]
    (folder / "other.sp3").write_bytes(sp3_factory.small(comments=comments).data())
    add_paths(catalogue, [folder])
    product = catalogue.products()[0]
    assert (product.tier, product.attributes["stated_inputs"]) == ("T3", ["COD", "EMR", "ESA", "GFZ"])


def test_every_scene_and_auxiliary_data_set_of_egms_becomes_an_edge(catalogue, folder):
    product = egms_factory.level2()
    path = product.write_zip(folder)
    add_paths(catalogue, [path])
    file = catalogue.files(format="EGMS")[0]
    roles = {edge.role for edge in catalogue.edges(sources=[file.id])}
    assert any(role.startswith("scene, orbit ") for role in roles)
    assert {"dem", "gnss"} <= roles
    kinds = {one.kind for one in catalogue.entities()}
    assert {EntityKind.SCENE, EntityKind.ORBIT, EntityKind.DEM, EntityKind.GNSS} <= kinds
    assert catalogue.products(egv_product="ESD")[0].level == "L2b"


def test_a_table_with_its_xml_beside_it(catalogue, folder):
    path = egms_factory.level2().write_csv(folder)
    add_paths(catalogue, [folder])
    table = catalogue.files(format="EGMS")[0]
    document = catalogue.files(format="EGMS-XML")[0]
    edges = catalogue.edges(sources=[table.id], relation=Relation.DERIVED)
    assert [edge.target for edge in edges if edge.role == "metadata"] == [document.id]
    assert {edge.role for edge in edges} > {edge.role for edge in catalogue.edges(sources=[document.id])} - {""}
    path.with_suffix(".xml").unlink()
    add_paths(catalogue, [path], rehash=True)
    assert catalogue.files(format="EGMS")[0].attributes["provenance"] == "unstated"


def test_a_point_product_is_one_product_of_all_its_files(catalogue, folder, tmp_path):
    path = folder / "EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip"
    path.write_bytes(egms_factory.level2().zip())
    made = import_egms(path, tmp_path / "products")
    add_paths(catalogue, [made])
    product = catalogue.products(egv_product="ESD")[0]
    every = [place for place in made.rglob("*") if place.is_file()]
    assert len(product.files) == len({hashlib.sha256(place.read_bytes()).digest() for place in every})
    source = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert source in {edge.target for edge in catalogue.edges(sources=[product.id], relation=Relation.DERIVED)}
    # Known by its hash alone until it is added itself.
    assert catalogue.entities(kind="file")[0].id == source
    add_paths(catalogue, [path])
    assert catalogue.entities(kind="file") == ()
    assert catalogue.files(format="EGMS")[0].id == source
    assert add_paths(catalogue, [made]).unchanged == len(every)


def test_what_is_unchanged_is_skipped_and_what_changed_is_not(catalogue, folder):
    write_texts(folder)
    add_paths(catalogue, [folder])
    assert add_paths(catalogue, [folder, folder / "tro"]).unchanged == len(TEXTS)
    assert add_paths(catalogue, [folder], rehash=True).known == 0
    old = catalogue.files(name="notes.txt")[0]
    (folder / "notes.txt").write_text("something new")
    report = add_paths(catalogue, [folder])
    assert (report.added, report.replaced, report.unchanged) == (1, 1, len(TEXTS) - 1)
    assert catalogue.files(id=old.id)[0].paths == ()


def test_one_content_at_two_paths_is_one_file_and_keeps_what_the_better_name_told(catalogue, folder):
    name = "COD0OPSFIN_20242630000_01D_05M_ORB.SP3"
    (folder / name).write_bytes(as_bytes(TEXTS[name]))
    add_paths(catalogue, [folder])
    (folder / "copy.sp3").write_bytes(as_bytes(TEXTS[name]))
    report = add_paths(catalogue, [folder])
    assert (report.added, report.known) == (0, 1)
    assert len(catalogue.files()[0].paths) == 2
    assert [one.attributes["centre"] for one in catalogue.products()] == ["COD"]
    assert add_paths(catalogue, [folder]).unchanged == 2


def test_a_call_that_was_stopped_goes_on(catalogue, folder, monkeypatch):
    for number in range(30):
        (folder / f"{number:02d}.txt").write_text(str(number))
    monkeypatch.setattr(catalogue_add, "BATCH_UNITS", 10)
    looked = []

    def stop(unit, advance, look=catalogue_add._look):
        looked.append(unit)
        if len(looked) == 25:
            raise KeyboardInterrupt
        return look(unit, advance)

    with monkeypatch.context() as patch:
        patch.setattr(catalogue_add, "_look", stop)
        with pytest.raises(KeyboardInterrupt):
            add_paths(catalogue, [folder], threads=1)
    assert len(catalogue.files()) == 20
    report = add_paths(catalogue, [folder])
    assert (report.unchanged, report.added) == (20, 10)


# Hostile -----------------------------------------------------------------------------------------------------------


def test_hostile_folders(catalogue, folder):
    whole = egms_factory.level2().zip()
    (folder / "EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip").write_bytes(whole[: len(whole) // 2])
    (folder / "model.zip").write_bytes(egms_factory.zip_bytes({"model.json": b'{"kind": "fiducial velocity model"}'}))
    (folder / "other.zip").write_bytes(egms_factory.zip_bytes({"a.txt": b"a"}))
    (folder / "empty.sp3").touch()
    (folder / "header.sp3").write_text("#dP2024 and no more\n")
    (folder / "image.tif").write_bytes(b"II*\0" + bytes(40))
    (folder / "other.xml").write_text("<BURST><product_level>L9</product_level></BURST>")
    (folder / os.fsdecode(b"bytes-\xff.txt")).write_text("a name that is not UTF-8")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere").symlink_to(folder / "absent")
    (folder / "self").symlink_to(folder / "self")
    os.mkfifo(folder / "pipe")
    (folder / ".x.partial-1-0123456789abcdef").mkdir()
    (folder / ".x.partial-1-0123456789abcdef" / "half.sp3").write_text("half")
    bad = folder / "product"
    bad.mkdir()
    (bad / "product.json").write_text("{}")
    report = add_paths(catalogue, [folder, folder.parent])
    assert {Path(path).name for path, _ in report.passed} == {"nowhere", "self", "pipe"}
    notes = {Path(path).name: note for path, note in report.notes}
    assert "cut or damaged" in notes["EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip"]
    assert notes["empty.sp3"] == "the file is empty"
    assert "FID-2405" in notes["header.sp3"] or "FID-24" in notes["header.sp3"]
    assert {
        "model.zip",
        "other.zip",
        "image.tif",
        "other.xml",
        "product",
        os.fsdecode(b"bytes-\xff.txt"),
    } <= notes.keys()
    names = {one.name for one in catalogue.files()}
    assert "bytes-\\udcff.txt" in names
    assert not any("half" in name or "c.sqlite" in name for name in names)
    assert catalogue.files(name="header.sp3")[0].format == "SP3"
    assert add_paths(catalogue, [folder]).added == 0
    json.dumps(report.to_dict()).encode()


def test_a_path_that_does_not_exist(catalogue, folder):
    with pytest.raises(CatalogueError) as caught:
        add_paths(catalogue, [folder, folder / "absent"])
    assert caught.value.code == "FID-4010"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(catalogue, folder, monkeypatch):
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)

    def refuse(path, *, keep, read=catalogue_content.read_content):
        if path.endswith("a.txt"):
            raise PermissionError(13, "Permission denied")
        return read(path, keep=keep)

    monkeypatch.setattr(catalogue_add, "read_content", refuse)
    report = add_paths(catalogue, [folder])
    assert report.passed == [(str(folder / "a.txt"), "Permission denied")]
    assert report.added == 1


def test_a_file_that_changes_while_it_is_read_is_not_recorded(catalogue, folder):
    path = folder / "growing.txt"
    path.write_bytes(bytes(30_000_000))
    stop = threading.Event()

    def grow():
        while not stop.is_set():
            with path.open("ab") as sink:
                sink.write(b"more")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        report = add_paths(catalogue, [folder])
    finally:
        stop.set()
        writer.join()
    assert "changed while it was" in report.passed[0][1]
    assert catalogue.files() == ()


def test_two_that_add_the_same_files_at_once(tmp_path, folder):
    write_texts(folder)
    url = tmp_path / "c.sqlite"
    reports = []

    def add():
        with Catalogue.open(url) as opened:
            reports.append(add_paths(opened, [folder]))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Catalogue.open(url) as opened:
        assert {one.name: one.format for one in opened.files()} == FORMATS
        assert all(len(one.paths) == 1 for one in opened.files())
    assert len(reports) == 3


def test_a_zip_bomb_of_names_is_no_product(catalogue, folder):
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.csv", b"pid,easting\n")
    add_paths(catalogue, [folder])
    assert "not a whole EGMS product" in catalogue.files()[0].attributes["note"]


# Commands ----------------------------------------------------------------------------------------------------------


def test_the_commands(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIDUCIAL_CATALOGUE", raising=False)
    write_texts(folder)
    (folder / "EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip").write_bytes(egms_factory.level2().zip())
    assert fiducial("catalogue", "list").code == 5
    added = fiducial("catalogue", "add", folder, "--json")
    assert added.code == 0
    assert added.json["added"] == len(TEXTS) + 1
    assert "unchanged and skipped" in fiducial("catalogue", "add", folder).out
    for what in ("products", "files", "runs", "entities", "agents"):
        assert fiducial("catalogue", "list", what).code == 0
        assert isinstance(fiducial("catalogue", "list", what, "--json").json, list)
    listed = fiducial("catalogue", "list", "--egv-product", "GSC", "--since", "2024-09-01", "--json").json
    assert [one["name"] for one in listed] == ["ESA0OPSFIN_20242630000_01D_30S_CLK.CLK"]
    assert fiducial("catalogue", "list", "files", "--tier", "T2").code == 5
    wrong = fiducial("catalogue", "list", "--since", "yesterday")
    assert (wrong.code, "FID-4005" in wrong.err) == (5, True)
    for refused, code in [
        (("add", folder, "--threads", 0), "FID-4005"), (("verify", "--threads", 0), "FID-4005"),
        (("list", "--limit", 0), "FID-4005"), (("trace", "notes.txt", "--depth", -1), "FID-4005"),
        (("trace", ""), "FID-4006"), (("list", "agents", "--name", "x"), "FID-4006"),
        (("verify", "--under", tmp_path / "nowhere"), "FID-4006"),
    ]:  # fmt: skip
        done = fiducial("catalogue", *refused)
        assert (done.code, done.err.split(":")[0]) == (5, code), refused
    assert (
        "where: --tier\n  fix:   use --name, --format, --limit"
        in fiducial("catalogue", "list", "files", "--tier", "T2").err
    )
    traced = fiducial("catalogue", "trace", "data/EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip")
    assert "made from (dem)" in traced.out
    down = fiducial("catalogue", "trace", "gnss:2.0", "--direction", "down", "--json")
    assert down.code in (0, 5)
    for suffix in (".svg", ".png", ".dot", ".json"):
        plot = tmp_path / f"tree{suffix}"
        assert fiducial("catalogue", "trace", "ESA0OPSFIN_20242630000_01D_30S_CLK.CLK", "--plot", plot).code == 0
        assert plot.stat().st_size > 100
        again = fiducial("catalogue", "trace", "ESA0OPSFIN_20242630000_01D_30S_CLK.CLK", "--plot", plot)
        assert "FID-1002" in again.err
        assert "--overwrite" in again.err
    assert "FID-1426" in fiducial("catalogue", "trace", "notes.txt", "--plot", tmp_path / "tree.txt").err
    checked = fiducial("catalogue", "verify", "--json")
    assert checked.json["counts"]["intact"] == len(TEXTS) + 1
    (folder / "tro").unlink()
    checked = fiducial("catalogue", "verify", "--quick")
    assert checked.code == 5
    assert f"missing: {folder / 'tro'}" in checked.out
    assert "[at none of its paths]" in fiducial("catalogue", "trace", "tro").out
