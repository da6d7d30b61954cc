"""The blocks of a SINEX file, read in pieces of whole lines, so that a long matrix never stands in memory as text."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, cast

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings
from fiducial.formats.text_source import open_source

PIECE_BYTES: Final = 2 * 2**20
LONGEST_LINE_BYTES: Final = 2**16

_END: Final = b"%ENDSNX"
_PERCENT, _PLUS, _MINUS, _STAR, _SPACE = b"%+-* "
_MARKS: Final = np.zeros(256, dtype=np.bool_)
_MARKS[[_PERCENT, _PLUS, _MINUS]] = True


class ByteSource:
    """Decompressed bytes of a path or of bytes, in pieces; afterwards the name and digest of what was stored."""

    def __init__(self, source: str | Path | bytes, name: str) -> None:
        self._pieces: Iterator[bytes]
        if isinstance(source, bytes) or not _streams(Path(source)):
            # LZW has no streaming decoder here; what is wrong with a path is told by open_source too.
            content = open_source(source, name=name)
            self.name, self._digest = content.name, content.sha256
            view = content.data
            self._pieces = (view[start : start + PIECE_BYTES] for start in range(0, len(view), PIECE_BYTES))
        else:
            path = Path(source)
            self.name, self._digest = name or path.name, ""
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
            yield rest + piece[:cut]
            rest = piece[cut:]
        if rest:
            yield rest

    def _stream(self, path: Path) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                hashed = _Hashed(file)
                stream = _decompressed(hashed)
                while piece := stream.read(PIECE_BYTES):
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

    def __init__(self, file: BinaryIO) -> None:
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

    def magic(self) -> bytes:
        """Return the first bytes without taking them."""
        content = self._file.read(3)
        self._file.seek(0)
        return content


def _streams(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return not file.read(2).startswith(b"\x1f\x9d")
    except (OSError, ValueError):
        return False


def _decompressed(file: _Hashed) -> BinaryIO:
    magic = file.magic()
    raw = cast("BinaryIO", file)
    if magic.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if magic == b"BZh":
        return cast("BinaryIO", bz2.BZ2File(raw))
    return raw


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
    line: int = 0
    first_line: int = 0
    parts: list[bytes] = field(default_factory=list)


class BlockReader:
    """Walks through a file once.

    Parameters
    ----------
    source : ByteSource
    findings : Findings

    Attributes
    ----------
    frame : Frame
        Complete when :meth:`blocks` is exhausted.
    titles : list of str
        Of all blocks met.
    """

    def __init__(self, source: ByteSource, findings: Findings) -> None:
        self.frame = Frame()
        self.titles: list[str] = []
        self._source = source
        self._findings = findings
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
            ends = np.flatnonzero(content == ord("\n"))
            starts = np.concatenate(([0], ends + 1))
            starts = starts[starts < len(content)]
            if np.diff(starts, append=len(content)).max() > LONGEST_LINE_BYTES:
                where = f"{self.name}, line {line + int(np.diff(starts, append=len(content)).argmax())}"
                self._stop("FID-2473", f"a line of more than {LONGEST_LINE_BYTES} characters", where)
            if line == 1:
                self._take_header(piece[: starts[1] if len(starts) > 1 else None])
            yield from self._piece(piece, content, starts, line)
            line += len(starts)
            self.frame.last_line = line - 1
        if line == 1:
            self._take_header(b"")
        if self._state.title is not None:
            where = f"{self.name}, line {line - 1}"
            problem = f"the file ends inside the block {self._state.title} that line {self._state.line} opens"
            self._stop("FID-2471", problem, where)

    def _piece(self, piece: bytes, content: Any, starts: Any, line: int) -> Iterator[Block]:
        marked = np.flatnonzero(_MARKS[content[starts]]).tolist()
        before = 0
        for row in [*marked, len(starts)]:
            yield from self._gather(piece[_at(starts, before, piece) : _at(starts, row, piece)], line + before)
            if row < len(starts):
                closed = self._mark(piece[starts[row] : _at(starts, row + 1, piece)], line + row)
                if closed is not None:
                    yield closed
            before = row + 1

    def _gather(self, data: bytes, line: int) -> Iterator[Block]:
        state = self._state
        if not data:
            return
        if state.title is None:
            self._between(data, line)
        elif "MATRIX" in state.title:
            yield Block(state.title, state.line, line, data, closed=False)
            state.first_line = line + data.count(b"\n")
        else:
            state.parts.append(data)

    def _between(self, data: bytes, line: int) -> None:
        """Look at lines outside of blocks: only comments and blank lines belong there."""
        for offset, text in enumerate(data.split(b"\n")):
            if text.strip() and not text.startswith(b"*"):
                where = "after the last line" if self.frame.ended else "outside of every block"
                self._findings.note(f"text {where}: {_shown(text)}", line + offset)
                return

    def _mark(self, text: bytes, line: int) -> Block | None:
        words = text[1:].decode("latin-1").split()
        title = " ".join(words)
        where = f"{self.name}, line {line}"
        state = self._state
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
            self._state = _State(title, line, line + 1)
        else:
            if state.title is None or words[:1] != state.title.split()[:1]:
                opened = "none is" if state.title is None else f"{state.title} is"
                self._stop("FID-2472", f"the block {title} is closed where {opened} open", where)
            if title not in {state.title, state.title.split()[0]}:
                self._findings.note(f"the block {state.title} is closed as {title}", line)
            block = Block(state.title, state.line, state.first_line, b"".join(state.parts))
            self._state = _State()
            return block
        return None

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


def _at(starts: Any, row: int, piece: bytes) -> int:
    return int(starts[row]) if row < len(starts) else len(piece)


def _shown(text: bytes) -> str:
    return repr(text.rstrip().decode("latin-1")[:40])
