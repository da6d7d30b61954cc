"""Errors of Fiducial: a numbered code, what is wrong, where, and how to fix it.

Codes: FID-1xxx input and requirements, 2xxx formats, 3xxx numerics, 4xxx catalogue and provenance,
5xxx runs and service. Every code has a line in ``docs/errors.md`` and a test that raises it.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"FID-[1-5]\d{3}")


class FiducialError(Exception):
    """Base of every error that Fiducial raises on purpose.

    Parameters
    ----------
    code : str
        ``FID-`` and four digits; the first tells the class of the error.
    problem : str
        What is wrong, as a sentence without a full stop.
    where : str
        File, line, column, station or option at fault.
    fix : str
        What the user can do about it.

    Examples
    --------
    >>> print(FiducialError("FID-1001", "no such file", where="a.zip", fix="check the path"))
    FID-1001: no such file
      where: a.zip
      fix:   check the path
    """

    def __init__(self, code: str, problem: str, *, where: str, fix: str) -> None:
        if not _CODE.fullmatch(code):
            msg = f"malformed error code {code!r}"
            raise AssertionError(msg)
        self.code = code
        self.problem = problem
        self.where = where
        self.fix = fix
        super().__init__(code, problem, where, fix)

    def __str__(self) -> str:
        return f"{self.code}: {self.problem}\n  where: {self.where}\n  fix:   {self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would otherwise be lost when a worker process sends the error back.
        return (_rebuild, (type(self), self.code, self.problem, self.where, self.fix))

    @property
    def exit_code(self) -> int:
        """Exit code of the command line: 2 input, 3 format, 4 numerics, 5 catalogue, 6 run."""
        return int(self.code[4]) + 1

    def to_dict(self) -> dict[str, str]:
        """Return the parts by name, as ``--json`` prints them."""
        return {"code": self.code, "problem": self.problem, "where": self.where, "fix": self.fix}


def _rebuild(kind: type[FiducialError], code: str, problem: str, where: str, fix: str) -> FiducialError:
    return kind(code, problem, where=where, fix=fix)


class InputError(FiducialError, ValueError):
    """FID-1xxx: the request or its inputs cannot be honoured."""


class FormatError(FiducialError, ValueError):
    """FID-2xxx: a file is damaged or not what it claims to be."""


class NumericsError(FiducialError, ArithmeticError):
    """FID-3xxx: an estimation cannot be done with these numbers."""


class CatalogueError(FiducialError, LookupError):
    """FID-4xxx: catalogue and provenance."""


class RunError(FiducialError, RuntimeError):
    """FID-5xxx: runs and service."""
