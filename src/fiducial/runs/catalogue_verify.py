"""Verify a catalogue with a bar of progress."""

from __future__ import annotations

import os
from pathlib import Path

from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.verify import Verification, verify
from fiducial.runs.progress import progress


def verify_catalogue(
    catalogue: Catalogue, *, under: Path | None = None, quick: bool = False, threads: int = 4
) -> Verification:
    """Look at every recorded path; see :func:`fiducial.catalogue.verify.verify`."""
    folder = None if under is None else os.path.abspath(under)  # noqa: PTH100 - links stay as they were recorded
    total = 0 if quick else sum(one.size or 0 for one in catalogue.locations(under=folder))
    with progress("hashing", total) as advance:
        return verify(catalogue, quick=quick, under=folder, threads=threads, advance=advance)
