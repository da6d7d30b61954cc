"""Matrices of SINEX: triangles of covariances, correlations, or information, three elements a line."""

from __future__ import annotations

from typing import Final, Literal, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.sinex_fields import (
    WIDTH,
    Array,
    Integers,
    Rows,
    check_gaps,
    floats,
    integers,
    rows_of,
)
from fiducial.formats.sinex_stream import Block
from fiducial.formats.strictness import Findings
from fiducial.stations.solution import ParameterTable

Content = Literal["COVA", "CORR", "INFO"]

_VALUE_STARTS: Final = (13, 35, 57)
_VALUE_WIDTH: Final = 22
_TILE: Final = 1024
_ROUNDING: Final = 1e-13
_SPACE: Final = ord(" ")


class MatrixReader:
    """Gathers one matrix from parts of its block.

    Parameters
    ----------
    title : str
        Of the block, such as ``SOLUTION/MATRIX_ESTIMATE L COVA``.
    line : int
        Of the opening line.
    size : int
        Number of parameters.
    name : str
        Name of the file.
    findings : Findings

    Raises
    ------
    FormatError
        FID-2475 when the title names no triangle or kind that is known; FID-2478 when there is no memory for it.
    """

    def __init__(self, title: str, line: int, size: int, name: str, findings: Findings) -> None:
        words = title.split()
        normal = words[0].endswith("NORMAL_EQUATION_MATRIX")
        wanted = 2 if normal else 3
        if len(words) != wanted or words[1] not in "LU" or (not normal and words[2] not in {"COVA", "CORR", "INFO"}):
            kinds = "L or U" if normal else "L or U and COVA, CORR or INFO"
            self._stop(f"the block {title} does not say {kinds}", f"{name}, line {line}")
        self.lower = words[1] == "L"
        self.content: Content = "INFO" if normal else cast("Content", words[2])
        self.title, self.name, self.line = title, name, line
        self._findings = findings
        self._outside_noted = False
        self._size = size
        try:
            self._matrix = np.zeros((size, size))
        except MemoryError as error:
            problem = f"{title} of {size} parameters needs {size**2 * 8e-9:.0f} GB of memory"
            fix = "read without this block (option blocks), or on a larger machine"
            raise FormatError("FID-2478", problem, where=f"{name}, line {line}", fix=fix) from error

    def add(self, block: Block) -> None:
        """Take a part of the block.

        Raises
        ------
        FormatError
            FID-2473 for a damaged line; FID-2475 for an element outside of the matrix or its triangle, or one that
            stands twice with different values.
        """
        rows = rows_of(block, self.name, whole=True)
        if not len(rows):
            return
        check_gaps(rows, (6, 12, 34, 56, 78, 79))
        first, second = integers(rows, 1, 6), integers(rows, 7, 12)
        given = np.stack([(rows.characters[:, start : start + 21] != _SPACE).any(axis=1) for start in _VALUE_STARTS])
        if not given[0].all():
            rows.stop(int(np.argmin(given[0])), 13, 34, "no element follows the two numbers")
        gap = given[2] & ~given[1]
        if gap.any():
            rows.stop(int(np.argmax(gap)), 35, 56, "an element is missing between two others")
        line = np.concatenate([np.flatnonzero(flags) for flags in given])
        shift = np.repeat(np.arange(3), given.sum(axis=1))
        values = np.concatenate(
            [self._values(rows, start, flags) for start, flags in zip(_VALUE_STARTS, given, strict=True)]
        )
        i, j = first[line] - 1, second[line] + shift - 1
        outside = (i < 0) | (j < 0) | (i >= self._size) | (j >= self._size)
        if outside.any():
            bad = int(np.argmax(outside))
            problem = f"element {i[bad] + 1}, {j[bad] + 1} lies outside of {self._size} parameters"
            self._stop(problem, self._where(rows, line[bad]))
        self._store(rows, line, i, j, values)

    def _values(self, rows: Rows, start: int, given: NDArray[np.bool_]) -> Array:
        if given.all():
            return floats(rows, start, min(start + _VALUE_WIDTH - 1, WIDTH))
        chosen = Rows(rows.characters[given], rows.numbers[given], rows.name)
        return floats(chosen, start, min(start + _VALUE_WIDTH - 1, WIDTH))

    def _store(self, rows: Rows, line: Integers, i: Integers, j: Integers, values: Array) -> None:
        across = j > i if self.lower else j < i
        if across.any():
            if values[across].any():
                bad = int(np.flatnonzero(across & (values != 0))[0])
                half = "lower" if self.lower else "upper"
                problem = f"element {i[bad] + 1}, {j[bad] + 1} lies outside of the {half} triangle"
                self._stop(problem, self._where(rows, line[bad]))
            if not self._outside_noted:
                bad = int(np.argmax(across))
                self._findings.note(f"{self.title} holds zeros outside of its triangle", int(rows.numbers[line[bad]]))
                self._outside_noted = True
            line, i, j, values = line[~across], i[~across], j[~across], values[~across]
        row, column = (i, j) if self.lower else (j, i)
        before = self._matrix[row, column]
        self._matrix[row, column] = values
        twice = ((before != 0) & (before != values)) | (self._matrix[row, column] != values)
        if twice.any():
            bad = int(np.argmax(twice))
            problem = f"element {i[bad] + 1}, {j[bad] + 1} stands twice with different values"
            self._stop(problem, self._where(rows, line[bad]))

    @staticmethod
    def _where(rows: Rows, line: int) -> str:
        return f"{rows.name}, line {rows.numbers[line]}"

    @staticmethod
    def _stop(problem: str, where: str) -> NoReturn:
        raise FormatError("FID-2475", problem, where=where, fix="the matrix is damaged: fetch the file again")

    def finish(self, factors: Array, sigmas: Array) -> Array:
        """Return the symmetric matrix in the units of the parameters.

        Parameters
        ----------
        factors : ndarray, shape (n,)
            From printed units.
        sigmas : ndarray, shape (n,)
            Converted standard deviations, for correlations whose diagonal is 1.

        Raises
        ------
        FormatError
            FID-2475 for correlations beyond 1, without standard deviations, or a negative variance.

        Notes
        -----
        The format wants standard deviations on the diagonal of correlations; files with 1 there exist, and take the
        standard deviations of the parameters.
        """
        matrix = self._matrix
        diagonal = matrix.diagonal().copy()
        if (diagonal < 0).any():
            bad = int(np.argmax(diagonal < 0))
            self._stop(f"element {bad + 1}, {bad + 1} of {self.title} is negative", f"{self.name}, line {self.line}")
        scale = factors
        if self.content == "INFO":
            scale = 1.0 / factors
        elif self.content == "CORR":
            scale = self._correlations(diagonal, factors, sigmas)
        if (scale != 1.0).any():
            matrix *= scale[:, None]
            matrix *= scale[None, :]
        _mirror(matrix)
        return matrix

    def _correlations(self, diagonal: Array, factors: Array, sigmas: Array) -> Array:
        where = f"{self.name}, line {self.line}"
        ones = bool((diagonal == 1.0).all())
        deviations = sigmas if ones else diagonal * factors
        if np.isnan(deviations).any():
            bad = int(np.argmax(np.isnan(deviations)))
            self._stop(f"the correlations have no standard deviation for parameter {bad + 1}", where)
        np.fill_diagonal(self._matrix, 1.0)
        if (np.abs(self._matrix) > 1.0 + 1e-9).any():
            self._stop(f"{self.title} holds a correlation beyond 1", where)
        return deviations


def _mirror(matrix: Array) -> None:
    """Copy the lower triangle to the upper one, tile by tile: a whole transposed copy would need the memory twice."""
    size = len(matrix)
    for start in range(0, size, _TILE):
        stop = min(start + _TILE, size)
        tile = matrix[start:stop, start:stop]
        tile[:] = np.tril(tile) + np.tril(tile, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def check_sigmas(table: ParameterTable, steps: Array, matrix: Array, title: str, line: int, findings: Findings) -> None:
    """Note when printed standard deviations are not the roots of the diagonal of their covariance.

    Parameters
    ----------
    steps : ndarray, shape (n,)
        One unit of the last digit of the printed standard deviations.
    """
    root = np.sqrt(matrix.diagonal())
    given = ~np.isnan(table.sigmas)
    difference = np.where(given, np.abs(table.sigmas - root), 0.0)
    wrong = difference > np.where(given, steps, 0.0) * 1.01 + 1e-9 * root
    wrong |= ~given & (root > 0) & bool(given.any())
    if not wrong.any():
        return
    share = np.where(root > 0, difference / np.where(root > 0, root, 1.0), np.where(wrong, np.inf, 0.0))
    worst = int(np.argmax(np.where(wrong, share, -1.0)))
    text = f"{int(wrong.sum())} standard deviations disagree with {title}: {_parameter(table, worst)} is printed"
    text += f" {table.sigmas[worst]:.6g} {table.units[worst]}, the matrix has {root[worst]:.6g}"
    both = given & (root > 0)
    if both.any():
        ratio = table.sigmas[both] / root[both]
        if np.ptp(ratio) < 1e-4 * ratio.mean():
            text += f"; all are {ratio.mean():.6g} times the matrix"
    findings.note(text, line)


def check_positive_definite(table: ParameterTable, matrix: Array, title: str, where: str) -> None:
    """Refuse a matrix with a negative eigenvalue; costs n^3 operations.

    The matrix is scaled to a diagonal of ones first, because metres and radians in one matrix hide each other; rows of
    fixed parameters, which are zero, are left out.

    Raises
    ------
    FormatError
        FID-2477 with the smallest eigenvalue and the parameter that has the largest part in it.
    """
    diagonal = matrix.diagonal()
    used = np.flatnonzero(diagonal > 0)
    fixed = np.flatnonzero(diagonal <= 0)
    for row in fixed.tolist():
        if matrix[row].any():
            problem = f"{title} has no variance for {_parameter(table, row)}, but covariances"
            raise FormatError("FID-2477", problem, where=where, fix="the matrix is damaged: fetch the file again")
    root = np.sqrt(diagonal[used])
    scaled = matrix[np.ix_(used, used)] / root[:, None] / root[None, :]
    try:
        np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        eigenvalues, vectors = np.linalg.eigh(scaled)
        if eigenvalues[0] < -_ROUNDING * len(used) * max(eigenvalues[-1], 1.0) - 1e-10:
            heavy = int(used[int(np.argmax(np.abs(vectors[:, 0])))])
            problem = (
                f"{title} is not positive definite: its smallest eigenvalue, scaled to a diagonal of ones, is"
                f" {eigenvalues[0]:.3g}, mostly of {_parameter(table, heavy)}"
            )
            raise FormatError("FID-2477", problem, where=where, fix="ask the centre for a valid matrix") from None


def _parameter(table: ParameterTable, row: int) -> str:
    return " ".join((f"parameter {row + 1}", str(table.types[row]), str(table.codes[row]), str(table.points[row])))
