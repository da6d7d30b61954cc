"""Verify a catalogue with a bar of progress."""

from __future__ import annotations

import os
from pathlib import Path

from fiducial.catalogue.rows import printable, require_at_least
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.verify import Verification, verify
from fiducial.errors import CatalogueError
from fiducial.runs.progress import progress


def verify_catalogue(
    catalogue: Catalogue, *, under: Path | None = None, quick: bool = False, threads: int = 4
) -> Verification:
    """Look at every recorded path; see :func:`fiducial.catalogue.verify.verify`.

    Raises
    ------
    CatalogueError
        FID-4005 for less than one thread; FID-4006 when nothing is recorded below the folder, which would be sound.
    """
    require_at_least(1, threads, "--threads")
    folder = None if under is None else os.path.abspath(under)  # noqa: PTH100 - links stay as they were recorded
    places = catalogue.locations(under=folder)
    if folder is not None and not places:
        raise CatalogueError(
            "FID-4006", "no file is recorded below this folder", where=printable(folder),
            fix="check the path; `fiducial catalogue list files` tells where files were seen",
        )  # fmt: skip
    total = 0 if quick else sum(one.size or 0 for one in places)
    with progress("hashing", total) as advance:
        return verify(catalogue, quick=quick, under=folder, threads=threads, advance=advance)
