"""The blocks of a SINEX file, read in pieces of whole lines, so that a long matrix never stands in memory as text."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, cast

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings
from fiducial.formats.text_source import open_source

PIECE_BYTES: Final = 2 * 2**20
LONGEST_LINE_BYTES: Final = 2**16
_BUFFER_BYTES: Final = 2**17

_END: Final = b"%ENDSNX"
_PERCENT, _PLUS, _MINUS, _STAR = b"%+-*"
_MARKS: Final = np.zeros(256, dtype=np.bool_)
_MARKS[[_PERCENT, _PLUS, _MINUS]] = True
_NOWHERE: Final = np.zeros(1, dtype=np.intp)


class ByteSource:
    """Decompressed bytes of a path or of bytes, in pieces; afterwards the name and digest of what was stored."""

    def __init__(self, source: str | Path | bytes, name: str) -> None:
        self._digest = ""
        if isinstance(source, bytes):
            self.name = name or "bytes"
            self._pieces = self._whole(source)
        else:
            path = Path(source)
            self.name = name or path.name or str(path)
            self._pieces = self._stream(path)

    @property
    def sha256(self) -> str:
        """Digest of the file as stored; known when all pieces were taken."""
        return self._digest

    def pieces(self) -> Iterator[bytes]:
        """Yield pieces of about :data:`PIECE_BYTES` bytes that end with a line, the last one perhaps without its end."""
        rest = b""
        for piece in self._pieces:
            cut = piece.rfind(b"\n") + 1
            if not cut:
                rest += piece
                continue
            yield rest + piece[:cut] if rest else piece[:cut]
            rest = piece[cut:]
        if rest:
            yield rest

    def _whole(self, source: Path | bytes) -> Iterator[bytes]:
        content = open_source(source, name=self.name)
        self._digest = content.sha256
        for start in range(0, len(content.data), PIECE_BYTES):
            yield content.data[start : start + PIECE_BYTES]

    def _stream(self, path: Path) -> Iterator[bytes]:
        try:
            file = path.open("rb", buffering=0)
        except (OSError, ValueError):
            # What is wrong with the path is told in one place.
            yield from self._whole(path)
            return
        try:
            with file:
                magic = file.read(3)
                file.seek(0)
                if magic.startswith(b"\x1f\x9d"):
                    # LZW has no streaming decoder here.
                    yield from self._whole(path)
                    return
                hashed = _Hashed(file)
                stream = _decompressed(hashed, magic)
                # A buffer of the largest size for a small file costs more than to read it.
                step = (
                    min(PIECE_BYTES, os.fstat(file.fileno()).st_size or PIECE_BYTES)
                    if stream is hashed
                    else PIECE_BYTES
                )
                while piece := stream.read(step):
                    yield piece
                while hashed.read(PIECE_BYTES):
                    pass
                self._digest = hashed.digest.hexdigest()
        except EOFError as error:
            raise _damaged(self.name, "the compressed stream is cut") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(self.name, f"the compressed stream is damaged: {error}") from error
        except OSError as error:
            fix = "check the path and the right to read it; fetch a compressed file again"
            problem = f"the file cannot be read: {error.strerror or error}"
            raise FormatError("FID-2400", problem, where=self.name, fix=fix) from error


class _Hashed(io.RawIOBase):
    """A file that digests what is read from it."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content

    def readinto(self, buffer: Any, /) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _decompressed(file: _Hashed, magic: bytes) -> io.RawIOBase | io.BufferedIOBase:
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=cast("BinaryIO", io.BufferedReader(file, _BUFFER_BYTES)))
    if magic == b"BZh":
        return bz2.BZ2File(cast("BinaryIO", io.BufferedReader(file, _BUFFER_BYTES)))
    return file


def _damaged(name: str, problem: str) -> FormatError:
    return FormatError("FID-2401", problem, where=name, fix="fetch the file again and compare its size")


@dataclass(slots=True)
class Block:
    """A block, or of a matrix a part of it.

    Attributes
    ----------
    title : str
        ``SOLUTION/ESTIMATE``, ``SOLUTION/MATRIX_ESTIMATE L COVA``.
    line : int
        Of the opening line.
    first_line : int
        Of the first line of ``data``.
    data : bytes
        Lines between opening and closing.
    closed : bool
        False of a part that is followed by others.
    """

    title: str
    line: int
    first_line: int
    data: bytes = b""
    closed: bool = True


@dataclass(slots=True)
class Frame:
    """What stands around the blocks.

    Attributes
    ----------
    header : bytes
        First line.
    ended : bool
        Whether ``%ENDSNX`` was found.
    last_line : int
    """

    header: bytes = b""
    ended: bool = False
    last_line: int = 0


@dataclass(slots=True)
class _State:
    """The block that is open, and what has been gathered of it."""

    title: str | None = None
    printed: bytes = b""
    line: int = 0
    first_line: int = 0
    wanted: bool = True
    parts: list[bytes] = field(default_factory=list)


class BlockReader:
    """Walks through a file once.

    Parameters
    ----------
    source : ByteSource
    findings : Findings
    wanted : collection of str, optional
        First words of the titles whose lines are gathered, all by default. Of other blocks only the opening and closing
        lines are looked at; their ``data`` stay empty.

    Attributes
    ----------
    frame : Frame
        Complete when :meth:`blocks` is exhausted.
    titles : list of str
        Of all blocks met.
    """

    def __init__(self, source: ByteSource, findings: Findings, wanted: Collection[str] | None = None) -> None:
        self.frame = Frame()
        self.titles: list[str] = []
        self._source = source
        self._findings = findings
        self._wanted = wanted
        self._state = _State()

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        return self._source.name

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order; those of matrices in parts.

        Raises
        ------
        FormatError
            FID-2470 when the first line is not that of SINEX; FID-2471 when the file ends inside a block; FID-2472 when
            a block is closed that is not open, or opened in another, or twice; FID-2473 for a line that is too long.
        """
        line = 1
        for piece in self._source.pieces():
            content = np.frombuffer(piece, dtype=np.uint8)
            # Where lines start, and after the last one the end of the piece.
            starts = np.flatnonzero(content == ord("\n")) + 1
            ends = starts if len(starts) and starts[-1] == len(content) else np.append(starts, len(content))
            starts = np.concatenate((_NOWHERE, ends[:-1]))
            lengths = ends - starts
            if lengths.max() > LONGEST_LINE_BYTES:
                where = f"{self.name}, line {line + int(lengths.argmax())}"
                self._stop("FID-2473", f"a line of more than {LONGEST_LINE_BYTES} characters", where)
            if line == 1:
                self._take_header(piece[: ends[0]])
            marked = np.flatnonzero(_MARKS[content[starts]])
            yield from self._piece(piece, line, marked.tolist(), starts[marked].tolist(), ends[marked].tolist())
            line += len(starts)
            self.frame.last_line = line - 1
        if line == 1:
            self._take_header(b"")
        if self._state.title is not None:
            where = f"{self.name}, line {line - 1}"
            problem = f"the file ends inside the block {self._state.title} that line {self._state.line} opens"
            self._stop("FID-2471", problem, where)

    def _piece(self, piece: bytes, line: int, rows: list[int], starts: list[int], ends: list[int]) -> Iterator[Block]:
        """Walk over the lines that start with a mark: their rows in the piece, and where they start and end."""
        place = before = 0
        for row, start, end in zip(rows, starts, ends, strict=True):
            part = self._gather(piece, place, start, line + before) if start > place else None
            if part is not None:
                yield part
            closed = self._mark(piece[start:end], line + row)
            if closed is not None:
                yield closed
            place, before = end, row + 1
        part = self._gather(piece, place, len(piece), line + before) if place < len(piece) else None
        if part is not None:
            yield part

    def _gather(self, piece: bytes, start: int, end: int, line: int) -> Block | None:
        """Take lines between two marks; return them where they are a part of a matrix."""
        state = self._state
        if state.title is None:
            self._between(piece[start:end], line)
        elif state.wanted and "MATRIX" in state.title:
            data = piece[start:end]
            state.first_line = line + data.count(b"\n")
            return Block(state.title, state.line, line, data, closed=False)
        elif state.wanted:
            state.parts.append(piece[start:end])
        return None

    def _between(self, data: bytes, line: int) -> None:
        """Look at lines outside of blocks: only comments and blank lines belong there."""
        if data[0] == _STAR and data.find(b"\n", 0, -1) < 0:
            return
        for offset, text in enumerate(data.split(b"\n")):
            if text.strip() and not text.startswith(b"*"):
                where = "after the last line" if self.frame.ended else "outside of every block"
                self._findings.note(f"text {where}: {_shown(text)}", line + offset)
                return

    def _mark(self, text: bytes, line: int) -> Block | None:
        state = self._state
        printed = text[1:].rstrip()
        if text[0] == _MINUS and state.title is not None and printed == state.printed:
            return self._closed()
        words = printed.decode("latin-1").split()
        title = " ".join(words)
        where = f"{self.name}, line {line}"
        if text[0] == _PERCENT:
            self._percent(text.rstrip(), line, where)
        elif self.frame.ended:
            self._findings.note(f"text after the last line: {_shown(text)}", line)
        elif text[0] == _PLUS:
            if state.title is not None:
                self._stop(
                    "FID-2472", f"the block {title} opens inside {state.title}, opened by line {state.line}", where
                )
            if not words or title in self.titles:
                self._stop(
                    "FID-2472", f"the block {title} opens a second time" if words else "a block has no name", where
                )
            self.titles.append(title)
            wanted = self._wanted is None or words[0] in self._wanted
            self._state = _State(title, printed, line, line + 1, wanted)
        else:
            if state.title is None or words[:1] != state.title.split()[:1]:
                opened = "none is" if state.title is None else f"{state.title} is"
                self._stop("FID-2472", f"the block {title} is closed where {opened} open", where)
            if title not in {state.title, state.title.split()[0]}:
                self._findings.note(f"the block {state.title} is closed as {title}", line)
            return self._closed()
        return None

    def _closed(self) -> Block:
        state, self._state = self._state, _State()
        return Block(state.title or "", state.line, state.first_line, b"".join(state.parts))

    def _percent(self, text: bytes, line: int, where: str) -> None:
        if line == 1:
            return
        if text != _END:
            self._stop("FID-2472", f"{_shown(text)} is neither data nor the last line {_END.decode()}", where)
        if self._state.title is not None:
            self._stop("FID-2472", f"the file ends while the block {self._state.title} is open", where)
        if self.frame.ended:
            self._findings.note(f"{_END.decode()} stands twice", line)
        self.frame.ended = True

    def _take_header(self, text: bytes) -> None:
        if not text.startswith(b"%=SNX "):
            fix = "give a SINEX file of version 1.00 to 2.02; troposphere and bias files have readers of their own"
            where = f"{self.name}, line 1"
            raise FormatError("FID-2470", "the first line does not start with '%=SNX'", where=where, fix=fix)
        self.frame.header = text

    @staticmethod
    def _stop(code: str, problem: str, where: str) -> NoReturn:
        fix = "the file is cut: fetch it again" if code == "FID-2471" else "the file is damaged: fetch it again"
        raise FormatError(code, problem, where=where, fix=fix)


def _shown(text: bytes) -> str:
    return repr(text.rstrip().decode("latin-1")[:40])
