"""Loading the knowledge of the chain: the packaged data files, and files of the user over them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.versions import knowledge_at
from fiducial.formats.chain_knowledge import read_knowledge

DATA_FILES: Final = (
    "sources.yaml",
    "egv.yaml",
    "workflow.yaml",
    "schedules.yaml",
    "dependencies.yaml",
    "requirements.yaml",
)
"""Packaged files, in ``fiducial/chain/data``."""


def load_knowledge(overlays: Sequence[Path] = (), version: str | None = None) -> Knowledge:
    """Read the packaged knowledge of the chain with a user's files over it.

    Parameters
    ----------
    overlays : sequence of path, optional
        Files in the form of the packaged ones, laid over them in this order (``docs/chain-overlay.md``).
    version : str, optional
        Version of the catalogue, such as ``V6.0``; the newest by default.

    Returns
    -------
    Knowledge
        Checked; of an earlier version, without what that version does not have.

    Raises
    ------
    FormatError
        As :func:`~fiducial.formats.chain_knowledge.read_knowledge`; FID-2611 for a version that the catalogue does not
        know.

    Examples
    --------
    >>> knowledge = load_knowledge()
    >>> len(knowledge.catalogue.egvs)
    21
    """
    folder = files("fiducial.chain").joinpath("data")
    packaged = [(name, folder.joinpath(name).read_bytes()) for name in DATA_FILES]
    knowledge = read_knowledge(packaged, overlays)
    return knowledge if version is None else knowledge_at(knowledge, version)
