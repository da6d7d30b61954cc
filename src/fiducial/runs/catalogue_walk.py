"""Find the files to add: folders are walked, links followed once, point products kept together."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fiducial.catalogue.rows import printable
from fiducial.errors import CatalogueError
from fiducial.formats.point_product import MANIFEST

_PARTIAL: Final = re.compile(r"\..*\.(?:partial|replaced)-\d+-[0-9a-f]{16}")
_SIDE_FILES: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is added together: one file, or all files of a point product.

    Attributes
    ----------
    paths : tuple of str
        Absolute.
    size : int
        Bytes, when it was found.
    folder : str
        Folder of a point product; empty for a file.
    """

    paths: tuple[str, ...]
    size: int
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A path that is not added, and why."""

    path: str
    reason: str


def walk(paths: Sequence[str | os.PathLike[str]], database: str | None = None) -> Iterator[Unit | Passed]:
    """Yield the units below the paths, each once, in the order of names.

    Parameters
    ----------
    paths : sequence of path
        Files and folders.
    database : str, optional
        Path of the catalogue itself, which is left out with its side files.

    Raises
    ------
    CatalogueError
        FID-4010 for a path that does not exist.
    """
    starts = [os.path.abspath(os.fspath(path)) for path in paths]  # noqa: PTH100 - links stay as they are given
    for start in starts:
        if not os.path.lexists(start):
            raise CatalogueError("FID-4010", "there is no such file or folder to add", where=printable(start),
                                 fix="check the path")  # fmt: skip
    left_out = {f"{database}{suffix}" for suffix in _SIDE_FILES} if database else set()
    folders: set[tuple[int, int]] = set()
    seen: set[str] = set()
    for start in starts:
        for unit in _below(start, folders):
            paths_of = unit.paths if isinstance(unit, Unit) else (unit.path,)
            if paths_of[0] in seen or paths_of[0] in left_out:
                continue
            seen.update(paths_of)
            yield unit


def _below(start: str, folders: set[tuple[int, int]]) -> Iterator[Unit | Passed]:
    waiting = [start]
    while waiting:
        path = waiting.pop()
        try:
            status = Path(path).stat()
        except (OSError, ValueError) as error:
            yield Passed(path, getattr(error, "strerror", None) or str(error))
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Unit((path,), status.st_size) if stat.S_ISREG(status.st_mode) else Passed(path, "not a regular file")
            continue
        if (status.st_dev, status.st_ino) in folders:
            continue
        folders.add((status.st_dev, status.st_ino))
        try:
            names = sorted((one.name for one in Path(path).iterdir()), reverse=True)
        except OSError as error:
            yield Passed(path, error.strerror or str(error))
            continue
        if MANIFEST in names:
            yield _product(path)
        else:
            waiting += [f"{path.rstrip('/')}/{name}" for name in names if not _PARTIAL.fullmatch(name)]


def _product(folder: str) -> Unit | Passed:
    found: list[str] = []
    size = 0
    try:
        for place, names, files in os.walk(folder):
            names[:] = sorted(name for name in names if not _PARTIAL.fullmatch(name))
            for name in sorted(files):
                path = f"{place}/{name}"
                status = Path(path).stat()
                if stat.S_ISREG(status.st_mode):
                    found.append(path)
                    size += status.st_size
    except OSError as error:
        return Passed(folder, f"a part of the product cannot be read: {error.strerror}")
    return Unit(tuple(found), size, folder)
