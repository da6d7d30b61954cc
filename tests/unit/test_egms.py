"""EGMS files as delivered: recognised from names, header and XML; damaged archives and contradictions refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

import egms_factory
from egms_factory import level2, level3, zip_bytes
from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import egms, egms_csv
from fiducial.formats.egms_names import BurstName, TileName


def whole(path):
    """Read everything of a file; return its pids."""
    file = egms.recognise(path)
    with file.pieces() as pieces:
        rows = [egms_csv.parse_quantised(piece, file.header, file.where)[0] for piece in pieces]
    return np.concatenate([one.attributes["pid"] for one in rows])


def content_of(path) -> bytes:
    file = egms.recognise(path)
    with file.pieces() as pieces:
        return b"".join(piece.content for piece in pieces)


def code_of(path) -> str:
    with pytest.raises(FiducialError) as caught:
        whole(path)
    assert str(path) in caught.value.where
    assert caught.value.fix
    return caught.value.code


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda p: f"{p.stem}-{len(p.columns)}")
@pytest.mark.parametrize("packed", [True, False])
def test_every_level_as_zip_and_as_csv_beside_its_xml(product, packed, tmp_path):
    file = egms.recognise(product.write_zip(tmp_path) if packed else product.write_csv(tmp_path))
    assert file.level == product.stem[5:8].rstrip("_")
    assert file.stem == product.stem
    assert file.csv_bytes == len(product.csv())
    assert file.metadata is not None
    assert file.metadata.level == file.level
    assert str(file.name) == product.stem
    assert isinstance(file.name, TileName if file.level == "L3" else BurstName)
    assert len(whole(file.path)) == len(product.rows)


def test_bare_csv_has_no_metadata_and_its_name_tells_the_level(tmp_path):
    file = egms.recognise(level2("L2a", vocabulary="document").write_csv(tmp_path, with_xml=False))
    assert file.metadata is None
    assert file.level == "L2a"


def test_documented_header_tells_no_level_so_the_xml_does(tmp_path):
    product = level2("L2b", vocabulary="document")
    product.stem = "my points"
    file = egms.recognise(product.write_zip(tmp_path))
    assert (file.level, file.name, file.stem) == ("L2b", None, "my points")


def test_members_in_a_folder_capital_extensions_and_stored_archives(tmp_path):
    product = level2()
    members = {f"data/{product.stem}.CSV": product.csv(), f"data/{product.stem}.XML": product.xml(), "data/": b""}
    for k, method in enumerate([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]):
        path = tmp_path / f"{k}.zip"
        path.write_bytes(zip_bytes(members, method))
        assert len(whole(path)) == 4
        assert egms.recognise(path).stem == product.stem


@pytest.mark.parametrize("name", ["...csv", "a/...csv", "..csv"])
def test_member_name_of_dots_does_not_lead_out_of_the_output_folder(name, tmp_path):
    product = level2()
    path = tmp_path / "burst.zip"
    path.write_bytes(zip_bytes({name: product.csv(), "a.xml": product.xml()}))
    assert egms.recognise(path).stem == "burst"


def test_no_such_file(tmp_path):
    for path in (tmp_path / "absent.zip", tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError) as caught:
            egms.recognise(path)
        assert caught.value.code == "FID-1001"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_cut_at_many_places(method, tmp_path):
    product = level2(points=20, epochs=20)
    content = zip_bytes({f"{product.stem}.csv": product.csv(), f"{product.stem}.xml": product.xml()}, method)
    path = tmp_path / f"{product.stem}.zip"
    for length in {*range(0, len(content), max(1, len(content) // 60)), len(content) - 1, len(content) - 22}:
        path.write_bytes(content[:length])
        assert code_of(path) == "FID-2001", length


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_damaged_byte_of_the_packed_csv_is_seen(method, tmp_path):
    product = level2(points=6, epochs=6)
    content = bytearray(zip_bytes({"a.csv": product.csv(), "a.xml": product.xml()}, method))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(_write(path, content)) as archive:
        info = archive.getinfo("a.csv")
    start = info.header_offset + 30 + len("a.csv")
    for place in range(start, start + info.compress_size, 1 + info.compress_size // 150):
        damaged = content.copy()
        damaged[place] ^= 0x55
        # The CRC tells at the latest, a wrong digit in its column before; bytes that no decoder reads change nothing.
        try:
            assert content_of(_write(path, damaged)) == product.csv().partition(b"\n")[2]
        except FormatError:
            continue
        assert method == zipfile.ZIP_LZMA


def _write(path, content):
    path.write_bytes(content)
    return path


def test_crc_error_is_a_damaged_zip(tmp_path):
    product = level2()
    content = zip_bytes({"a.csv": product.csv(), "a.xml": product.xml()}, zipfile.ZIP_STORED)
    old, new = product.rows[0][-1].encode() + b"\n", product.rows[0][-1][:-1].encode() + b"9\n"
    if old == new:
        new = product.rows[0][-1][:-1].encode() + b"8\n"
    path = tmp_path / "a.zip"
    path.write_bytes(content.replace(old, new, 1))
    assert code_of(path) == "FID-2001"


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x05\x06" + bytes(17)])
def test_what_is_no_zip(content, tmp_path):
    assert code_of(_write(tmp_path / "a.zip", content)) == "FID-2001"


def test_member_without_a_name(tmp_path):
    product = level2()
    content = zip_bytes({"xx": b"", f"{product.stem}.csv": product.csv(), f"{product.stem}.xml": product.xml()})
    central = content.find(b"PK\x01\x02")
    name_length = content.find(b"\x02\x00", central + 28)
    assert name_length == central + 28
    # The directory entry of "xx" says that its name is empty and the two letters are a comment.
    nameless = bytearray(content)
    nameless[central + 28 : central + 34] = b"\x00\x00\x00\x00\x02\x00"
    path = _write(tmp_path / f"{product.stem}.zip", nameless)
    assert len(whole(path)) == 4


def test_encrypted_zip(tmp_path):
    product = level2()
    content = bytearray(zip_bytes({"a.csv": product.csv(), "a.xml": product.xml()}))
    for start in (content.find(b"PK\x03\x04"), content.find(b"PK\x01\x02")):
        content[start + (6 if start == 0 else 8)] |= 1
    assert code_of(_write(tmp_path / "a.zip", content)) == "FID-2001"


def test_zip_without_xml(tmp_path):
    product = level2()
    assert code_of(_write(tmp_path / "a.zip", zip_bytes({f"{product.stem}.csv": product.csv()}))) == "FID-2002"


@pytest.mark.parametrize("tables", [0, 2, 3])
def test_zip_without_exactly_one_csv(tables, tmp_path):
    product = level2()
    members = {f"{k}.csv": product.csv() for k in range(tables)} | {"a.xml": product.xml()}
    assert code_of(_write(tmp_path / "a.zip", zip_bytes(members))) == "FID-2014"


def test_damaged_xml_inside_and_beside(tmp_path):
    product = level2()
    product.xml_text = product.xml_text[:200]
    with pytest.raises(FormatError) as caught:
        egms.recognise(product.write_zip(tmp_path))
    assert caught.value.code == "FID-2011"
    assert caught.value.where.endswith(f"!{product.stem}.xml")
    with pytest.raises(FormatError) as caught:
        egms.recognise(product.write_csv(tmp_path))
    assert caught.value.where == str(tmp_path / f"{product.stem}.xml")


def contradictions():
    renamed = level2("L2b")
    renamed.stem = renamed.stem.replace("L2b", "L2a")
    yield "name against header", renamed
    exchanged = level2("L2a")
    exchanged.xml_text = egms_factory.burst_xml("L2b")
    yield "XML against name", exchanged
    tile = level3()
    tile.xml_text = egms_factory.burst_xml("L2b")
    yield "burst XML on a tile", tile
    plain = level2("L2b", vocabulary="document")
    plain.stem, plain.xml_text = "points", egms_factory.tile_xml()
    yield "tile XML on points", plain
    model = level2("L2b")
    model.stem = "EGMS_AEPND_V2022.0"
    yield "name of a GNSS model", model


@pytest.mark.parametrize(
    ("what", "product"), list(contradictions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_contradictions_about_the_level(what, product, tmp_path):
    assert what
    assert code_of(product.write_zip(tmp_path)) == "FID-2015"


def test_nothing_tells_the_level(tmp_path):
    product = level2("L2b", vocabulary="document")
    product.stem = "points"
    assert code_of(product.write_csv(tmp_path, with_xml=False)) == "FID-2015"


@pytest.mark.parametrize("other", [{"track": 23}, {"burst": 846}, {"swath": 1}])
def test_contradictions_about_the_burst(other, tmp_path):
    product = level2()
    product.xml_text = egms_factory.burst_xml(**other)
    assert code_of(product.write_zip(tmp_path)) == "FID-2015"


def test_burst_that_the_xml_leaves_open_comes_from_the_name(tmp_path):
    product = level2()
    product.xml_text = "<BURST><product_level>L2b</product_level></BURST>"
    metadata = egms.recognise(product.write_zip(tmp_path)).metadata
    assert metadata is not None
    assert (metadata.track, metadata.burst, metadata.swath) == (22, 845, 2)


def test_member_name_longer_than_any_number_python_converts(tmp_path):
    product = level2()
    member = f"EGMS_L2b_022_0845_IW2_VV_2020_2024_{'9' * 5000}"
    path = _write(tmp_path / "a.zip", zip_bytes({f"{member}.csv": product.csv(), "a.xml": product.xml()}))
    assert egms.recognise(path).name is None
