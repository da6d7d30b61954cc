"""Import of EGMS files: whole or not at all, repeatable, safe beside a second import and under kill -9."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import egms_factory
from egms_factory import level2, level3
from fiducial.errors import FiducialError, InputError
from fiducial.formats import egms, point_product_writer
from fiducial.formats.point_product import PointProduct
from fiducial.runs import ingest
from fiducial.runs.ingest import import_egms


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.fixture
def small_groups(monkeypatch):
    """Row groups of 16 points and pieces of a few lines, so that a small file crosses every boundary."""
    for module in (point_product_writer, ingest):
        monkeypatch.setattr(module, "ROW_GROUP_POINTS", 16)
    monkeypatch.setattr(point_product_writer, "CHUNK_POINTS", 8)
    original = egms.EgmsFile.pieces
    monkeypatch.setattr(egms.EgmsFile, "pieces", lambda self, **options: original(self, 2500, **options))


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda p: f"{p.stem}-{len(p.columns)}")
def test_every_level_becomes_a_product(product, tmp_path):
    path = import_egms(product.write_zip(tmp_path), tmp_path / "out")
    assert path == tmp_path / "out" / product.stem
    assert hidden(tmp_path / "out") == []
    opened = PointProduct.open(path)
    opened.verify()
    manifest = opened.manifest
    level = product.stem[5:8].rstrip("_")
    assert manifest.level == level
    assert manifest.component == {"E": "east", "U": "up"}.get(product.stem[21], "LOS")
    assert manifest.points == 4
    assert manifest.tie.frame == (None if level == "L2a" else "ETRF2000")
    assert manifest.sources[0].bytes == (tmp_path / f"{product.stem}.zip").stat().st_size
    stated = {one.name: one.state for one in manifest.requirements}
    gnss = "unstated" if level == "L2a" else "stated"
    assert stated == {"gnss": gnss, "dem": "stated", "land_cover": "unstated", "snow": "unstated"}


def test_bare_csv_states_nothing(tmp_path):
    product = level2("L2a")
    manifest = PointProduct.open(import_egms(product.write_csv(tmp_path, with_xml=False), tmp_path / "out")).manifest
    assert manifest.metadata is None
    assert {one.state for one in manifest.requirements} == {"unstated"}


def test_xml_of_the_source_can_be_written_again(tmp_path):
    from fiducial.formats import egms_xml

    product = level2()
    metadata = PointProduct.open(import_egms(product.write_zip(tmp_path), tmp_path / "out")).manifest.metadata
    assert metadata is not None
    assert egms_xml.write(metadata.to_egms()) == product.xml()


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("points", [1, 15, 16, 17, 75])
def test_row_groups_keep_points_series_and_negative_zeros_together(points, tmp_path):
    product = level2(points=points, epochs=7)
    for row in range(0, points, 3):
        product.set(row, product.date_columns[row % 7], "-0.0")
        product.set(row, product.date_columns[(row + 3) % 7], "")
    opened = PointProduct.open(import_egms(product.write_zip(tmp_path), tmp_path / "out"))
    opened.verify()
    assert opened.row_groups == -(-points // 16)
    truth = {row[0].encode(): row for row in product.rows}
    series = opened.series_mm()
    for group in range(opened.row_groups):
        start, stop = opened.bounds(group)
        attributes = opened.attributes(None, [group])
        assert attributes["series_index"].tolist() == list(range(start, stop))
        assert sorted(attributes["source_row"]) == list(range(start, stop))
        for k, pid in enumerate(attributes["pid"]):
            printed = [float(text) if text else np.nan for text in truth[pid][len(product.columns) :]]
            np.testing.assert_array_equal(series[:, start + k], np.array(printed, dtype=np.float32))
            assert attributes["easting"][k] == float(truth[pid][product.column("easting")])
        rows, exact = opened.source_rows(group)
        assert rows["pid"].tolist() == [row[0].encode() for row in product.rows[start:stop]]
        assert [[("" if np.isnan(v) else repr(float(v))) for v in line] for line in exact] == [
            row[len(product.columns) :] for row in product.rows[start:stop]
        ]


@pytest.mark.usefixtures("small_groups")
def test_column_that_is_whole_in_one_row_group_only(tmp_path):
    product = level2(points=40)
    product.set(30, "line", "")  # null in a column of integers
    product.set(31, "mp_type", "12.5")
    opened = PointProduct.open(import_egms(product.write_zip(tmp_path), tmp_path / "out"))
    assert np.isnan(opened.attributes(["line"])["line"]).sum() == 1
    assert opened.attributes(["mp_type"])["mp_type"].max() == 12.5


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("row", [0, 39])
@pytest.mark.parametrize("value", ["0.25", "3276.8", "-0.04"])
def test_values_that_tenths_cannot_hold_are_stored_as_float32(row, value, tmp_path):
    product = level2(points=40)
    product.set(row, product.date_columns[2], value)
    product.set(5, product.date_columns[0], "-0.0")
    product.set(6, product.date_columns[0], "")
    opened = PointProduct.open(import_egms(product.write_zip(tmp_path), tmp_path / "out"))
    opened.verify()
    assert opened.manifest.series_dtype == "float32"
    exact = np.concatenate([opened.source_rows(group)[1] for group in range(opened.row_groups)])
    np.testing.assert_array_equal(exact, product.series_mm())
    assert np.signbit(exact[5, 0])
    assert hidden(tmp_path / "out") == []


FAULTS = {
    "FID-2008": lambda product: product.set(37, "los_up", "0.1"),
    "FID-2009": lambda product: product.set(37, "20200109", "x"),
    "FID-2010": lambda product: product.rows[37].pop(),
    "FID-2016": lambda product: product.set(37, "pid", "?"),
    "FID-2020": lambda product: product.set(37, "easting", "0.0"),
}


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("existing", [False, True])
def test_a_failing_import_leaves_nothing_or_what_was_there(code, existing, tmp_path):
    product = level2(points=40)
    out = tmp_path / "out"
    if existing:
        import_egms(product.write_zip(tmp_path), out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} if existing else {}
    FAULTS[code](product)
    with pytest.raises(FiducialError) as caught:
        import_egms(product.write_zip(tmp_path), out, overwrite=True)
    assert caught.value.code == code
    assert "line 39" in caught.value.where
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert hidden(out) == []


def test_cut_zip_leaves_nothing(tmp_path):
    source = level2(points=40).write_zip(tmp_path)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    with pytest.raises(FiducialError, match="FID-2001"):
        import_egms(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="FID-1001"):
        import_egms(tmp_path / "absent.zip", tmp_path / "out")


def stamp(path: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in path.rglob("*")}


def test_the_same_file_again_is_skipped_whatever_overwrite_says(tmp_path):
    source = level2().write_zip(tmp_path)
    path = import_egms(source, tmp_path / "out")
    before = stamp(path)
    for overwrite in (False, True):
        assert import_egms(source, tmp_path / "out", overwrite=overwrite) == path
        assert stamp(path) == before


def test_other_content_needs_overwrite(tmp_path):
    path = import_egms(level2().write_zip(tmp_path), tmp_path / "out")
    before = stamp(path)
    other = level2(seed=1)
    with pytest.raises(InputError) as caught:
        import_egms(other.write_zip(tmp_path), tmp_path / "out")
    assert caught.value.code == "FID-1002"
    assert stamp(path) == before
    import_egms(tmp_path / f"{other.stem}.zip", tmp_path / "out", overwrite=True)
    opened = PointProduct.open(path)
    opened.verify()
    np.testing.assert_array_equal(opened.source_rows(0)[1], other.series_mm())
    assert hidden(tmp_path / "out") == []


def test_a_damaged_product_is_made_again_only_with_overwrite(tmp_path):
    source = level2().write_zip(tmp_path)
    path = import_egms(source, tmp_path / "out")
    shutil.rmtree(path / "series.zarr")
    with pytest.raises(InputError, match="FID-1002"):
        import_egms(source, tmp_path / "out")
    import_egms(source, tmp_path / "out", overwrite=True)
    PointProduct.open(path).verify()


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    source = level2().write_zip(tmp_path)
    precious = tmp_path / "out" / source.stem / "thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("years")
    with pytest.raises(InputError, match="FID-1002"):
        import_egms(source, tmp_path / "out", overwrite=True)
    assert precious.read_text() == "years"


def test_a_product_of_another_version_is_not_taken_for_the_same(tmp_path):
    source = level2().write_zip(tmp_path)
    path = import_egms(source, tmp_path / "out")
    manifest = json.loads((path / "product.json").read_text())
    (path / "product.json").write_text(json.dumps(manifest | {"created_by": "fiducial 0.0.0"}))
    with pytest.raises(InputError, match="FID-1002"):
        import_egms(source, tmp_path / "out")


def test_memory_holds_only_a_few_pieces_at_a_time(tmp_path, monkeypatch):
    product = level3(cells=400, epochs=30)
    original = egms.EgmsFile.pieces
    monkeypatch.setattr(egms.EgmsFile, "pieces", lambda self, **options: original(self, 1000, **options))
    parsed = written = ahead = 0
    prepare, append = ingest._prepare, point_product_writer.ProductWriter.append

    def counting_prepare(*arguments):
        nonlocal parsed
        result = prepare(*arguments)
        parsed += result.stored.size
        return result

    def counting_append(self, rows):
        nonlocal written, ahead
        ahead = max(ahead, parsed - written)
        time.sleep(0.001)  # a slow disk must slow the parser down
        append(self, rows)
        written += rows.size

    monkeypatch.setattr(ingest, "_prepare", counting_prepare)
    monkeypatch.setattr(point_product_writer.ProductWriter, "append", counting_append)
    PointProduct.open(import_egms(product.write_zip(tmp_path), tmp_path / "out")).verify()
    assert parsed == written == 400
    per_piece = 1000 // len(product.csv().splitlines()[1]) + 1
    assert ahead <= (ingest._IN_FLIGHT + 3) * per_piece


KILLED = """
import sys, time
from pathlib import Path
from fiducial.formats import point_product_writer
from fiducial.runs import ingest
for module in (point_product_writer, ingest):
    module.ROW_GROUP_POINTS = 16
point_product_writer.CHUNK_POINTS = 8
if sys.argv[3] == "middle":
    write = point_product_writer.ProductWriter._write_group
    def slow(self, rows):
        write(self, rows)
        print("ready", flush=True)
        time.sleep(60)
    point_product_writer.ProductWriter._write_group = slow
else:
    def stop(*_, **__):
        print("ready", flush=True)
        time.sleep(60)
    from fiducial.formats import atomic
    atomic._publish_directory = stop
ingest.import_egms(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["middle", "end"])
def test_kill_9_leaves_no_visible_product_and_the_next_import_cleans_up(moment, tmp_path):
    source, out = level2(points=40).write_zip(tmp_path), tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", KILLED, source, out, moment], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert visible(out) == []
    assert len(hidden(out)) == 1
    PointProduct.open(import_egms(source, out)).verify()
    assert visible(out) == [source.stem]
    assert hidden(out) == []


TWIN = """
import sys
from pathlib import Path
from fiducial.errors import InputError
from fiducial.runs.ingest import import_egms
print("ready", flush=True)
sys.stdin.readline()
try:
    print(import_egms(Path(sys.argv[1]), Path(sys.argv[2]), overwrite=sys.argv[3] == "True"))
except InputError as error:
    print(error.code)
"""


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_imports_at_once_leave_one_whole_product(overwrite, tmp_path):
    source, out = level2(points=3000, epochs=20).write_zip(tmp_path), tmp_path / "out"
    command = [sys.executable, "-c", TWIN, source, out, str(overwrite)]
    twins = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    for twin in twins:
        assert twin.stdout is not None
        assert twin.stdout.readline() == "ready\n"
    for twin in twins:
        assert twin.stdin is not None
        twin.stdin.write("\n")
        twin.stdin.flush()
    answers = sorted(twin.communicate()[0].strip() for twin in twins)
    # The slower one finds the name taken and says so, unless it came late enough to see the finished import.
    assert answers[0] == str(out / source.stem)
    assert answers[1] in ({str(out / source.stem)} if overwrite else {str(out / source.stem), "FID-1002"})
    PointProduct.open(out / source.stem).verify()
    assert visible(out) == [source.stem]
    assert hidden(out) == []
