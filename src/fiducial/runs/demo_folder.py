"""The output folder of a demonstration: a run replaces what an earlier run made, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fiducial.errors import RunError
from fiducial.formats.atomic import atomic_file

MARKER: Final = "made-by-fiducial-demo.txt"


def claim(out: Path) -> None:
    """Take a folder for the demonstration; what lies in it stays.

    Parameters
    ----------
    out : Path
        Absent, empty, or made by an earlier demonstration.

    Raises
    ------
    RunError
        FID-5021 when the folder holds other things, or is no folder.
    """
    if out.is_dir():
        if any(out.iterdir()) and not (out / MARKER).is_file():
            raise RunError("FID-5021", "the folder is not empty and was not made by `fiducial demo`", where=str(out),
                           fix="give another folder with --out, or empty this one")  # fmt: skip
    elif out.exists() or out.is_symlink():
        raise RunError("FID-5021", "the output must be a folder", where=str(out), fix="give a folder with --out")
    with atomic_file(out / MARKER) as partial:
        # Written first: a run that is killed leaves a folder that the next one may take.
        partial.write_text("`fiducial demo` made this folder and replaces what it made here.\n", encoding="utf-8")


def prepare(out: Path, pieces: Sequence[str]) -> None:
    """Take a folder as `claim` does, with its errors, and remove what an earlier run made.

    Parameters
    ----------
    out : Path
    pieces : sequence of str
        Names of the files and folders in it that the run makes; those that exist are removed.
    """
    claim(out)
    for name in pieces:
        piece = out / name
        if piece.is_dir() and not piece.is_symlink():
            shutil.rmtree(piece)
        else:
            piece.unlink(missing_ok=True)
