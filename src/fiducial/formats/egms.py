"""EGMS products as delivered: a ZIP of one CSV and one XML, or a CSV with or without its XML beside it."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Protocol, cast

from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import egms_csv, egms_names, egms_xml
from fiducial.formats.egms_columns import Header
from fiducial.formats.egms_xml import EgmsMetadata

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


@dataclass(frozen=True)
class EgmsFile:
    """An EGMS product on disk, recognised but not read.

    Attributes
    ----------
    path : Path
    level : str
        ``L2a``, ``L2b`` or ``L3``, as header, name and XML agree.
    member : str or None
        Name of the CSV inside the ZIP.
    header : Header
    name : BurstName, TileName, GnssModelName or None
        From the file name; None when it does not follow the grammar.
    metadata : EgmsMetadata or None
        None for a bare CSV: its provenance is then unstated.
    csv_bytes : int
        Length of the CSV.
    """

    path: Path
    level: str
    member: str | None
    header: Header
    name: egms_names.EgmsName | None
    metadata: EgmsMetadata | None
    csv_bytes: int

    @property
    def where(self) -> str:
        """How errors name the CSV."""
        return str(self.path) if self.member is None else f"{self.path}!{self.member}"

    @property
    def stem(self) -> str:
        """Name without extension."""
        inside = "" if self.member is None else Path(self.member).stem
        # A member called "...csv" must not name the folder above the output.
        return inside if inside.strip(".") else self.path.stem

    @contextmanager
    def pieces(
        self, size: int = egms_csv.PIECE_BYTES, *, digest: Hash | None = None
    ) -> Iterator[Iterator[egms_csv.Piece]]:
        """Open the CSV and give its lines in bounded pieces.

        Parameters
        ----------
        size : int
            Bytes of a piece, about.
        digest : hash, optional
            Fed with every byte of the CSV on the way.

        Raises
        ------
        FormatError
            FID-2001 when the ZIP is damaged, and those of ``egms_csv.pieces``.
        """
        with _csv_stream(self.path, self.member) as opened:
            stream = opened if digest is None else cast("IO[bytes]", _Hashed(opened, digest))
            egms_csv.read_header(stream, self.where)
            yield egms_csv.pieces(stream, self.where, size)


class Hash(Protocol):
    """What ``hashlib`` makes."""

    def update(self, data: bytes, /) -> None:
        """Take in bytes."""


class _Hashed(BufferedIOBase):
    """A stream that hashes what is read from it, so that the bytes pass once."""

    def __init__(self, stream: IO[bytes], digest: Hash) -> None:
        self._stream, self._digest = stream, digest

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        block = self._stream.read(-1 if size is None else size)
        self._digest.update(block)
        return block

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._stream.readline(-1 if size is None else size)
        self._digest.update(line)
        return line


class _Guarded(BufferedIOBase):
    """A stream whose damage is told as a FiducialError; zipfile checks the CRC at the end of the member."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream, self._where = stream, where

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._stream.read(-1 if size is None else size)
        except _DAMAGED as error:
            raise _damaged(self._where, error) from error

    def readline(self, size: int | None = -1, /) -> bytes:
        try:
            return self._stream.readline(-1 if size is None else size)
        except _DAMAGED as error:
            raise _damaged(self._where, error) from error


def _damaged(where: str, error: BaseException) -> FormatError:
    return FormatError("FID-2001", f"the ZIP is cut or damaged: {error or type(error).__name__}", where=where,
                       fix="download it again and compare the sizes")  # fmt: skip


@contextmanager
def _csv_stream(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with path.open("rb") as stream:
            yield stream
        return
    try:
        archive = zipfile.ZipFile(path)
        inner = archive.open(member)
    except _DAMAGED as error:
        raise _damaged(f"{path}!{member}", error) from error
    with archive, inner:
        yield cast("IO[bytes]", _Guarded(inner, f"{path}!{member}"))


def _members(path: Path) -> tuple[str, str, int]:
    """Return the CSV and XML members of a ZIP and the length of the CSV."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except _DAMAGED as error:
        raise _damaged(str(path), error) from error
    tables = [info for info in infos if info.filename.lower().endswith(".csv")]
    documents = [info.filename for info in infos if info.filename.lower().endswith(".xml")]
    if len(tables) != 1:
        raise FormatError(
            "FID-2014",
            f"the ZIP holds {len(tables)} CSV files instead of one",
            where=str(path),
            fix="give one EGMS product a ZIP",
        )
    if not documents:
        raise FormatError(
            "FID-2002",
            "the ZIP holds no XML: scenes, orbits and GNSS version are unknown",
            where=str(path),
            fix="download it again, or extract the CSV and give that: its provenance is then recorded as unstated",
        )
    return tables[0].filename, documents[0], tables[0].file_size


def _member_bytes(path: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(member)
    except _DAMAGED as error:
        raise _damaged(f"{path}!{member}", error) from error


def recognise(path: Path) -> EgmsFile:
    """Recognise an EGMS product from its names, header and XML.

    Parameters
    ----------
    path : Path
        ``.zip`` or ``.csv``.

    Returns
    -------
    EgmsFile

    Raises
    ------
    InputError
        FID-1001 when there is no such file.
    FormatError
        FID-2001 damaged ZIP, FID-2002 no XML in the ZIP, FID-2014 not one CSV in the ZIP, FID-2015 when name,
        header and XML contradict each other, and those of the header and the XML.
    """
    if path.is_dir():
        raise InputError(
            "FID-1001",
            "the folder is no frame of GeoTIFFs and no point product",
            where=str(path),
            fix="give the files in it, e.g. FOLDER/EGMS_L2b_*.zip",
        )
    if not path.is_file():
        raise InputError("FID-1001", "no such file", where=str(path), fix="check the path")
    member: str | None = None
    if path.suffix.lower() == ".zip":
        member, document, length = _members(path)
        metadata: EgmsMetadata | None = egms_xml.read(_member_bytes(path, document), f"{path}!{document}")
    else:
        length = path.stat().st_size
        beside = [path.with_suffix(suffix) for suffix in (".xml", ".XML")]
        found = next((candidate for candidate in beside if candidate.is_file()), None)
        metadata = egms_xml.read(found.read_bytes(), str(found)) if found else None
    where = str(path) if member is None else f"{path}!{member}"
    with _csv_stream(path, member) as stream:
        header = egms_csv.read_header(stream, where)
    name: egms_names.EgmsName | None
    try:
        name = egms_names.parse(member or path.name)
    except FiducialError:
        name = None
    level = _agreed_level(header, name, metadata, where)
    return EgmsFile(path, level, member, header, name, _agreed_burst(name, metadata, where), length)


def _agreed_level(header: Header, name: egms_names.EgmsName | None, metadata: EgmsMetadata | None, where: str) -> str:
    """Return the level, refusing contradictions between header, name and XML."""
    levels = {} if header.level == "L2" else {"header": header.level}
    if isinstance(name, egms_names.BurstName):
        levels["name"] = name.level
    elif name is not None:
        levels["name"] = "L3" if isinstance(name, egms_names.TileName) else "GNSS model"
    if metadata is not None:
        levels["XML"] = metadata.level
    if len(set(levels.values())) > 1 or (header.level == "L2" and "L3" in levels.values()):
        told = ", ".join(f"{source} says {level}" for source, level in levels.items())
        raise FormatError(
            "FID-2015",
            f"contradiction about the level: {told}",
            where=where,
            fix="do not rename files or exchange their XML",
        )
    if not levels:
        raise FormatError(
            "FID-2015",
            "neither columns nor name nor XML tell whether this is L2a or L2b",
            where=where,
            fix="keep the delivered file name or put the XML beside the CSV",
        )
    return next(iter(levels.values()))


def _agreed_burst(name: egms_names.EgmsName | None, metadata: EgmsMetadata | None, where: str) -> EgmsMetadata | None:
    """Return the metadata with the burst of the name, refusing a contradiction."""
    if not isinstance(name, egms_names.BurstName) or metadata is None:
        return metadata
    stated = (metadata.track, metadata.burst, metadata.swath)
    named = (name.track, name.burst, name.swath)
    if any(a is not None and a != b for a, b in zip(stated, named, strict=True)):
        raise FormatError(
            "FID-2015",
            f"contradiction about the burst: name says {named}, XML says {stated}",
            where=where,
            fix="do not rename files or exchange their XML",
        )
    return replace(metadata, track=named[0], burst=named[1], swath=named[2])
