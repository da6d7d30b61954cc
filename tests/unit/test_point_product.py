"""Point motion product: readable by others, quick in parts, and every damage or exchange of parts is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

from egms_factory import level2, level3
from fiducial.errors import FormatError
from fiducial.formats import egms, point_product_writer
from fiducial.formats.point_product import PointProduct, is_product
from fiducial.formats.point_product_writer import cut
from fiducial.formats.product_manifest import Manifest
from fiducial.formats.quantised_series import FILL, decode_exact, decode_time_major, encode, hilbert_order
from fiducial.runs import ingest
from fiducial.runs.ingest import import_egms

POINTS, EPOCHS = 40, 7


@pytest.fixture
def product(tmp_path, monkeypatch):
    """Three row groups with a negative zero and a gap."""
    for module in (point_product_writer, ingest):
        monkeypatch.setattr(module, "ROW_GROUP_POINTS", 16)
    monkeypatch.setattr(point_product_writer, "CHUNK_POINTS", 8)
    original = egms.EgmsFile.pieces
    monkeypatch.setattr(egms.EgmsFile, "pieces", lambda self, **options: original(self, 2500, **options))
    source = level2(points=POINTS, epochs=EPOCHS)
    source.set(3, source.date_columns[2], "-0.0")
    source.set(20, source.date_columns[5], "")
    return import_egms(source.write_zip(tmp_path), tmp_path / "out")


def another(product: Path, **options) -> Path:
    """Import a product of the same shape beside the first."""
    folder = product.parents[1] / "another"
    folder.mkdir()
    source = level2(points=POINTS, epochs=EPOCHS, **options)
    return import_egms(source.write_zip(folder), folder / "out")


def damage_of(path: Path, action=PointProduct.verify) -> FormatError:
    with pytest.raises(FormatError) as caught:
        action(PointProduct.open(path))
    assert str(path) in caught.value.where
    return caught.value


def read_all(opened: PointProduct) -> None:
    for group in range(opened.row_groups):
        opened.source_rows(group)


def test_reading_in_parts_and_whole_agree(product):
    opened = PointProduct.open(product)
    assert is_product(product)
    assert not is_product(product.parent)
    series = opened.series_mm()
    assert series.shape == (EPOCHS, POINTS)
    assert series.dtype == np.float32
    assert series.flags.c_contiguous
    for start, stop in ((0, 1), (5, 21), (15, 17), (39, 40), (0, 40), (30, 99), (7, 7)):
        np.testing.assert_array_equal(opened.series_mm(start, stop), series[:, start:stop])
    blocks = list(opened.blocks())
    assert [block.size for block in blocks] == [16, 16, 8]
    np.testing.assert_array_equal(np.concatenate([b.displacement_mm for b in blocks], axis=1), series)
    pids = opened.attributes(["pid"])["pid"]
    np.testing.assert_array_equal(np.concatenate([b.attributes["pid"] for b in blocks]), pids)
    assert opened.attributes(["easting", "line"], [1])["line"].shape == (16,)
    np.testing.assert_allclose(np.linalg.norm(blocks[0].line_of_sight(), axis=1), 1, atol=1e-3)
    assert np.array_equal(opened.epochs, blocks[0].epochs)
    opened.verify()


def test_attributes_do_not_touch_the_series(product):
    opened = PointProduct.open(product)
    shutil.rmtree(product / "series.zarr" / "displacement" / "c")
    assert len(opened.attributes()["pid"]) == POINTS


def test_unknown_column_is_told(product):
    with pytest.raises(FormatError, match="FID-2101"):
        PointProduct.open(product).attributes(["colour"])


@pytest.mark.parametrize("float_series", [False, True])
def test_xarray_shows_millimetres_dates_and_gaps(float_series, tmp_path):
    import xarray

    source = level2(points=POINTS, epochs=EPOCHS)
    source.set(20, source.date_columns[5], "")
    if float_series:
        source.set(0, source.date_columns[0], "0.125")
    opened = PointProduct.open(import_egms(source.write_zip(tmp_path), tmp_path / "out"))
    with xarray.open_zarr(opened.path / "series.zarr", consolidated=False) as dataset:
        shown = dataset["displacement"]
        assert shown.dims == ("point", "epoch")
        assert shown.attrs["units"] == "mm"
        expected = source.series_mm()[opened.attributes(["source_row"])["source_row"]]
        np.testing.assert_allclose(shown.to_numpy(), expected, atol=1e-6, equal_nan=True)
        assert np.isnan(shown.to_numpy()).sum() == 1
        np.testing.assert_array_equal(dataset["epoch"].to_numpy().astype("datetime64[ns]"), opened.epochs)


@pytest.mark.parametrize("source", [level2(points=9), level3(cells=9)], ids=["L2b", "L3"])
def test_geopandas_opens_points_at_their_coordinates(source, tmp_path):
    import geopandas

    path = import_egms(source.write_zip(tmp_path), tmp_path / "out")
    frame = geopandas.read_parquet(path / "points.parquet")
    assert frame.crs == "OGC:CRS84"
    np.testing.assert_array_equal(frame.geometry.x, frame["longitude"])
    np.testing.assert_array_equal(frame.geometry.y, frame["latitude"])
    # The datum of EGMS is ETRS89; CRS84 to EPSG:3035 may differ by what PROJ thinks of it, not by a metre.
    projected = frame.to_crs("EPSG:3035").geometry
    assert np.hypot(projected.x - frame["easting"], projected.y - frame["northing"]).max() < 0.1
    bounds = json.loads(_geo(path))["columns"]["geometry"]["bbox"]
    np.testing.assert_allclose(bounds, frame.total_bounds)
    assert set(frame["pid"]) == {row[0] for row in source.rows}


def _geo(path: Path) -> bytes:
    import pyarrow.parquet as pq

    return pq.read_metadata(path / "points.parquet").metadata[b"geo"]


def test_what_is_no_product(tmp_path):
    (tmp_path / "file.zip").write_bytes(b"")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "file.zip"):
        with pytest.raises(FormatError) as caught:
            PointProduct.open(path)
        assert caught.value.code == "FID-2100"


def _without(key):
    return lambda manifest: {name: value for name, value in manifest.items() if name != key}


@pytest.mark.parametrize(
    "change",
    [
        _without("points"), _without("content_sha256"), lambda m: m | {"surprise": 1}, lambda m: m | {"points": 0},
        lambda m: m | {"points": "many"}, lambda m: m | {"format_version": 2}, lambda m: m | {"format": "other"},
        lambda m: m | {"series_dtype": "int8"}, lambda m: m | {"epochs": ["not a date"] * EPOCHS},
        lambda m: m | {"row_group_points": 0}, lambda m: [m],
    ],
)  # fmt: skip
def test_product_json_that_is_not_valid(product, change):
    path = product / "product.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert damage_of(product).code == "FID-2100"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null"])
def test_product_json_that_is_no_json(product, content):
    (product / "product.json").write_bytes(content)
    assert damage_of(product).code == "FID-2100"


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m | {"points": POINTS + 1}, lambda m: m | {"epochs": m["epochs"][:-1]},
        lambda m: m | {"content_sha256": "0" * 64}, lambda m: m | {"row_group_points": 20},
        lambda m: m | {"epochs": ["2019-01-01", *m["epochs"][1:]]}, lambda m: m | {"series_dtype": "float32"},
    ],
)  # fmt: skip
def test_product_json_of_another_product(product, change):
    path = product / "product.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert damage_of(product).code == "FID-2101"


def parts(product: Path) -> list[Path]:
    return [product / "points.parquet", *sorted(p for p in (product / "series.zarr").rglob("*") if p.is_file())]


def test_every_missing_part_is_told(product):
    names = [path.relative_to(product) for path in parts(product)]
    assert len(names) >= 1 + 3 + 3 + 1  # table, three shards, three zarr.json, the epochs
    for name in names:
        copy = product.with_name("copy")
        shutil.copytree(product, copy)
        (copy / name).unlink()
        assert damage_of(copy).code == "FID-2101", name
        shutil.rmtree(copy)


def test_every_missing_folder_is_told(product):
    for name in ("series.zarr", "series.zarr/displacement", "series.zarr/displacement/c", "series.zarr/epoch"):
        copy = product.with_name("copy")
        shutil.copytree(product, copy)
        shutil.rmtree(copy / name)
        assert damage_of(copy).code == "FID-2101", name
        shutil.rmtree(copy)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 0.999])
def test_every_cut_part_is_told(product, fraction):
    for name in [path.relative_to(product) for path in parts(product)]:
        content = (product / name).read_bytes()
        (product / name).write_bytes(content[: int(fraction * len(content))])
        assert damage_of(product).code == "FID-2101", name
        (product / name).write_bytes(content)
    PointProduct.open(product).verify()


def _flip(path: Path, places) -> list[tuple[int, FormatError | None]]:
    content = path.read_bytes()
    found: list[tuple[int, FormatError | None]] = []
    product = next(parent for parent in path.parents if is_product(parent))
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x41
        path.write_bytes(damaged)
        try:
            opened = PointProduct.open(product)
            opened.verify()
            read_all(opened)
        except FormatError as error:
            found.append((place, error))
        else:
            found.append((place, None))
    path.write_bytes(content)
    return found


def test_every_damaged_byte_of_the_table_is_told(product):
    path = product / "points.parquet"
    size = path.stat().st_size
    found = _flip(path, [*range(0, size, max(1, size // 150)), size - 1])
    assert {error.code for _, error in found if error} == {"FID-2101"}
    assert all(error for _, error in found)


def test_a_damaged_table_never_gives_other_numbers(product):
    path = product / "points.parquet"
    expected = PointProduct.open(product).attributes()
    content = path.read_bytes()
    for place in range(4, len(content), max(1, len(content) // 150)):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        try:
            opened = PointProduct.open(product)
            opened.verify()
            attributes = opened.attributes()
        except FormatError:
            continue
        for name, column in attributes.items():
            np.testing.assert_array_equal(column, expected[name], err_msg=f"byte {place}, {name}")


def test_every_damaged_byte_of_the_series_is_told(product):
    for path in parts(product)[1:]:
        if path.name == "zarr.json":
            continue
        size = path.stat().st_size
        told = [error for _, error in _flip(path, range(0, size, max(1, size // 40)))]
        assert {error.code for error in told if error} == {"FID-2101"}, path
        # What is not told are flags of the compressor that no reader uses: verify has hashed the same numbers.
        assert told.count(None) <= 0.2 * len(told), path


def test_damaged_zarr_metadata_never_gives_other_numbers(product):
    expected = PointProduct.open(product).series_mm()
    for path in (product / "series.zarr").rglob("zarr.json"):
        for content in (b"", b"{", b"[]", b"null", b"{}", b'{"zarr_format": 2}', b"\xff"):
            original = path.read_bytes()
            path.write_bytes(content)
            try:
                opened = PointProduct.open(product)
                opened.verify()
            except FormatError as error:
                assert error.code == "FID-2101", (path, content)  # noqa: PT017
            else:
                np.testing.assert_array_equal(opened.series_mm(), expected, err_msg=f"{path}, {content!r}")
            path.write_bytes(original)
    PointProduct.open(product).verify()


@pytest.mark.parametrize("name", ["points.parquet", "series.zarr", "product.json"])
def test_exchanged_parts_of_equal_shape_are_told(product, name):
    other = another(product, seed=5)
    if (product / name).is_dir():
        shutil.rmtree(product / name)
        shutil.copytree(other / name, product / name)
    else:
        shutil.copy(other / name, product / name)
    if name != "points.parquet":
        PointProduct.open(product)  # the shapes agree, so only reading everything can tell
    assert damage_of(product).code == "FID-2101"


def test_exchanged_tables_of_the_same_points_are_told(product):
    # Same identifiers, other attributes: table and manifest must belong together, too.
    source = level2(points=POINTS, epochs=EPOCHS)
    source.set(3, source.date_columns[2], "-0.0")
    source.set(20, source.date_columns[5], "")
    for row in range(POINTS):
        source.set(row, "mean_velocity", "9.9")
    folder = product.parents[1] / "same"
    folder.mkdir()
    other = import_egms(source.write_zip(folder), folder / "out")
    shutil.copy(other / "points.parquet", product / "points.parquet")
    assert damage_of(product).code == "FID-2101"


def test_exchanged_epoch_axis_is_told(product):
    source = level2(points=POINTS, epochs=EPOCHS)
    source.date_columns[-1] = "20300101"
    folder = product.parents[1] / "late"
    folder.mkdir()
    other = import_egms(source.write_zip(folder), folder / "out")
    shutil.rmtree(product / "series.zarr" / "epoch")
    shutil.copytree(other / "series.zarr" / "epoch", product / "series.zarr" / "epoch")
    assert damage_of(product).code == "FID-2101"


def test_reading_a_damaged_part_is_told_without_verify(product):
    opened = PointProduct.open(product)
    shard = next((product / "series.zarr" / "displacement" / "c").rglob("0"))
    shard = shard if shard.is_file() else shard / "0"
    shard.write_bytes(shard.read_bytes()[:30])
    with pytest.raises(FormatError, match="FID-2101"):
        opened.series_mm()
    table = product / "points.parquet"
    content = bytearray(table.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    table.write_bytes(content)
    with pytest.raises(FormatError, match="FID-2101"):
        PointProduct.open(product).source_rows(0)
    with pytest.raises(FormatError, match="FID-2101"):
        PointProduct.open(product).attributes(["pid"])


def test_manifest_survives_its_json():
    source = level2()
    assert source
    manifest = {
        "name": "a", "level": "L2a", "component": "LOS", "wavelength_mm": None, "points": 1, "epochs": ["2020-01-03"],
        "series_dtype": "int16", "row_group_points": 20000, "columns": [], "series_style": "shortest",
        "tie": {"frame": None, "stated_by": "nobody"}, "requirements": [], "sources": [], "metadata": None,
        "created_by": "x", "provenance_id": "y", "content_sha256": "z",
    }  # fmt: skip
    one = Manifest.model_validate(manifest)
    assert Manifest.model_validate_json(one.model_dump_json()) == one


def test_encode_and_both_decoders():
    series = np.array([[0.1, -0.0, np.nan], [3276.7, -3276.7, 0.0], [1.0, 12.3, -0.1]], dtype=np.float32)
    coded = encode(series)
    assert coded.exact
    np.testing.assert_array_equal(coded.tenth_mm, [[1, 0, FILL], [32767, -32767, 0], [10, 123, -1]])
    exact = decode_exact(coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
    np.testing.assert_array_equal(exact, [[0.1, -0.0, np.nan], [3276.7, -3276.7, 0.0], [1.0, 12.3, -0.1]])
    assert np.signbit(exact[0, 1])
    out = np.empty((3, 5), dtype=np.float32)
    decode_time_major(coded.tenth_mm, out, 2)
    np.testing.assert_array_equal(out[:, 2:], series.T)


@pytest.mark.parametrize("value", [0.05, 0.1004, 12.3001, 3276.8, -3276.8, 1e30, np.inf])
def test_encode_says_when_tenths_lose_something(value):
    assert not encode(np.array([[0.1, value]], dtype=np.float32)).exact


def test_every_tenth_is_exact():
    tenths = np.arange(-32767, 32768, dtype=np.int32)
    coded = encode((tenths / 10).astype(np.float32)[np.newaxis])
    assert coded.exact
    np.testing.assert_array_equal(coded.tenth_mm[0], tenths)


def test_hilbert_order_is_a_permutation_of_neighbours():
    east, north = (axis.ravel().astype(float) for axis in np.meshgrid(np.arange(32), np.arange(32)))
    shuffle = np.random.default_rng(0).permutation(1024)
    order = hilbert_order(east[shuffle], north[shuffle], bits=5)
    assert sorted(order) == list(range(1024))
    step = np.abs(np.diff(east[shuffle][order])) + np.abs(np.diff(north[shuffle][order]))
    assert np.all(step == 1)
    assert hilbert_order(np.full(3, 5.0), np.full(3, 7.0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("sizes", [[10], [4, 6], [1] * 10, [3, 3, 3, 1], [7, 3]])
def test_parts_of_any_size_make_the_same_row_groups(sizes, tmp_path, monkeypatch):
    monkeypatch.setattr(point_product_writer, "ROW_GROUP_POINTS", 4)
    monkeypatch.setattr(point_product_writer, "CHUNK_POINTS", 2)
    rng = np.random.default_rng(2)
    series = rng.integers(-3, 3, (10, 5)).astype(np.float32) / 10
    series[series == 0] *= rng.choice([-1.0, 1.0], np.sum(series == 0)).astype(np.float32)
    coded = encode(series)
    place = rng.random((10, 2))
    columns = {"easting": place[:, 0], "northing": place[:, 1], "longitude": place[:, 0], "latitude": place[:, 1]}
    columns["pid"] = np.array([f"{k:010d}" for k in range(10)], dtype="S10")
    rows = point_product_writer.PointRows(columns, coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
    epochs = np.arange("2020-01-03", "2020-02-02", 6, dtype="datetime64[D]").astype("datetime64[ns]")
    writer = point_product_writer.ProductWriter(tmp_path, epochs, "int16")
    for start, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
        writer.append(cut(rows, start, start + size))
    assert writer.close()[0] == 10
    table = pq.read_table(tmp_path / "points.parquet")
    stored = np.asarray(zarr.open_group(tmp_path / "series.zarr", mode="r")["displacement"])
    back = np.argsort(table.column("source_row").to_numpy())
    np.testing.assert_array_equal(stored[back], coded.tenth_mm)
    assert table.column("pid").to_numpy()[back].astype("S10").tolist() == columns["pid"].tolist()
    zeros = [table.column("negative_zero_epochs")[int(k)].as_py() for k in back]
    assert zeros == [np.flatnonzero((line == 0) & np.signbit(line)).tolist() for line in series]


def test_chunks_stand_in_a_shard_in_their_order(tmp_path):
    """Threads would put each where it was when it was finished, and the same import would give other bytes."""
    points, chunks = point_product_writer.ROW_GROUP_POINTS, 10
    rng = np.random.default_rng(4)
    place, epochs = rng.random((points, 2)), np.datetime64("2020-01-03", "ns") + np.arange(20) * np.timedelta64(6, "D")
    columns = {"easting": place[:, 0], "northing": place[:, 1], "longitude": place[:, 0], "latitude": place[:, 1]}
    columns["pid"] = np.array([f"{k:010d}" for k in range(points)], dtype="S10")
    coded = encode(rng.integers(-300, 300, (points, 20)).astype(np.float32) / 10)
    rows = point_product_writer.PointRows(columns, coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)
    for attempt in ("a", "b"):
        (tmp_path / attempt).mkdir()
        writer = point_product_writer.ProductWriter(tmp_path / attempt, epochs, "int16")
        writer.append(rows)
        writer.close()
        shard = (tmp_path / attempt / "series.zarr/displacement/c/0/0").read_bytes()
        # The index of a shard are offset and length of each chunk, and a checksum of four bytes.
        offset, length = np.frombuffer(shard[-16 * chunks - 4 : -4], dtype="<u8").reshape(chunks, 2).T
        assert offset.tolist() == [0, *np.cumsum(length)[:-1].tolist()]
