"""Versions of the catalogue: the changes between them, applied backwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fiducial.chain.dependencies import Dependencies
from fiducial.chain.egv import EgvCatalogue, Level, Version, VersionChange
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.workflow import Workflow
from fiducial.errors import FormatError

VERSION: Final = "FID-2611"


def catalogue_at(catalogue: EgvCatalogue, version: str) -> EgvCatalogue:
    """Return the catalogue as an earlier version has it.

    Parameters
    ----------
    catalogue : EgvCatalogue
        A catalogue with the history of its versions.
    version : str
        Id of its own version or of an earlier one, such as ``V6.0``.

    Raises
    ------
    FormatError
        FID-2611 when the history does not lead to that version.
    """
    versions = {one.id: one for one in catalogue.versions}
    found = catalogue
    seen: set[str] = set()
    while found.version != version:
        current = versions.get(found.version)
        if current is None or current.previous is None or found.version in seen:
            known = ", ".join(versions) or "none"
            problem = f"the catalogue {catalogue.version} has no earlier version {version!r}"
            raise FormatError(VERSION, problem, where=f"version {version}", fix=f"use one of: {known}")
        seen.add(found.version)
        found = _before(found, current, current.previous)
    return found


def knowledge_at(knowledge: Knowledge, version: str) -> Knowledge:
    """Return the knowledge with the catalogue of an earlier version, without what refers to products it does not have.

    Raises
    ------
    FormatError
        FID-2611 as :func:`catalogue_at`.
    """
    catalogue = catalogue_at(knowledge.catalogue, version)
    gone = {one.id for one in knowledge.catalogue.products()} - {one.id for one in catalogue.products()}
    egvs = {egv.id for egv in catalogue.egvs}
    return replace(
        knowledge,
        catalogue=catalogue,
        workflow=_workflow_without(knowledge.workflow, gone, egvs),
        dependencies=_dependencies_without(knowledge.dependencies, gone),
    )


def _before(catalogue: EgvCatalogue, version: Version, previous: str) -> EgvCatalogue:
    found = catalogue
    for change in reversed(version.changes):
        found = _undone(found, change, version)
    return replace(found, version=previous)


def _undone(catalogue: EgvCatalogue, change: VersionChange, version: Version) -> EgvCatalogue:
    if change.kind == "add_egv":
        kept = tuple(egv for egv in catalogue.egvs if egv.id != change.after)
        if len(kept) == len(catalogue.egvs):
            problem = f"{version.id} adds {change.after}, and the catalogue does not have it"
            raise FormatError(VERSION, problem, where=str(version.place), fix="correct the changes of the version")
        return replace(
            catalogue,
            egvs=kept,
            cells=tuple(cell for cell in catalogue.cells if change.after not in {cell.supplier, cell.consumer}),
            rows=tuple(label for label in catalogue.rows if label.egv != change.after),
            columns=tuple(label for label in catalogue.columns if label.egv != change.after),
            co_products=tuple(row for row in catalogue.co_products if row.egv != change.after),
        )
    if change.kind == "rename_level" and change.before is not None:
        names = {level: catalogue.level_name(level) for level in Level}
        renamed = [level for level, name in names.items() if name == change.after]
        if not renamed:
            problem = f"{version.id} renames a level to {change.after!r}, and there is no such level"
            raise FormatError(VERSION, problem, where=str(version.place), fix="correct the changes of the version")
        names[renamed[0]] = change.before
        level_names = tuple((level, name) for level, name in names.items() if name != level.value)
        return replace(catalogue, level_names=level_names)
    return catalogue


def _workflow_without(workflow: Workflow, gone: set[str], egvs: set[str]) -> Workflow:
    nodes = tuple(
        replace(node, realises=tuple(one for one in node.realises if one not in gone)) for node in workflow.nodes
    )
    pipelines = tuple(one if one.egv in egvs else replace(one, egv=None) for one in workflow.pipelines)
    return replace(workflow, nodes=nodes, pipelines=pipelines)


def _dependencies_without(dependencies: Dependencies, gone: set[str]) -> Dependencies:
    return replace(
        dependencies,
        schedules=tuple(one for one in dependencies.schedules if one.product not in gone),
        held=tuple(one for one in dependencies.held if one.node.partition(":")[0] not in gone),
        links=tuple(one for one in dependencies.links if not {one.supplier, one.consumer} & gone),
        makers=tuple(one for one in dependencies.makers if one.product not in gone),
        recoveries=tuple(one for one in dependencies.recoveries if one.node not in gone),
    )
