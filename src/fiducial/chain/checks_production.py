"""Checks of production: who makes what at which tier, how late, how often, with which software."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fiducial.chain.check_results import Computed, Verdict, compared
from fiducial.chain.checks_counts import claim
from fiducial.chain.egv import Statement, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.single_points import cut_sets
from fiducial.chain.structure import structure_of

_DAYS: Final = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0}


def produced_by(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare who makes products, or at which tier, with what is said."""
    *products, last = claim(statement).replace(",", " ").split()
    workflow = knowledge.workflow
    known = {product.id for product in knowledge.catalogue.products()}
    wanted = [one for one in products if one in known]
    makers = [node for node in workflow.nodes if set(wanted) & set(node.realises)]
    by_tier = last.startswith("T") and last[1:].isdecimal()
    if not wanted or (by_tier and len(wanted) < len(products)):
        raise KeyError(", ".join(one for one in products if one not in known))
    if by_tier:
        tiers = sorted({node.tier for node in makers})
        claimed = {step.id: step for step in knowledge.catalogue.data_levels}[last]
        words = f"{', '.join(wanted)} come from {', '.join(node.name for node in makers) or 'no node'}; {last} is {claimed.name}"
        earlier = _earlier(knowledge, [node.id for node in makers], last)
        if tiers == [last] and earlier:
            words += f"; what they are combined from is there before, from {', '.join(earlier)}"
        return compared(last, ", ".join(tiers) or "no tier", words)
    listed = sorted({*products, last} - set(wanted))
    centres = sorted({one for node in makers for one in node.inputs})
    return compared(", ".join(listed), ", ".join(centres), f"inputs of {', '.join(node.name for node in makers)}")


def _earlier(knowledge: Knowledge, makers: list[str], tier: str) -> list[str]:
    """Return the tiers above those nodes that are made of solutions, one step up a pool."""
    workflow = knowledge.workflow
    above = {one for maker in makers for one in workflow.node(maker).inputs}
    above |= {one for node in above for one in workflow.node(node).inputs}
    return sorted(
        {workflow.node(one).tier for one in above if workflow.node(one).tier < tier and workflow.node(one).tier != "X"}
    )


def tier_products(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether a tier makes all products of a variable, as is said."""
    head, listed = claim(statement).split(": ")
    egv, tier = head.split()
    products = [product.id for product in knowledge.catalogue.egv(egv).products]
    named = [one.strip() for one in listed.split(",")]
    absent = [one for one in products if one not in named]
    tiers = {
        one: sorted({node.tier for node in knowledge.workflow.nodes if one in node.realises}) or ["no tier"]
        for one in absent
    }
    made = "; ".join(f"{one} is made at {', '.join(found)}" for one, found in tiers.items())
    value = f"{len(named)} of {len(products)} products"
    words = f"{tier} leaves out {', '.join(absent)}; {made}" if absent else "all products of the variable are named"
    return Computed(value, Verdict.MISSING if absent else Verdict.AGREES, words)


def co_production_level(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare the level said of co-produced variables with that of their rows, and of their products."""
    claimed = claim(statement)
    rows = knowledge.catalogue.co_products
    other = [row for row in rows if row.level != claimed]
    levels = {product.id: str(knowledge.catalogue.egv(product.egv).level) for product in knowledge.catalogue.products()}
    parts = [
        f"{row.text}: {row.level!r}, products {', '.join(f'{one} ({levels[one]})' for one in row.products)}"
        for row in other
    ]
    words = "; ".join(parts) or "all rows have this level"
    value = f"{len(rows) - len(other)} of {len(rows)} rows"
    return Computed(value, Verdict.CONTRADICTS if other else Verdict.AGREES, words)


def latency(knowledge: Knowledge, statement: Statement) -> Computed:
    """Hold a stated latency against the sourced schedule of the same tier and product."""
    step, product, *numbers, unit = claim(statement).split()
    low, high = float(numbers[0]) * _DAYS[unit], float(numbers[-1]) * _DAYS[unit]
    level = next(one for one in knowledge.catalogue.data_levels if one.id == step)
    sourced = next((one for one in level.latency_sourced if one.product == product), None)
    if sourced is None:
        return Computed("no schedule", Verdict.UNDEFINED, f"no source gives the latency of {product} at {level.name}")
    value = f"{_time(sourced.low_days)} to {_time(sourced.high_days)}"
    words = f"stated {_time(low)} to {_time(high)}; {value} {sourced.basis} ({', '.join(sourced.source)})"
    if high < sourced.low_days * (1 - 1e-9):
        return Computed(value, Verdict.CANNOT_HOLD, f"{words}: nothing can be there that early")
    inside = sourced.low_days >= low * (1 - 1e-9) and sourced.high_days <= high * (1 + 1e-9)
    return Computed(value, Verdict.AGREES if inside else Verdict.CONTRADICTS, words)


def _time(days: float) -> str:
    if days < 1 / 24:
        return f"{days * 1440:.3g} min"
    return f"{days * 24:.3g} h" if days < 2 else f"{days:.3g} d"


def cadence(knowledge: Knowledge, statement: Statement) -> Computed:
    """Hold a stated cadence against the schedules of what a node makes."""
    node, days = claim(statement).split()
    products = knowledge.workflow.node(node).realises
    found = [one for one in knowledge.dependencies.schedules if one.product in products]
    shortest = min(found, key=lambda one: one.cadence_days.value)
    value = f"{shortest.cadence_days.value:g} d"
    words = f"the most frequent stream of {', '.join(products)} is {shortest.example} ({', '.join(shortest.source) or 'assumed'})"
    return compared(f"{float(days):g} d", value, words)


def official_software(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether a combination hangs on the software that is said to make it."""
    node, software = claim(statement).split()
    workflow = knowledge.workflow
    pools = [workflow.node(one) for one in workflow.node(node).inputs]
    alternatives = [
        one for pool in pools if software in pool.inputs and pool.required < len(pool.inputs) for one in pool.inputs
    ]
    direct = software in workflow.node(node).inputs
    if direct and not alternatives:
        return Computed(software, Verdict.AGREES, "the combination needs it")
    note = next((one.note for one in workflow.nodes if one.id == software and one.note), "")
    words = f"the combination runs with any of {', '.join(alternatives) or 'none'}" + (f"; {note}" if note else "")
    verdict = Verdict.UNDEFINED if alternatives else Verdict.CONTRADICTS
    return Computed(f"one of {len(alternatives)}", verdict, words)


def risk_class(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare the class said of a node with what the rubric gives for a node that alone stops a Primary input."""
    node, stated = claim(statement).split()
    catalogue, structure = knowledge.catalogue, structure_of(knowledge)
    egv_of = {product.id: product.egv for product in catalogue.products()}
    stopped = {
        egv_of[product]
        for maker in knowledge.workflow.nodes
        if maker.realises and node in cut_sets(knowledge, maker.id, order=1, structure=structure).singles()
        for product in maker.realises
    }
    primary = [
        cell.consumer for cell in catalogue.cells if cell.supplier in stopped and cell.strength is Strength.PRIMARY
    ]
    rules = [
        one
        for one in knowledge.workflow.principles
        if one.kind == "rubric" and one.number == 1 and (one.note or "").startswith("Critical")
    ]
    if not rules or not primary:
        return Computed(
            "no class", Verdict.UNDEFINED, "no rule of the rubric decides, or no Primary input stops with it"
        )
    words = (
        f"{len(primary)} variables of Level 3 are Primary on what stops with it; by the rubric ({', '.join(rules[0].source)}), "
        f"{rules[0].name}, reliance on one state is Critical, and one place is in one state"
    )
    return compared(stated, "Critical", words)


CHECKS: Final[Mapping[str, Callable[[Knowledge, Statement], Computed]]] = {
    "produced_by": produced_by,
    "tier_products": tier_products,
    "co_production_level": co_production_level,
    "latency": latency,
    "cadence": cadence,
    "official_software": official_software,
    "risk_class": risk_class,
}
