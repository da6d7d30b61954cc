"""Writing a recipe."""

from __future__ import annotations

from pathlib import Path

from fiducial.formats.atomic import atomic_file
from fiducial.runs.recipes.template import template


def write_template(kind: str, out: Path, *, overwrite: bool = False) -> None:
    """Write a recipe with every field at its default.

    Raises
    ------
    RunError
        FID-5004 for a kind that is none.
    InputError
        FID-1002 when the file exists.
    """
    text = template(kind)
    with atomic_file(out, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")
