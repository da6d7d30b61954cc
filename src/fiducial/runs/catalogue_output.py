"""Outputs of the catalogue commands: what is there already is named with the option that replaces it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fiducial.errors import InputError

EXISTS: Final = "FID-1002"


@contextmanager
def replaceable(*, overwrite: bool) -> Iterator[None]:
    """Say of an output that exists how this command replaces it; one that it must not replace is to be removed.

    Parameters
    ----------
    overwrite : bool
        Whether it was asked to.

    Raises
    ------
    InputError
        FID-1002.
    """
    try:
        yield
    except InputError as error:
        if error.code != EXISTS:
            raise
        way = "remove it" if overwrite else "replace it with --overwrite"
        raise InputError(EXISTS, error.problem, where=error.where, fix=f"choose another name, or {way}") from error
