"""Sources: paths and bytes, compressed or not, told by content."""

from __future__ import annotations

import bz2
import gzip
import hashlib

import ncompress
import pytest

from fiducial.errors import FormatError
from fiducial.formats import text_source
from fiducial.formats.text_source import open_source


def _lzw(content):
    # The compiled function itself in a parameter list would outlive its module.
    return ncompress.compress(content)


TEXT = b"".join(b"line %06d of a text\n" % number for number in range(3000))
COMPRESSED = {
    "gzip": gzip.compress(TEXT),
    "gzip of two members, padded": gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]) + bytes(512),
    "bzip2": bz2.compress(TEXT),
    "bzip2 of two streams": bz2.compress(TEXT[:999]) + bz2.compress(TEXT[999:]),
    "LZW": ncompress.compress(TEXT),
    "plain": TEXT,
}


@pytest.mark.parametrize("kind", COMPRESSED)
def test_the_content_tells_the_compression(kind, tmp_path):
    stored = COMPRESSED[kind]
    path = tmp_path / "any.txt"
    path.write_bytes(stored)
    source = open_source(path)
    assert source == open_source(str(path))
    assert source.data == open_source(stored).data == TEXT
    assert source.name == "any.txt"
    assert source.sha256 == hashlib.sha256(stored).hexdigest()


def test_a_name_may_be_given():
    assert open_source(b"x", name="COD.SP3").name == "COD.SP3"
    assert open_source(b"x").name == "bytes"
    assert open_source(b"").data == b""


@pytest.mark.parametrize("name", ["absent.txt", ".", "a\0b"])
def test_what_cannot_be_read_is_named(name, tmp_path):
    with pytest.raises(FormatError) as caught:
        open_source(f"{tmp_path}/{name}")
    assert caught.value.code == "FID-2400"
    assert str(tmp_path) in caught.value.where


def test_a_file_over_the_limit_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_bytes(TEXT)
    monkeypatch.setattr(text_source, "LIMIT_BYTES", 1000)
    with pytest.raises(FormatError, match="FID-2400"):
        open_source(path)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "gzip of two members, padded", "bzip2 of two streams"])
def test_a_cut_stream_is_never_a_shorter_text(kind):
    stored = COMPRESSED[kind].rstrip(b"\0")
    # A cut exactly between two members leaves a whole file of one member.
    ends = {len(gzip.compress(TEXT[:999])), len(bz2.compress(TEXT[:999]))}
    for end in range(3, len(stored) - 1, max(1, len(stored) // 97)):
        if end not in ends:
            with pytest.raises(FormatError, match="FID-2401"):
                open_source(stored[:end])


@pytest.mark.parametrize("stored", [
    b"\x1f\x8b", b"\x1f\x8b\x08junk", b"BZh", b"BZhello", b"\x1f\x9d", b"\x1f\x9d\xffabc", b"\x1f\x9d\x8c" + bytes(range(256)),
    gzip.compress(TEXT)[:-6] + b"\0\0\0\0\0\0", gzip.compress(TEXT) + b"junk",
])  # fmt: skip
def test_damage_is_told(stored):
    with pytest.raises(FormatError, match="FID-2401"):
        open_source(stored)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, _lzw])
def test_a_bomb_stops_at_the_limit(compress, monkeypatch):
    monkeypatch.setattr(text_source, "LIMIT_BYTES", 5_000_000)
    assert len(open_source(compress(bytes(5_000_000))).data) == 5_000_000
    with pytest.raises(FormatError, match="FID-2401"):
        open_source(compress(bytes(20_000_000)))
