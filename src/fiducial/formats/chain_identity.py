"""One space of identifiers for all exports of the chain: ``egv:SPTS``, ``cis2:req/369``, ``igs:IGS0OPSFIN``."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fiducial.chain.workflow import WorkflowNode

NAMESPACE: Final = "urn:fiducial:"
"""URIs are this, the prefix, a colon, and the local part."""
PREFIXES: Final = ("egv", "cis2", "igs", "chain", "src")
_IGS_FACT: Final = "igs_product"


def egv(identity: str) -> str:
    """Return the identifier of a variable or of a product of one.

    Examples
    --------
    >>> egv("SPTS"), egv("l3/sea_level")
    ('egv:SPTS', 'egv:l3/sea_level')
    """
    return f"egv:{_local(identity)}"


def node(one: WorkflowNode) -> str:
    """Return the identifier of a workflow node: the product's name in the IGS where the record has one."""
    return f"igs:{_local(dict(one.facts)[_IGS_FACT])}" if _IGS_FACT in dict(one.facts) else f"chain:{_local(one.id)}"


def tier(identity: str) -> str:
    """Return the identifier of an impact tier or a workflow tier."""
    return f"chain:tier/{_local(identity)}"


def level(name: str) -> str:
    """Return the identifier of a data level.

    Examples
    --------
    >>> level("Level 3")
    'egv:level/level_3'
    """
    return f"egv:level/{_local(name.lower().replace(' ', '_'))}"


def requirement(uid: int) -> str:
    """Return the identifier of a requirement of the register."""
    return f"cis2:req/{uid}"


def register_product(uid: int) -> str:
    """Return the identifier of a product of the register."""
    return f"cis2:product/{uid}"


def source(identity: str) -> str:
    """Return the identifier of a source."""
    return f"src:{_local(identity)}"


def uri(identifier: str) -> str:
    """Return the URI of an identifier.

    Examples
    --------
    >>> uri("egv:SPTS")
    'urn:fiducial:egv:SPTS'
    """
    return NAMESPACE + identifier


def _local(text: str) -> str:
    return quote(text, safe="/-._~")
