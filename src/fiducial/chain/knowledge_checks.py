"""Checks that the knowledge of the chain holds together: ids, references, orphans, gates, circles, ranges, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from fiducial.chain.egv import EgvCatalogue, Level, Place
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.knowledge_ranges import range_faults
from fiducial.chain.knowledge_references import References, reference_faults
from fiducial.chain.workflow import Gate, Workflow, WorkflowNode
from fiducial.errors import FormatError

TWICE: Final = "FID-2603"
ORPHAN: Final = "FID-2604"
GATE: Final = "FID-2605"
CIRCLE: Final = "FID-2606"
COUNT: Final = "FID-2608"
MATRIX: Final = "FID-2609"


class _Identified(Protocol):
    """A record with an id and a place."""

    @property
    def id(self) -> str: ...

    @property
    def place(self) -> Place: ...


def check_knowledge(knowledge: Knowledge, removed: Mapping[str, Place] | None = None) -> None:
    """Raise the first fault of the knowledge.

    Parameters
    ----------
    knowledge : Knowledge
        What was read.
    removed : mapping of str to Place, optional
        Ids that a user's file removed, and where: a reference to one of them is a fault of that file.

    Raises
    ------
    FormatError
        As :func:`find_faults` describes; the fix tells how many more there are.
    """
    faults = find_faults(knowledge, removed)
    first = next(faults, None)
    if first is None:
        return
    more = sum(1 for _ in faults)
    if more:
        first = FormatError(
            first.code, first.problem, where=first.where, fix=f"{first.fix} ({more} more faults follow)"
        )
    raise first


def find_faults(knowledge: Knowledge, removed: Mapping[str, Place] | None = None) -> Iterator[FormatError]:
    """Yield every fault of the knowledge, each with file and line.

    Yields
    ------
    FormatError
        FID-2602 an id that nothing has; FID-2603 an id twice; FID-2604 a variable without product, a Level 3 variable
        without dependency; FID-2605 a gate that wants more inputs than there are; FID-2606 a circle that no held node
        opens; FID-2607 a number or range out of bounds; FID-2609 a matrix that joins wrong levels.
    """
    yield from _duplicates(knowledge)
    yield from reference_faults(References(knowledge, removed or {}))
    yield from _matrix(knowledge.catalogue)
    yield from _orphans(knowledge.catalogue)
    yield from _gates(knowledge.workflow)
    yield from range_faults(knowledge)
    circle = open_circle(knowledge.workflow)
    if circle:
        names = " -> ".join((*circle, circle[0]))
        problem = f"{names} is a circle in which no output is held: none of its nodes could ever start"
        fix = "give the node whose last output serves meanwhile hold_days and breaks_cycle: true"
        place = _latest(knowledge.workflow.node(name) for name in circle)
        yield FormatError(CIRCLE, problem, where=str(place), fix=fix)


def count_faults(catalogue: EgvCatalogue) -> Iterator[FormatError]:
    """Yield FID-2608 for each number that the version of the catalogue claims and the catalogue does not hold."""
    version = next((version for version in catalogue.versions if version.id == catalogue.version), None)
    if version is None:
        return
    found = {level.value: len(catalogue.of_level(level)) for level in Level}
    found |= {"total": len(catalogue.egvs), "products": len(catalogue.products(Level.LEVEL_2, Level.LEVEL_3))}
    for name, claimed in version.counts:
        if found[name] != claimed:
            problem = f"{version.id} claims {claimed} for {name}, and the file holds {found[name]}"
            fix = "correct the records, or counts of the version"
            yield FormatError(COUNT, problem, where=str(version.place), fix=fix)


def open_circle(workflow: Workflow) -> tuple[str, ...]:
    """Return the nodes of a circle without a held node, in the order of supply; empty when there is none.

    Notes
    -----
    A node needs the inputs of its gate: of ``any`` and ``k`` gates those beyond are free to be missing, so a node can
    start as soon as enough of its inputs can. The circle is searched among the nodes that never can.
    """
    nodes = {node.id: node for node in workflow.nodes}
    started = {node.id for node in workflow.nodes if node.breaks_cycle}
    waiting = [node for node in workflow.nodes if node.id not in started]
    grown = True
    while grown:
        ready = {node.id for node in waiting if _can_start(node, started, nodes)}
        started |= ready
        waiting = [node for node in waiting if node.id not in ready]
        grown = bool(ready)
    stuck = {node.id: node for node in waiting}
    return _walk_back(stuck)


def _can_start(node: WorkflowNode, started: set[str], nodes: Mapping[str, WorkflowNode]) -> bool:
    # Unknown inputs and gates that want too much are faults of their own, not circles.
    there = sum(1 for name in node.inputs if name in started or name not in nodes)
    return there >= min(node.required, len(node.inputs))


def _walk_back(stuck: Mapping[str, WorkflowNode]) -> tuple[str, ...]:
    if not stuck:
        return ()
    path: list[str] = []
    name = next(iter(stuck))
    while name not in path:
        path.append(name)
        name = next(supplier for supplier in stuck[name].inputs if supplier in stuck)
    return tuple(reversed(path[path.index(name) :]))


def _latest(nodes: Iterable[WorkflowNode]) -> Place:
    # Records of a user's file come after the packaged ones only when they are new; its file name tells in any case.
    places = [node.place for node in nodes]
    return max(places, key=lambda place: (place.file != "workflow.yaml", place.line))


def _duplicates(knowledge: Knowledge) -> Iterator[FormatError]:
    catalogue, workflow, register = knowledge.catalogue, knowledge.workflow, knowledge.register
    groups: tuple[tuple[str, Iterable[tuple[str, Place]]], ...] = (
        ("variables", _ids(catalogue.egvs)),
        ("products and nodes", (*_ids(catalogue.products()), *_ids(workflow.nodes))),
        ("cells of the matrix", ((f"{one.supplier} -> {one.consumer}", one.place) for one in catalogue.cells)),
        ("impact tiers", _ids(catalogue.impact_tiers)),
        ("statements", _ids(catalogue.statements)),
        ("risks", _ids(workflow.risks)),
        ("events and pipelines", (*_ids(workflow.events), *_ids(workflow.pipelines))),
        ("sources", _ids(knowledge.sources)),
        ("products of the register", ((str(one.uid), one.place) for one in register.products)),
        ("links", ((f"{one.supplier} -> {one.consumer}", one.place) for one in knowledge.dependencies.links)),
    )
    for name, items in groups:
        first: dict[str, Place] = {}
        for identity, place in items:
            if identity in first:
                problem = f"{identity!r} stands twice among {name}, first in {first[identity]}"
                yield FormatError(TWICE, problem, where=str(place), fix="rename or remove one of them")
            first.setdefault(identity, place)


def _ids(records: Iterable[_Identified]) -> Iterator[tuple[str, Place]]:
    return ((record.id, record.place) for record in records)


def _matrix(catalogue: EgvCatalogue) -> Iterator[FormatError]:
    levels = {egv.id: egv.level for egv in catalogue.egvs}
    rows, columns = ({label.egv for label in labels} for labels in (catalogue.rows, catalogue.columns))
    for cell in catalogue.cells:
        for identity, wanted, side, labels in (
            (cell.supplier, Level.LEVEL_2, "column", columns),
            (cell.consumer, Level.LEVEL_3, "row", rows),
        ):
            if identity in levels and levels[identity] is not wanted:
                problem = f"the {side} {identity} of the matrix is of {levels[identity]}, and must be of {wanted}"
                fix = "correct the id; links of other levels belong in links"
                yield FormatError(MATRIX, problem, where=str(cell.place), fix=fix)
            elif identity in levels and identity not in labels:
                problem = f"the cell names {identity}, and the matrix has no such {side}"
                yield FormatError(MATRIX, problem, where=str(cell.place), fix=f"add it to matrix_{side}s")


def _orphans(catalogue: EgvCatalogue) -> Iterator[FormatError]:
    fed = {cell.consumer for cell in catalogue.cells}
    ids = {egv.id for egv in catalogue.egvs}
    for egv in catalogue.egvs:
        if egv.level is not Level.BASIS and not egv.products:
            fix = "add its products"
            yield FormatError(ORPHAN, f"{egv.id} has no product", where=str(egv.place), fix=fix)
        if egv.level is Level.LEVEL_3 and egv.id not in fed:
            problem = f"{egv.id} depends on nothing: the matrix has no cell for it"
            yield FormatError(ORPHAN, problem, where=str(egv.place), fix="add its row to matrix_rows")
    for product in catalogue.products():
        if product.egv not in ids:
            problem = f"the product {product.id} belongs to {product.egv}, which is no variable"
            yield FormatError(ORPHAN, problem, where=str(product.place), fix="list it under a variable")


def _gates(workflow: Workflow) -> Iterator[FormatError]:
    for node in workflow.nodes:
        count = len(node.inputs)
        if node.gate is Gate.K and not 1 <= node.required <= count:
            problem = f"{node.id} needs {node.required} of its inputs and has {count}"
            yield FormatError(GATE, problem, where=str(node.place), fix="lower k, or add inputs")
        repeated = [name for name, times in Counter(node.inputs).items() if times > 1]
        if repeated:
            problem = f"{node.id} lists the input {repeated[0]} more than once"
            yield FormatError(GATE, problem, where=str(node.place), fix="list every input once")
        if node.id in node.inputs:
            problem = f"{node.id} is its own input"
            yield FormatError(GATE, problem, where=str(node.place), fix="take it out of inputs")
