"""Where text formats get their bytes: a path or bytes, decompressed by what the content is, not by its name."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from fiducial.errors import FormatError

LIMIT_BYTES: Final = 4 * 2**30
"""Most bytes that a source may hold, as stored and decompressed: a day of 1 s clocks has 2 GB."""

_STEP_BYTES: Final = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """The content of a file.

    Attributes
    ----------
    name : str
        File name without folders, with the suffix of a compression if it has one; ``bytes`` where none is known.
    data : bytes
        Decompressed content.
    sha256 : str
        Hexadecimal digest of the file as stored, before decompression: what ``sha256sum`` prints.
    """

    name: str
    data: bytes
    sha256: str


def open_source(source: str | Path | bytes, *, name: str = "") -> Source:
    """Read a file or take bytes, and decompress gzip, bzip2 and LZW (``.Z``).

    Parameters
    ----------
    source : path or bytes
        What to read.
    name : str, optional
        Name to use in messages and results; the file name by default.

    Raises
    ------
    FormatError
        FID-2400 when the path cannot be read or is too large; FID-2401 when the compressed stream is damaged, cut,
        or decompresses to more than :data:`LIMIT_BYTES`.

    Notes
    -----
    The compression is told from the first bytes (RFC 1952, bzip2, ``compress``), because archives rename files.
    gzip and bzip2 hold check sums; LZW holds none, so a cut ``.Z`` may only be found by the reader of the format.
    """
    if isinstance(source, bytes):
        stored, shown = source, name or "bytes"
    else:
        path = Path(source)
        shown = name or path.name or str(path)
        stored = _read(path)
    for magic, decompress in _DECOMPRESSORS.items():
        if stored.startswith(magic):
            return Source(shown, decompress(stored, shown), hashlib.sha256(stored).hexdigest())
    return Source(shown, stored, hashlib.sha256(stored).hexdigest())


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LIMIT_BYTES:
            fix = f"give a file of at most {LIMIT_BYTES / 2**30:g} GiB"
            raise FormatError("FID-2400", f"the file has {size / 2**30:.1f} GiB", where=str(path), fix=fix)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        # A path with a zero byte is a ValueError.
        if isinstance(error, FormatError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        fix = "check the path and the right to read it"
        raise FormatError("FID-2400", f"the file cannot be read: {reason}", where=str(path), fix=fix) from error


def _damaged(name: str, problem: str) -> FormatError:
    return FormatError("FID-2401", problem, where=name, fix="fetch the file again and compare its size")


class _Sink(io.RawIOBase):
    """Collects what a decompressor writes, up to the limit."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any, /) -> int:
        content = bytes(part)
        self._size += len(content)
        if self._size > LIMIT_BYTES:
            raise _damaged(self._name, f"the stream decompresses to more than {LIMIT_BYTES / 2**30:g} GiB")
        self._parts.append(content)
        return len(content)

    def content(self) -> bytes:
        return b"".join(self._parts)


def _drain(stream: BinaryIO, name: str, kind: str) -> bytes:
    sink = _Sink(name)
    try:
        while part := stream.read(_STEP_BYTES):
            sink.write(part)
    except EOFError as error:
        raise _damaged(name, f"the {kind} stream is cut") from error
    except (OSError, zlib.error) as error:
        raise _damaged(name, f"the {kind} stream is damaged: {error}") from error
    return sink.content()


def _gunzip(stored: bytes, name: str) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(stored)) as stream:
        return _drain(cast("BinaryIO", stream), name, "gzip")


def _bunzip(stored: bytes, name: str) -> bytes:
    with bz2.BZ2File(io.BytesIO(stored)) as stream:
        return _drain(cast("BinaryIO", stream), name, "bzip2")


def _uncompress(stored: bytes, name: str) -> bytes:
    import ncompress  # type: ignore[import-untyped]  # noqa: PLC0415 - only old archives need it

    sink = _Sink(name)
    try:
        ncompress.decompress(stored, sink)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, FormatError):
            raise
        raise _damaged(name, f"the LZW stream is damaged: {error}") from error
    return sink.content()


_DECOMPRESSORS: Final[dict[bytes, Callable[[bytes, str], bytes]]] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": _bunzip,
    b"\x1f\x9d": _uncompress,
}
