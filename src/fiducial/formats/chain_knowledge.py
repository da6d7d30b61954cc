"""All data files of the chain as one :class:`~fiducial.chain.knowledge.Knowledge`, with a user's files laid over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.knowledge_checks import check_knowledge, count_faults
from fiducial.chain.register import Register
from fiducial.errors import FormatError
from fiducial.formats.chain_catalogue import read_catalogue, read_sources
from fiducial.formats.chain_dependencies import read_dependencies
from fiducial.formats.chain_document import Document, read_document
from fiducial.formats.chain_register import read_register
from fiducial.formats.chain_workflow import read_workflow

REGISTER: Final = "FID-2612"
REGISTER_FILE: Final = "requirements.yaml"
REGISTER_LISTS: Final = ("products", "product_requirements", "requirements", "data", "providers", "transitions")
REGISTER_PLAIN: Final = ("vocabularies", "observations")


def read_knowledge(packaged: Sequence[tuple[str, bytes]], overlays: Sequence[Path] = ()) -> Knowledge:
    """Read and check the knowledge of the chain.

    Parameters
    ----------
    packaged : sequence of (str, bytes)
        Name and content of the files that stand side by side: no id may be defined twice.
    overlays : sequence of path, optional
        Files laid over them in this order: records of a known id replace fields, others are added, ``remove`` removes.

    Returns
    -------
    Knowledge
        Checked by :func:`~fiducial.chain.knowledge_checks.check_knowledge`.

    Raises
    ------
    FormatError
        FID-2600 not YAML; FID-2601 a key missing or unknown, a word or number that cannot be; FID-2602 to FID-2609 what
        the checks find; FID-2610 an id to be removed that is not there; FID-2612 a file over the register; FID-2620 to FID-2625 the register. Each names
        file and line. FID-2400, FID-2401 unreadable.
    """
    document = Document()
    for name, content in packaged:
        document.add(read_document(content, name))
    above = [read_document(path) for path in overlays]
    # The published counts are those of the published catalogue: what a user adds does not contradict them.
    for fault in count_faults(read_catalogue(document)):
        raise fault
    if above:
        for overlay in above:
            document.overlay(overlay)
        if any("versions" in overlay.sections for overlay in above):
            for fault in count_faults(read_catalogue(document)):
                raise fault
    knowledge = Knowledge(
        catalogue=read_catalogue(document),
        workflow=read_workflow(document),
        register=_register(packaged, above),
        dependencies=read_dependencies(document),
        sources=read_sources(document),
        files=document.files,
    )
    check_knowledge(knowledge, document.remove)
    return knowledge


def _register(packaged: Sequence[tuple[str, bytes]], above: Sequence[Document]) -> Register:
    for overlay in above:
        touched = [name for name in (*REGISTER_LISTS, *REGISTER_PLAIN) if name in {*overlay.sections, *overlay.plain}]
        if touched:
            problem = f"{touched[0]} belongs to the requirements register, which no file can be laid over yet"
            fix = f"take {touched[0]} out of this file; a register of one's own is read whole"
            raise FormatError(
                REGISTER, problem, where=f"{overlay.files[0]}, line {_line(overlay, touched[0])}", fix=fix
            )
    for name, content in packaged:
        if name == REGISTER_FILE:
            return read_register(content, name)
    return Register((), (), (), (), (), (), (), ())


def _line(overlay: Document, name: str) -> int:
    if name in overlay.plain:
        return overlay.plain[name].line
    return min((node.line for node in overlay.sections[name].values()), default=1)
