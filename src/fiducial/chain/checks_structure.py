"""Checks of edges: what the prose demands, what the matrix lacks, what stands above what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fiducial.chain.check_results import Computed, Verdict
from fiducial.chain.checks_counts import claim
from fiducial.chain.egv import Level, Statement, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import needed_by
from fiducial.chain.single_points import cut_sets
from fiducial.chain.structure import structure_of


def edge_in_matrix(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether the matrix has an edge that the prose demands."""
    supplier, consumer = (part.strip() for part in claim(statement).split("->"))
    catalogue = knowledge.catalogue
    strength = catalogue.strength(supplier, consumer)
    if strength is not None:
        return Computed(str(strength), Verdict.AGREES, "the matrix has this cell")
    way = f"{catalogue.egv(supplier).name} → {catalogue.egv(consumer).name}"
    levels = f"{catalogue.egv(supplier).level} → {catalogue.egv(consumer).level}"
    words = f"no cell {way}: the matrix holds Level 2 → Level 3 alone, this edge is {levels} and stands in prose only"
    return Computed("no cell", Verdict.MISSING, words)


def dependents_defined(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the cells that tell who depends on a variable of Level 3."""
    egv = claim(statement)
    cells = needed_by(knowledge.catalogue, egv)
    name = knowledge.catalogue.egv(egv).name
    if cells:
        return Computed(f"{len(cells)} cells", Verdict.AGREES, f"the matrix has a column for {name}")
    words = f"the matrix has no column for {name}: no strength of a Level 3 → Level 3 dependency is given anywhere"
    return Computed("0 cells", Verdict.UNDEFINED, words)


def indirect_has_middle(knowledge: Knowledge, _: Statement) -> Computed:
    """Look whether the variable in the middle of every Indirect dependency can be named from the matrix."""
    catalogue = knowledge.catalogue
    indirect = [cell for cell in catalogue.cells if cell.strength is Strength.INDIRECT]
    undefined = [
        cell
        for cell in indirect
        if not any(
            catalogue.strength(cell.supplier, middle.id) and catalogue.strength(middle.id, cell.consumer)
            for middle in catalogue.egvs
        )
    ]
    words = f"{len(undefined)} of {len(indirect)} Indirect cells have no variable in the middle that the matrix names"
    verdict = Verdict.UNDEFINED if undefined else Verdict.AGREES
    return Computed(f"{len(indirect) - len(undefined)} of {len(indirect)} defined", verdict, words)


def level_1_parents(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look which variables of Level 2 have no observation of Level 1 above them."""
    catalogue, structure = knowledge.catalogue, structure_of(knowledge)
    observations = {product.id for product in catalogue.egv(claim(statement)).products}
    # Observations are made by nodes of the workflow, and those stand above what is computed from them.
    makers = {node.id for node in knowledge.workflow.nodes if observations & set(node.realises)}
    orphans = []
    for egv in catalogue.of_level(Level.LEVEL_2):
        above = {one.id for one in structure.upstream(egv.id)}
        if not above & (observations | makers):
            orphans.append(egv.name)
    count = len(catalogue.of_level(Level.LEVEL_2))
    words = f"without any of {', '.join(sorted(observations))} above them: {', '.join(orphans) or 'none'}"
    return Computed(f"{count - len(orphans)} of {count}", Verdict.MISSING if orphans else Verdict.AGREES, words)


def primary_over_indirect_parent(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare the strength of a variable with that of the variable it is made from."""
    child, parent, supplier = claim(statement).split()
    catalogue = knowledge.catalogue
    own, above = catalogue.strength(supplier, child), catalogue.strength(supplier, parent)
    names = f"{catalogue.egv(child).name} is {own}, {catalogue.egv(parent).name} is {above}"
    if own is Strength.PRIMARY and above is not Strength.PRIMARY:
        words = f"on {catalogue.egv(supplier).name}, {names}: the child would need what its parent does not"
        return Computed(f"{own} over {above}", Verdict.CONTRADICTS, words)
    return Computed(f"{own} over {above}", Verdict.AGREES, names)


def single_point(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compute whether a node is a single point of failure, and of how many variables."""
    node = claim(statement)
    workflow, structure = knowledge.workflow, structure_of(knowledge)
    products = [one.id for one in workflow.nodes if one.kind in {"product", "delivered_product"} and one.id != node]
    stopped = [one for one in products if node in cut_sets(knowledge, one, order=1, structure=structure).singles()]
    realised = {one for target in stopped for one in workflow.node(target).realises}
    egvs = {product.egv for product in knowledge.catalogue.products() if product.id in realised}
    names = ", ".join(structure.item(egv).name for egv in sorted(egvs)) or "none"
    words = f"its loss stops {', '.join(stopped) or 'no product'}; variables concerned: {names}"
    if not stopped:
        return Computed("no single point", Verdict.CONTRADICTS, words)
    wide = "several variables" in statement.text
    verdict = Verdict.CONTRADICTS if wide and len(egvs) < 2 else Verdict.AGREES
    return Computed(
        f"{len(stopped)} products of {len(egvs)} {'variable' if len(egvs) == 1 else 'variables'}", verdict, words
    )


def no_substitute(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether techniques that shall not replace each other do so at a gate."""
    techniques = [part.strip() for part in claim(statement).split(",")]
    replacing = [
        f"{node.name} needs {node.required} of {', '.join(one for one in node.inputs if one in techniques)} and others"
        for node in knowledge.workflow.nodes
        if node.required < len(node.inputs) and len({*node.inputs} & {*techniques}) > 1
    ]
    words = "; ".join(replacing) or "no gate lets one stand for another"
    return Computed(f"{len(replacing)} gates", Verdict.CONTRADICTS if replacing else Verdict.AGREES, words)


def cell_covers_products(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether a cell of the matrix holds for every product of its variable of Level 3."""
    supplier, consumer = claim(statement).split()
    variable = knowledge.catalogue.egv(consumer)
    links = [link for link in knowledge.dependencies.links if link.refines == (supplier, consumer)]
    if not links:
        return Computed(
            "unknown", Verdict.UNDEFINED, f"no link tells which products of {variable.name} the cell is about"
        )
    using = {link.consumer for link in links}
    free = [f"{product.name} ({product.id})" for product in variable.products if product.id not in using]
    count = len(variable.products)
    notes = sorted({f"{link.note} ({', '.join(link.source)})" for link in links if link.note})
    words = "; ".join([f"made without {knowledge.catalogue.egv(supplier).name}: {', '.join(free) or 'none'}", *notes])
    verdict = Verdict.CONTRADICTS if free else Verdict.AGREES
    return Computed(f"{count - len(free)} of {count} products", verdict, words)


CHECKS: Final[Mapping[str, Callable[[Knowledge, Statement], Computed]]] = {
    "edge_in_matrix": edge_in_matrix,
    "dependents_defined": dependents_defined,
    "indirect_has_middle": indirect_has_middle,
    "level_1_parents": level_1_parents,
    "primary_over_indirect_parent": primary_over_indirect_parent,
    "single_point": single_point,
    "no_substitute": no_substitute,
    "cell_covers_products": cell_covers_products,
}
