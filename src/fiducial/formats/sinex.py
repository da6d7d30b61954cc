"""SINEX, versions 1.00 to 2.02: station solutions with their matrices, read and written.

The end of the file is part of the format: without ``%ENDSNX`` it is cut. The ``CoordOnly`` files of IGS, from which the
matrices were removed, lack it; a file of that name is accepted when its estimates are as many as the header says.

Epochs are UTC, as the format says; GNSS centres often mean GPS time, which differs by 18 s at most.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial.errors import FormatError, InputError
from fiducial.formats import sinex_blocks, sinex_sites
from fiducial.formats.sinex_matrix import Content, MatrixReader, check_positive_definite, check_sigmas
from fiducial.formats.sinex_stream import Block, BlockReader, ByteSource
from fiducial.formats.sinex_writer import to_bytes, write
from fiducial.formats.strictness import Findings, Strictness
from fiducial.stations.metadata_checks import SAME_SITE_M, identity_findings
from fiducial.stations.solution import NormalEquations, ParameterTable, StationSolution

__all__ = ["BLOCKS", "SinexFile", "read", "to_bytes", "write"]

_LISTS: Final = {
    "SOLUTION/ESTIMATE": "estimate",
    "SOLUTION/APRIORI": "apriori",
    "SOLUTION/NORMAL_EQUATION_VECTOR": "normal",
}
_MATRICES: Final = {
    "SOLUTION/MATRIX_ESTIMATE": "estimate",
    "SOLUTION/MATRIX_APRIORI": "apriori",
    "SOLUTION/NORMAL_EQUATION_MATRIX": "normal",
}
_SITES: Final = {
    "SOLUTION/EPOCHS": ("spans", sinex_sites.read_spans),
    "SITE/RECEIVER": ("receivers", sinex_sites.read_receivers),
    "SITE/ANTENNA": ("antennas", sinex_sites.read_antennas),
    "SITE/ECCENTRICITY": ("eccentricities", sinex_sites.read_eccentricities),
    "SOLUTION/DISCONTINUITY": ("discontinuities", sinex_sites.read_discontinuities),
}
_TEXTS: Final = ("FILE/REFERENCE", "FILE/COMMENT")

BLOCKS: Final = (*_TEXTS, "SITE/ID", *_SITES, "SOLUTION/STATISTICS", *_LISTS, *_MATRICES)
"""Blocks that are read; others are passed over and named in :attr:`SinexFile.titles`."""


@dataclass(frozen=True, slots=True, eq=False)
class SinexFile:
    """A SINEX file.

    Attributes
    ----------
    solution : StationSolution
    findings : tuple of str
        Repairable faults, in the order in which they were found.
    titles : tuple of str
        Of all blocks of the file, in order, also of those that were not read.
    name, sha256 : str
        File name, and digest of the file as stored.
    """

    solution: StationSolution
    findings: tuple[str, ...]
    titles: tuple[str, ...]
    name: str
    sha256: str


def read(
    source: str | Path | bytes,
    *,
    strictness: Strictness = "warn",
    blocks: Collection[str] | None = None,
    check_matrix: bool = False,
    name: str = "",
) -> SinexFile:
    """Read a SINEX file; memory grows with the matrices, not with the text.

    Parameters
    ----------
    source : path or bytes
        Plain, or compressed by gzip, bzip2 or compress.
    strictness : {"warn", "ignore", "raise"}
        What to do with faults that can be repaired: duplicate parameters, unknown units, header counts that disagree,
        standard deviations that are not those of the matrix, double or moved site codes, wrong DOMES numbers, rows of
        sites that SITE/ID does not list, text outside of blocks, a ``CoordOnly`` file without its last line.
    blocks : collection of str, optional
        Titles among :data:`BLOCKS` to read; a matrix only together with its list of parameters.
    check_matrix : bool
        Refuse matrices that are not positive definite; n^3 operations.
    name : str, optional
        What messages call the file.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 unreadable; FID-2470 not such a file; FID-2471 the file is cut; FID-2472 blocks are not
        closed, doubled or nested; FID-2473 a damaged line; FID-2474 parameters are not numbered in order, or their
        matrix has no list; FID-2475 a damaged matrix; FID-2476 a repairable fault under ``raise``; FID-2477 a matrix is
        not positive definite; FID-2478 no memory for a matrix.
    InputError
        FID-1304 when a title among ``blocks`` is not known.
    """
    wanted = frozenset(BLOCKS if blocks is None else blocks)
    if wanted - set(BLOCKS):
        unknown = ", ".join(sorted(wanted - set(BLOCKS)))
        raise InputError(
            "FID-1304", f"unknown block {unknown}", where=name or "SINEX", fix=f"choose of {', '.join(BLOCKS)}"
        )
    content = ByteSource(source, name)
    findings = Findings(content.name, strictness, "FID-2476")
    reader = BlockReader(content, findings, wanted)
    parts = _Parts(reader.name, findings, wanted)
    header = None
    for block in reader.blocks():
        # Before its blocks: of another version they would mean something else.
        header = header or sinex_blocks.read_header(reader.frame.header, reader.name)
        parts.take(block)
    header = header or sinex_blocks.read_header(reader.frame.header, reader.name)
    _check_end(reader, header.parameters, parts, findings)
    solution = parts.solution(header, check_matrix=check_matrix)
    # Estimates alone tell only of positions of one site that are far apart.
    far = "estimate" in parts.lists and parts.lists["estimate"].spread > SAME_SITE_M / 2.0
    if far or solution.sites is not None or solution.spans is not None:
        for text in identity_findings(solution):
            findings.note(text)
    return SinexFile(solution, findings.texts, tuple(reader.titles), reader.name, content.sha256)


def _check_end(reader: BlockReader, stated: int | None, parts: _Parts, findings: Findings) -> None:
    rows = len(parts.lists["estimate"].table) if "estimate" in parts.lists else None
    if not reader.frame.ended:
        last = reader.titles[-1] if reader.titles else ""
        whole = rows is None or rows == stated
        if not ("coordonly" in reader.name.lower() and last == "SOLUTION/ESTIMATE" and whole):
            where = f"{reader.name}, line {reader.frame.last_line}"
            fix = "the file is cut: fetch it again"
            raise FormatError("FID-2471", "the file ends without %ENDSNX", where=where, fix=fix)
        findings.note("the last line %ENDSNX is missing, as in all CoordOnly files of IGS", reader.frame.last_line)
    if rows is not None and stated is not None and stated != rows:
        findings.note(f"the header states {stated} parameters, SOLUTION/ESTIMATE has {rows}", 1)


class _Parts:
    """What has been read so far."""

    def __init__(self, name: str, findings: Findings, wanted: frozenset[str]) -> None:
        self.lists: dict[str, sinex_blocks.ParameterList] = {}
        self._name, self._findings, self._wanted = name, findings, wanted
        self._matrices: dict[str, MatrixReader] = {}
        self._waiting: list[Block] = []
        self._rest: dict[str, Any] = {}

    def take(self, block: Block) -> None:
        title = block.title.split()[0]
        if title not in self._wanted:
            return
        if title in _MATRICES:
            self._take_matrix(block, _MATRICES[title])
        elif title in _LISTS:
            role = _LISTS[title]
            sigmas = role != "normal"
            self.lists[role] = sinex_blocks.read_parameters(block, self._name, self._findings, sigmas=sigmas)
        elif title in _SITES:
            field, reader = _SITES[title]
            self._rest[field] = reader(block, self._name, self._findings)
        elif title == "SITE/ID":
            self._rest["sites"] = sinex_sites.read_sites(block, self._name, self._findings)
        elif title == "SOLUTION/STATISTICS":
            self._rest["statistics"] = sinex_blocks.read_statistics(block, self._name, self._findings)
        elif title == "FILE/COMMENT":
            self._rest["comments"] = sinex_blocks.read_comments(block)
        else:
            reference = sinex_blocks.read_reference(block)
            self._rest["reference_frame"] = reference.pop("REFERENCE FRAME", "")
            self._rest["reference"] = reference

    def _take_matrix(self, block: Block, role: str) -> None:
        if role not in self.lists:
            # A matrix before its list: the size is not known yet, so its text has to wait.
            self._waiting.append(block)
            return
        if role not in self._matrices:
            size = len(self.lists[role].table)
            self._matrices[role] = MatrixReader(block.title, block.line, size, self._name, self._findings)
        elif self._matrices[role].line != block.line:
            problem = f"{block.title} is a second matrix, after {self._matrices[role].title}"
            where = f"{self._name}, line {block.line}"
            raise FormatError("FID-2475", problem, where=where, fix="remove one of the two")
        self._matrices[role].add(block)

    def _settle_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for block in waiting:
            role = _MATRICES[block.title.split()[0]]
            if role not in self.lists:
                where = f"{self._name}, line {block.line}"
                fix = "name the list of parameters among the blocks too; a damaged file: fetch it again"
                raise FormatError("FID-2474", f"{block.title} has no list of parameters", where=where, fix=fix)
            self._take_matrix(block, role)

    def solution(self, header: Any, *, check_matrix: bool) -> StationSolution:
        self._settle_waiting()
        found: dict[str, Any] = dict(self._rest)
        for role, gathered in self._matrices.items():
            parameters = self.lists[role]
            matrix = gathered.finish(parameters.factors, parameters.table.sigmas)
            where = f"{self._name}, line {gathered.line}"
            if gathered.content != "INFO":
                steps = sinex_blocks.last_digits(parameters.printed_sigmas) * parameters.factors
                check_sigmas(parameters.table, steps, matrix, gathered.title, gathered.line, self._findings)
            if check_matrix:
                check_positive_definite(parameters.table, matrix, gathered.title, where)
            found[_field(role, gathered.content)] = matrix
        matrix = found.pop("normal_matrix", None)
        if "normal" in self.lists:
            found["normal"] = NormalEquations(self.lists["normal"].table, matrix)
        if "apriori" in self.lists:
            found["apriori"] = self.lists["apriori"].table
        estimate = self.lists["estimate"].table if "estimate" in self.lists else _no_parameters()
        return StationSolution(header, estimate, **found)


def _field(role: str, content: Content) -> str:
    if role == "normal":
        return "normal_matrix"
    kind = "information" if content == "INFO" else "covariance"
    return kind if role == "estimate" else f"{role}_{kind}"


def _no_parameters() -> ParameterTable:
    text = np.zeros(0, dtype="U6")
    numbers = np.zeros(0)
    instants = np.zeros(0, dtype="datetime64[ns]")
    return ParameterTable(text, text, text, text, instants, text, text, np.zeros(0, dtype=np.int8), numbers, numbers)
