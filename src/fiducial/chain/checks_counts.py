"""Checks of counts: variables, products, entries, cells of a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from fiducial.chain.check_results import Computed, Verdict, compared
from fiducial.chain.egv import Level, Statement, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import entries, needed_by
from fiducial.chain.versions import knowledge_at

_HIGH: Final = (Level.LEVEL_2, Level.LEVEL_3)


def claim(statement: Statement) -> str:
    """Return the value of a statement; ``ValueError`` where there is none."""
    if statement.value is None:
        raise ValueError("a value is wanted")
    return statement.value


def column_share(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the Primary and Important cells of a column of the matrix."""
    supplier, share = claim(statement).split(": ")
    cells = needed_by(knowledge.catalogue, supplier)
    strong = [cell for cell in cells if cell.strength in {Strength.PRIMARY, Strength.IMPORTANT}]
    rows = len(knowledge.catalogue.rows)
    primary = sum(cell.strength is Strength.PRIMARY for cell in strong)
    words = (
        f"the column has {primary} Primary, {len(strong) - primary} Important and {len(cells) - len(strong)} Indirect cells; no "
        f"choice of classes gives {share}"
    )
    computed = f"{len(strong)} of {rows}"
    counts = {primary, len(strong), len(strong) - primary, len(cells)}
    if int(share.split()[0]) in counts:
        words = words.partition(";")[0]
    return compared(share, computed, words)


def egv_count(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count all variables."""
    return compared(claim(statement), str(len(knowledge.catalogue.egvs)), "variables of all levels in the model")


def egv_counts(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the variables of every level."""
    counts = ", ".join(f"{level} {len(knowledge.catalogue.of_level(level))}" for level in Level)
    return compared(claim(statement), counts, "variables by level in the model")


def egv_count_level_2_3(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the variables of Levels 2 and 3."""
    count = sum(len(knowledge.catalogue.of_level(level)) for level in _HIGH)
    every = len(knowledge.catalogue.egvs)
    words = f"this counts Levels 2 and 3 alone; with Basis and Level 1 there are {every}"
    return compared(claim(statement), str(count), words)


def product_count_level_2_3(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the products of Levels 2 and 3, entries with a slash as two."""
    products = knowledge.catalogue.products(*_HIGH)
    shared = {entry for entry in _entries(knowledge) if sum(one.entry == entry for one in products) > 1}
    words = f"{len(_entries(knowledge))} entries, of which {len(shared)} name two products each: {'; '.join(sorted(shared))}"
    return compared(claim(statement), str(len(products)), words)


def entry_count_level_2_3(knowledge: Knowledge, statement: Statement) -> Computed:
    """Count the entries printed for Levels 2 and 3."""
    words = f"entries as printed; they are {len(knowledge.catalogue.products(*_HIGH))} products"
    return compared(claim(statement), str(len(_entries(knowledge))), words)


def _entries(knowledge: Knowledge) -> list[str]:
    return [entry for level in _HIGH for egv in knowledge.catalogue.of_level(level) for entry in entries(egv)]


def matrix_unchanged(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare the matrix of the model with that of an earlier version."""
    version = claim(statement)
    now = {(cell.supplier, cell.consumer, cell.strength) for cell in knowledge.catalogue.cells}
    if version == knowledge.catalogue.version:
        return Computed("0 cells", Verdict.UNDEFINED, f"this is {version} itself")
    before = {
        (cell.supplier, cell.consumer, cell.strength) for cell in knowledge_at(knowledge, version).catalogue.cells
    }
    changed = len(now ^ before)
    if changed:
        words = f"cells that differ between {version} and {knowledge.catalogue.version}"
        return Computed(f"{changed} cells", Verdict.CONTRADICTS, words)
    words = f"{version} is rebuilt here from the changes that the source states, so nothing independent speaks for it"
    return Computed("0 cells", Verdict.UNDEFINED, words)


def basis_latency(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether a tier of things that are not observed has a latency."""
    step = next(one for one in knowledge.catalogue.data_levels if one.id == claim(statement))
    egvs = knowledge.catalogue.of_level(Level.BASIS)
    unobserved = [
        egv.name
        for egv in egvs
        if egv.description and re.search(r"not itself an observed", egv.description, re.IGNORECASE)
    ]
    if step.data_level != str(Level.BASIS) or not unobserved:
        return Computed(step.latency_stated, Verdict.AGREES, "the tier holds observations")
    words = f"{step.name} stands for {', '.join(egv.name for egv in egvs)}; {unobserved[0]} is said not to be observed"
    return Computed(f"latency {step.latency_stated}", Verdict.CONTRADICTS, words)


CHECKS: Final[Mapping[str, Callable[[Knowledge, Statement], Computed]]] = {
    "column_share": column_share,
    "egv_count": egv_count,
    "egv_counts": egv_counts,
    "egv_count_level_2_3": egv_count_level_2_3,
    "product_count_level_2_3": product_count_level_2_3,
    "entry_count_level_2_3": entry_count_level_2_3,
    "matrix_unchanged": matrix_unchanged,
    "basis_latency": basis_latency,
}
