"""Traces up and down: shared branches, cycles, depth; verify and the FAIR rule."""

from __future__ import annotations

import hashlib
import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.catalogue.fair import check_fair
from fiducial.catalogue.records import (
    EdgeRecord,
    Entity,
    EntityKind,
    FileRecord,
    ProductRecord,
    Relation,
    RunRecord,
    RunState,
)
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import find, follow, trace
from fiducial.catalogue.verify import verify
from fiducial.catalogue.writing import Batch, Seen
from fiducial.errors import CatalogueError
from fiducial.runs.catalogue_tables import verify_lines
from fiducial.runs.catalogue_trace import document, text_lines, write_picture

NOW = datetime(2024, 9, 19, tzinfo=UTC)
CENTRES = ("COD", "ESA", "GFZ")


def real_file(folder, name, form="SP3"):
    path = folder / name
    path.write_text(f"content of {name}")
    state = path.stat()
    record = FileRecord(
        hashlib.sha256(path.read_bytes()).hexdigest(),
        state.st_size,
        form,
        name,
        (str(path),),
        {"recognised_by": "content"},
    )
    return record, {str(path): Seen(state.st_size, state.st_mtime_ns)}


def product_of(file, *, centre, tier, **attributes):
    return ProductRecord(f"product:{file.name}", file.name, "GSO", None, tier, None, None, None, None, (file.id,),
                         {"centre": centre, **attributes})  # fmt: skip


@pytest.fixture
def chain(tmp_path):
    """Three centres' orbits → combination → calibration of a burst → Ortho, each a run; the frame is made from Ortho too."""
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        folder = tmp_path / "data"
        folder.mkdir()
        names = [f"{centre}.SP3" for centre in CENTRES]
        inputs = [real_file(folder, name) for name in names]
        combined, burst, ortho = (real_file(folder, name) for name in ("IGS.SP3", "burst.zip", "ortho.zip"))
        every = [*inputs, combined, burst, ortho]
        products = [product_of(one, centre=name, tier="T2") for (one, _), name in zip(inputs, CENTRES, strict=True)]
        products.append(product_of(combined[0], centre="IGS", tier="T3", stated_inputs=list(CENTRES)))
        seen = {path: state for _, places in every for path, state in places.items()}
        scene = Entity("scene:S1A", EntityKind.SCENE, "S1A")
        catalogue.add(Batch([one for one, _ in every], [scene], products, edges=[
            EdgeRecord(Relation.DERIVED, burst[0].id, scene.id, "scene")], seen=seen))  # fmt: skip
        steps = {"combine": ([one for one, _ in inputs], combined), "calibrate": ([combined[0], burst[0]], ortho)}
        for step, (used, (made, _)) in steps.items():
            run = RunRecord(f"run:{step}", "chain", step, 1, {}, step, "fiducial", "host", NOW, NOW, RunState.DONE)
            catalogue.finish_run(run, [EdgeRecord(Relation.USED, run.id, one.id, "input") for one in used],
                                 [EdgeRecord(Relation.GENERATED, made.id, run.id, "output")], [])  # fmt: skip
        yield catalogue, folder


def _ids(root):
    return {node.id for _, node in root.walk()}


def test_up_from_ortho_to_every_centre(chain):
    catalogue, folder = chain
    root = trace(catalogue, str(folder / "ortho.zip"), "up")
    names = {node.name for _, node in root.walk()}
    assert {"COD.SP3", "ESA.SP3", "GFZ.SP3", "IGS.SP3", "burst.zip", "S1A", "chain/combine", "chain/calibrate"} <= names
    for _, node in root.walk():
        if node.kind == "file":
            assert node.details["sha256"] == hashlib.sha256(f"content of {node.name}".encode()).hexdigest()


def test_down_from_a_centre_to_ortho(chain):
    catalogue, _ = chain
    root = trace(catalogue, "COD.SP3", "down")
    assert {"IGS.SP3", "ortho.zip"} <= {node.name for _, node in root.walk()}
    assert "ESA.SP3" not in {node.name for _, node in root.walk()}
    # Who used the file used its product.
    assert {"ortho.zip"} <= {node.name for _, node in trace(catalogue, "product:COD.SP3", "down").walk()}


def test_depth_cuts_and_says_so(chain):
    catalogue, folder = chain
    root = trace(catalogue, str(folder / "ortho.zip"), "up", 1)
    assert [depth for depth, _ in root.walk()] == [0, 1]
    assert root.children[0].cut
    assert trace(catalogue, "ortho.zip", "up", 0).children == ()
    assert trace(catalogue, "ortho.zip", "up", 0).cut
    whole = trace(catalogue, "ortho.zip", "up", 50)
    assert not any(node.cut for _, node in whole.walk())


def test_names_hashes_and_paths_find_the_same(chain, monkeypatch):
    catalogue, folder = chain
    sha = hashlib.sha256(b"content of COD.SP3").hexdigest()
    monkeypatch.chdir(folder)
    for start in ("COD.SP3", sha, sha[:8], f"sha256:{sha}", f"sha256:{sha[:9]}", str(folder / "COD.SP3"), "./COD.SP3"):
        assert find(catalogue, start).id == f"sha256:{sha}"
    assert find(catalogue, "product:COD.SP3").kind == "product"
    assert find(catalogue, "run:combine").kind == "run"
    with pytest.raises(CatalogueError) as caught:
        find(catalogue, "nowhere.sp3")
    assert caught.value.code == "FID-4006"
    with pytest.raises(CatalogueError) as caught:
        find(catalogue, "run:c")
    assert caught.value.code == "FID-4007"


def test_of_two_contents_of_one_name_the_one_that_is_held(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        for number in (1, 2):
            catalogue.add_file(FileRecord(f"{number:064x}", 1, "SP3", "same.sp3", ("/x/same.sp3",)))
        assert find(catalogue, "same.sp3").id.endswith("2")
        catalogue.add_file(FileRecord(f"{3:064x}", 1, "SP3", "same.sp3", ("/y/same.sp3",)))
        with pytest.raises(CatalogueError) as caught:
            find(catalogue, "same.sp3")
    assert caught.value.code == "FID-4007"


def test_cycles_and_shared_branches_are_marked_and_end(tmp_path):
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "a"), ("d", "d")]
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        entities = [Entity(f"x:{name}", EntityKind.OTHER, name) for name in "abcd"]
        catalogue.add(
            Batch(entities=entities, edges=[EdgeRecord(Relation.DERIVED, f"x:{a}", f"x:{b}") for a, b in edges])
        )
        root = trace(catalogue, "x:a", "up")
    marks = [(node.name, node.shared, node.cycle) for _, node in root.walk()]
    assert marks == [("a", False, False), ("b", False, False), ("d", False, False), ("a", False, True), ("d", False, True),
                     ("c", False, False), ("d", True, False)]  # fmt: skip
    told = root.to_dict()
    assert len(told["nodes"]) == 4
    assert len(told["steps"]) == len(edges)
    assert told["cycles_at"] == ["x:a", "x:d"]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    with Catalogue.open(tmp_path_factory.mktemp("graphs") / "c.sqlite") as catalogue:
        yield catalogue, itertools.count()


@settings(max_examples=20)
@given(pairs=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20), depth=st.none() | st.integers(0, 4))
def test_a_trace_holds_all_that_can_be_reached_and_every_edge_once(graphs, pairs, depth):
    catalogue, numbers = graphs
    graph = f"x{next(numbers)}"
    entities = [Entity(f"{graph}:{k}", EntityKind.OTHER, str(k)) for k in range(7)]
    edges = [EdgeRecord(Relation.DERIVED, f"{graph}:{a}", f"{graph}:{b}") for a, b in pairs]
    catalogue.add(Batch(entities=entities, edges=edges))
    root = trace(catalogue, f"{graph}:0", "up", depth)
    reached, frontier = {0: 0}, [0]
    for node in frontier:
        for target in sorted(b for a, b in pairs if a == node):
            if target not in reached and (depth is None or reached[node] < depth):
                reached[target] = reached[node] + 1
                frontier.append(target)
    assert _ids(root) == {f"{graph}:{k}" for k in reached}
    opened = [node.id for _, node in root.walk() if not (node.shared or node.cycle)]
    assert len(opened) == len(set(opened)) == len(reached)
    inside = {(a, b) for a, b in pairs if a in reached and (depth is None or reached[a] < depth)}
    assert len(root.to_dict()["steps"]) == len(inside)
    if depth is None:
        last = max(reached, key=reached.__getitem__)
        assert f"{graph}:0" in _ids(trace(catalogue, f"{graph}:{last}", "down"))


def test_a_deep_chain_is_no_matter_of_recursion(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        count = 1500
        entities = [Entity(f"x:{k:04d}", EntityKind.OTHER, str(k)) for k in range(count)]
        edges = [EdgeRecord(Relation.DERIVED, f"x:{k:04d}", f"x:{k + 1:04d}") for k in range(count - 1)]
        catalogue.add(Batch(entities=entities, edges=edges))
        links, more = follow(catalogue, ["x:0000"], "up", 40)
        assert (len(links), more) == (40, {"x:0040"})
        root = trace(catalogue, "x:1400", "up")
    assert max(depth for depth, _ in root.walk()) == 99


def test_a_snapshot_around_one_thing(chain):
    catalogue, folder = chain
    around = catalogue.snapshot(str(folder / "IGS.SP3"))
    assert {one.name for one in around.files} == {"COD.SP3", "ESA.SP3", "GFZ.SP3", "IGS.SP3", "ortho.zip"}
    assert {one.step for one in around.runs} == {"combine", "calibrate"}
    assert len(catalogue.snapshot("IGS.SP3", 1).files) == 1
    assert all(edge in catalogue.snapshot().edges for edge in around.edges)


# Verify ------------------------------------------------------------------------------------------------------------


def test_a_whole_chain_is_sound(chain):
    catalogue, _ = chain
    for quick in (False, True):
        found = verify(catalogue, quick=quick)
        assert found.is_sound
        assert (found.checked, found.combined, found.counts["intact"]) == (6, 1, 6)
    assert verify_lines(found)[-1] == "sound"


def test_a_deleted_input_is_named_with_all_that_stood_on_it(chain):
    catalogue, folder = chain
    (folder / "COD.SP3").unlink()
    found = verify(catalogue)
    assert [(one.path, one.state) for one in found.places] == [(str(folder / "COD.SP3"), "missing")]
    assert [one.lost.name for one in found.standings] == ["COD.SP3"]
    stood = {one.name for one in found.standings[0].stood_on_it}
    assert stood == {"COD.SP3", "IGS.SP3", "ortho.zip", "chain/combine", "chain/calibrate"}
    assert [(one.name, one.problem, one.missing) for one in found.fair] == [("IGS.SP3", "lost", ("product:COD.SP3",))]
    text = "\n".join(verify_lines(found))
    assert "missing" in text
    assert text.endswith("not sound")
    assert found.to_dict()["places"][0]["state"] == "missing"


def test_a_changed_file_is_found_by_hash_and_not_always_quickly(chain):
    catalogue, folder = chain
    path = folder / "ESA.SP3"
    state = path.stat()
    path.write_text("c0ntent of ESA.SP3")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert verify(catalogue, quick=True).is_sound
    found = verify(catalogue)
    assert [one.state for one in found.places] == ["changed"]
    path.write_text("longer than it was before")
    assert verify(catalogue, quick=True).places[0].detail.startswith("25 bytes")
    path.unlink()
    path.mkdir()
    assert verify(catalogue).places[0].state == "changed"


def test_a_copy_elsewhere_keeps_what_stands_on_it(chain):
    catalogue, folder = chain
    record = catalogue.files(name="COD.SP3")[0]
    copy = folder / "copy.sp3"
    copy.write_text("content of COD.SP3")
    catalogue.add_file(FileRecord(record.sha256, record.size, "unknown", "copy.sp3", (str(copy),)))
    (folder / "COD.SP3").unlink()
    found = verify(catalogue)
    assert [one.state for one in found.places] == ["missing"]
    assert (found.standings, found.fair) == ((), ())


def test_a_content_that_lost_its_last_path_is_orphaned(chain):
    catalogue, folder = chain
    other, _ = real_file(folder, "COD.SP3")
    (folder / "COD.SP3").write_text("a new issue")
    new = FileRecord(hashlib.sha256(b"a new issue").hexdigest(), 11, "SP3", "COD.SP3", other.paths)
    catalogue.add_file(new)
    found = verify(catalogue)
    assert [one.id for one in found.orphaned] == [other.id]
    assert found.places == ()
    assert not found.is_sound
    assert found.fair[0].problem == "lost"


def test_below_one_folder_alone(chain, tmp_path):
    catalogue, folder = chain
    (folder / "COD.SP3").unlink()
    assert verify(catalogue, under=str(tmp_path / "elsewhere")).checked == 0
    assert len(verify(catalogue, under=str(folder)).places) == 1


def test_files_known_by_hash_and_unfinished_runs_are_told(chain):
    catalogue, _ = chain
    catalogue.add_entity(Entity("sha256:" + "e" * 64, EntityKind.FILE, "source.zip", {"stated_by": "product.json"}))
    catalogue.begin_run(RunRecord("run:dead", "r", "s", 1, {}, "k", "f", "h", NOW, None, RunState.RUNNING))
    found = verify(catalogue, quick=True)
    assert [one.name for one in found.never_held] == ["source.zip"]
    assert [one.id for one in found.unfinished] == ["run:dead"]
    assert found.is_sound
    assert "run:dead" in "\n".join(verify_lines(found))


def test_the_fair_rule(chain):
    catalogue, _ = chain
    combined = catalogue.products(tier="T3")
    assert check_fair(catalogue, combined) == ()
    named = combined[0].attributes | {"stated_inputs": ["COD", "ESA", "GFZ", "JPL"]}
    more = ProductRecord(**{name: getattr(combined[0], name) for name in combined[0].__slots__} | {"attributes": named})
    assert [(one.problem, one.missing) for one in check_fair(catalogue, [more])] == [("incomplete", ("JPL",))]
    alone = ProductRecord("product:alone", "alone", "GSO", None, "T3", None, None, None, None, (), {})
    catalogue.add_product(alone)
    assert [one.problem for one in check_fair(catalogue, [alone])] == ["unlinked"]


def test_files_that_a_run_used_are_solutions_where_no_product_is_recorded(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        (source, seen), (made, _) = real_file(tmp_path, "COD.SP3"), real_file(tmp_path, "combined.SP3")
        (between, _), (other, _) = real_file(tmp_path, "aligned.SP3"), real_file(tmp_path, "notes.txt", "unknown")
        catalogue.add(Batch([source, made, between, other], seen=seen))
        for step, used, result in (("align", [source, other], between), ("combine", [between], made)):
            run = RunRecord(f"run:{step}", "o", step, 1, {}, step, "f", "h", NOW, NOW, RunState.DONE)
            catalogue.finish_run(run, [EdgeRecord(Relation.USED, run.id, one.id) for one in used],
                                 [EdgeRecord(Relation.GENERATED, result.id, run.id)], [])  # fmt: skip
        combined = ProductRecord("product:c", "c", "GSO", None, "Tier 3", None, None, None, None, (made.id,), {})
        # The same file as `catalogue add` records it is the combination too, no solution of it.
        again = ProductRecord("product:d", "d", "GSO", None, "T2", None, None, None, None, (made.id,), {})
        catalogue.add(Batch(products=[combined, again]))
        assert check_fair(catalogue, [combined]) == ()
        (tmp_path / "COD.SP3").unlink()
        assert [(one.problem, one.missing) for one in check_fair(catalogue, [combined])] == [("lost", (source.id,))]
        assert verify(catalogue).combined == 1


def test_a_small_file_that_many_products_hold_does_not_mix_their_traces(tmp_path):
    """Metadata of a Zarr group are the same in every burst."""
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        metadata, _ = real_file(tmp_path, "zarr.json", "Zarr")
        for burst in ("one", "two"):
            source, series = (real_file(tmp_path, f"{burst}.{ending}")[0] for ending in ("zip", "series"))
            product = ProductRecord(f"product:{burst}", burst, "ESD", "L2a", None, None, None, None, None,
                                    (metadata.id, series.id), {})  # fmt: skip
            catalogue.add(Batch([metadata, source, series], [], [product]))
            run = RunRecord(
                f"run:{burst}", "chain", "import", 1, {}, burst, "fiducial", "host", NOW, NOW, RunState.DONE
            )
            catalogue.finish_run(run, [EdgeRecord(Relation.USED, run.id, source.id, "source")],
                                 [EdgeRecord(Relation.GENERATED, product.id, run.id, "products")], [])  # fmt: skip
        found = {node.name for _, node in trace(catalogue, "product:one", "up").walk()}
        assert found == {"one", "chain/import", "one.zip", "zarr.json", "one.series"}
        assert not any(node.shared for _, node in trace(catalogue, "product:one", "up").walk())
        stands = {node.name for _, node in trace(catalogue, str(tmp_path / "one.zip"), "down").walk()}
        assert "one" in stands
        assert "two" not in stands


@pytest.mark.parametrize("kept", [True, False])
def test_a_check_of_many_products_asks_no_more_often_than_one_of_few(tmp_path, monkeypatch, kept):
    asked = []
    read = Catalogue._read
    monkeypatch.setattr(Catalogue, "_read", lambda self, body: asked.append(1) or read(self, body))
    counts = []
    for days in (2, 40):
        folder = tmp_path / str(days)
        folder.mkdir()
        with Catalogue.open(tmp_path / f"{days}.sqlite") as catalogue:
            for day in range(days):
                (one, first), (other, second) = real_file(folder, f"COD{day}.SP3"), real_file(folder, f"T{day}.SP3")
                products = [product_of(one, centre="COD", tier="T2"), product_of(other, centre="IGS", tier="T3")]
                edge = EdgeRecord(Relation.DERIVED, products[1].id, products[0].id)
                catalogue.add(Batch([one, other], products=products, edges=[edge], seen=first | second))
            if not kept:
                for path in folder.iterdir():
                    path.unlink()
            asked.clear()
            found = verify(catalogue, quick=True)
            counts.append(len(asked))
        assert found.is_sound is kept
        assert len(found.standings) == (0 if kept else 2 * days)
        assert {len(one.stood_on_it) for one in found.standings if one.lost.name.startswith("COD")} <= {2}
    assert counts[0] == counts[1]


def test_what_was_made_again_with_all_after_it_is_superseded_and_no_loss(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        source, seen = real_file(tmp_path, "source.zip")
        catalogue.add(Batch([source], [], [], seen=seen))

        def made(text):
            """Make burst and ortho anew at the same paths."""
            above = source
            for name in ("burst", "ortho"):
                path = tmp_path / f"{name}.tif"
                path.write_text(f"{name} {text}")
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                file = FileRecord(digest, path.stat().st_size, "GeoTIFF", path.name, (str(path),), {})
                run = RunRecord(f"run:{name}-{text}", "chain", name, 1, {}, f"{name}{text}", "fiducial", "host", NOW, NOW,
                                RunState.DONE)  # fmt: skip
                catalogue.finish_run(run, [EdgeRecord(Relation.USED, run.id, above.id, "input")],
                                     [EdgeRecord(Relation.GENERATED, file.id, run.id, "output")], [file])  # fmt: skip
                above = file
            return above

        made("first")
        ortho = made("second")
        found = verify(catalogue)
        assert found.is_sound
        assert {one.name for one in found.superseded} == {"burst.tif", "ortho.tif"}
        assert (found.orphaned, found.standings) == ((), ())
        # The burst alone is made once more: the Ortho stands on one that is nowhere.
        (tmp_path / "burst.tif").write_text("third")
        digest = hashlib.sha256(b"third").hexdigest()
        catalogue.add(Batch([FileRecord(digest, 5, "GeoTIFF", "burst.tif", (str(tmp_path / "burst.tif"),), {})]))
        found = verify(catalogue)
        assert not found.is_sound
        assert [one.name for one in found.orphaned] == ["burst.tif"]
        assert ortho.id in {node.id for node in found.standings[0].stood_on_it}


def test_files_are_named_by_their_path_in_the_product_and_told_as_one(tmp_path):
    with Catalogue.open(str(tmp_path / "c.sqlite")) as catalogue:
        shared = tmp_path / "one" / "zarr.json", tmp_path / "two" / "zarr.json"
        for product in ("one", "two"):
            (tmp_path / product / "c").mkdir(parents=True)
            (tmp_path / product / "zarr.json").write_text("{}")
            (tmp_path / product / "c" / "0").write_text(product)
        digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two", "{}")}
        metadata = FileRecord(digests["{}"], 2, "Zarr", "zarr.json", tuple(map(str, shared)))
        catalogue.add_file(metadata)
        for product in ("one", "two"):
            part = FileRecord(digests[product], 3, "Zarr", "0", (str(tmp_path / product / "c" / "0"),))
            catalogue.add_file(part)
            record = ProductRecord(f"product:{product}", product, None, None, None, None, None, None, None,
                                   (metadata.id, part.id))  # fmt: skip
            catalogue.add_product(record)
        root = trace(catalogue, "product:two", "up")
        assert text_lines(root, "up")[1:] == ["└─ 2 files, 5 bytes"]
        every = text_lines(root, "up", every=True)
        assert [line.split()[3] for line in every[1:]] == ["c/0", "zarr.json"]
        assert {step["inside"] for step in document(root, "up", None)["steps"]} == {"c/0", "zarr.json"}
        write_picture(root, "up", tmp_path / "t.svg")
        Path(shared[1]).unlink()
        Path(shared[0]).unlink()
        assert text_lines(root, "up")[1] == "└─ 2 files, 5 bytes, 1 of them at none of its paths"
        lines = verify_lines(verify(catalogue))
        assert f"on zarr.json sha256:{digests['{}'][:16]} stood 2 things:" in lines
