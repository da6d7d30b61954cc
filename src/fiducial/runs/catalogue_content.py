"""Read the content of a file once: its hash, its beginning and its end, decompressed where it is compressed."""

from __future__ import annotations

import bz2
import hashlib
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.catalogue.rows import printable
from fiducial.formats.name_parts import split_compression

HEAD_BYTES: Final = 256 * 1024
TAIL_BYTES: Final = 64 * 1024
_STEP_BYTES: Final = 1 << 20
_ATTEMPTS: Final = 3
_LZW_BYTES: Final = 64 * 1024 * 1024


class ChangingError(Exception):
    """A file changed every time it was read."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file that was read whole and did not change meanwhile.

    Attributes
    ----------
    path : str
        Absolute.
    sha256 : str
        Of the bytes as stored.
    size, mtime_ns : int
    head : bytes
        First bytes, decompressed.
    tail : bytes
        Last bytes; empty for a compressed file.
    compression : str
        ``gzip``, ``bzip2``, ``lzw`` or empty.
    """

    path: str
    sha256: str
    size: int
    mtime_ns: int
    head: bytes
    tail: bytes
    compression: str

    @property
    def name(self) -> str:
        """File name for people."""
        return printable(os.path.basename(self.path))  # noqa: PTH119 - pathlib drops what it takes for a folder

    @property
    def stem(self) -> str:
        """File name without the suffix of a compression."""
        return split_compression(self.name)[0]

    @property
    def text(self) -> str:
        """Beginning as text; every byte is a character."""
        return self.head.decode("latin-1")

    @property
    def end(self) -> str:
        """End as text; the beginning too, when the file is short."""
        return self.tail.decode("latin-1")


def read_content(path: str, *, keep: bool = True) -> Content:
    """Hash a file and keep its beginning and end.

    Parameters
    ----------
    path : str
    keep : bool
        False keeps neither, for the many parts of a product.

    Raises
    ------
    OSError
        When it cannot be read.
    ChangingError
        When it changed while it was read, three times in a row.
    """
    for _ in range(_ATTEMPTS):
        found = _read_once(path, keep=keep)
        if found is not None:
            return found
    raise ChangingError


def is_unchanged(content: Content) -> bool:
    """Whether the file still has the size and time of change that it was hashed with."""
    try:
        now = Path(content.path).stat()
    except (OSError, ValueError):
        return False
    return (now.st_size, now.st_mtime_ns) == (content.size, content.mtime_ns)


def _read_once(path: str, *, keep: bool) -> Content | None:
    digest = hashlib.sha256()
    head, tail, read = b"", b"", 0
    # A pipe would wait for a writer for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(None, "not a regular file")
        while part := stream.read(_STEP_BYTES):
            digest.update(part)
            read += len(part)
            if keep:
                head += part[: max(HEAD_BYTES - len(head), 0)]
                tail = (tail + part)[-TAIL_BYTES:]
        after = os.fstat(stream.fileno())
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or read != after.st_size:
        return None
    plain, compression = _decompressed(path, head)
    return Content(path, digest.hexdigest(), read, after.st_mtime_ns, plain, b"" if compression else tail, compression)


def _decompressed(path: str, head: bytes) -> tuple[bytes, str]:
    """Return the beginning of the content, as far as the stream is whole, and the kind of compression."""
    if head.startswith(b"\x1f\x8b"):
        return _some(zlib.decompressobj(wbits=31), head), "gzip"
    if head.startswith(b"BZh"):
        return _some(bz2.BZ2Decompressor(), head), "bzip2"
    if head.startswith(b"\x1f\x9d"):
        return _lzw(path), "lzw"
    return head, ""


def _some(decompressor: Any, stored: bytes) -> bytes:
    try:
        return bytes(decompressor.decompress(stored, HEAD_BYTES))
    except (OSError, ValueError, EOFError, zlib.error):
        return b""


def _lzw(path: str) -> bytes:
    from fiducial.errors import FormatError
    from fiducial.formats.text_source import open_source

    if Path(path).stat().st_size > _LZW_BYTES:
        return b""
    try:
        return open_source(path).data[:HEAD_BYTES]
    except FormatError:
        return b""
