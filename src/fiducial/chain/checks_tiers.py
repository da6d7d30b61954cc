"""Checks of the published impact tiers against the matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Final

from fiducial.chain.check_results import Computed, Verdict, compared
from fiducial.chain.checks_counts import claim
from fiducial.chain.egv import EgvCatalogue, ImpactTier, Level, Statement, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.order import depth_baseline, order_agreement, published_ranks, strength_baseline

ORBITS: Final = "l2/satellite_orbits"
_RANK: Final = {Strength.PRIMARY: 0, Strength.IMPORTANT: 1, Strength.INDIRECT: 2, None: 3}


def _named(catalogue: EgvCatalogue) -> dict[str, ImpactTier]:
    return {egv: tier for tier in catalogue.impact_tiers for egv in tier.affected}


def _names(catalogue: EgvCatalogue, egvs: list[str]) -> str:
    return ", ".join(catalogue.egv(egv).name for egv in egvs) or "none"


def tier_members(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look which variables of Level 3 a tier names."""
    catalogue = knowledge.catalogue
    level_3 = [egv.id for egv in catalogue.of_level(Level.LEVEL_3)]
    named = _named(catalogue)
    absent = [egv for egv in level_3 if egv not in named]
    value = f"{len(level_3) - len(absent)} of {len(level_3)} named"
    if not absent:
        return compared(claim(statement), str(len(level_3)), "every variable is named by a tier")
    by_all = any(tier.all_level_3 for tier in catalogue.impact_tiers)
    covered = 'only "all" in the last tier covers them' if by_all else "no tier covers them"
    words = f"in no named tier: {_names(catalogue, absent)}; {covered}"
    return Computed(value, Verdict.MISSING, words)


def tiers_follow_depth(knowledge: Knowledge, _: Statement) -> Computed:
    """Compute how far the order of tiers is that of dependency depth."""
    catalogue = knowledge.catalogue
    depth = depth_baseline(catalogue, ORBITS)
    found = order_agreement(depth, published_ranks(catalogue), permutations=0)
    direct = sum(depth[egv] == 1 for egv in _named(catalogue))
    words = f"{direct} of the {len(_named(catalogue))} variables named are direct consumers, so depth cannot order them"
    verdict = Verdict.AGREES if found.share == 1 else Verdict.CONTRADICTS
    return Computed(f"{found.share:.3f} of {found.pairs} pairs", verdict, words)


def tiers_follow_strength(knowledge: Knowledge, _: Statement) -> Computed:
    """Compute how far the order of tiers is that of the strength class."""
    catalogue = knowledge.catalogue
    found = order_agreement(strength_baseline(catalogue, ORBITS), published_ranks(catalogue), permutations=0)
    mixed = []
    for tier in catalogue.impact_tiers:
        classes = {egv: catalogue.strength(ORBITS, egv) for egv in tier.affected}
        weaker = [egv for egv, strength in classes.items() if strength is not Strength.PRIMARY]
        if weaker and Strength.PRIMARY in classes.values():
            mixed += weaker
    words = f"in one tier with Primary consumers although not Primary: {_names(catalogue, mixed)}"
    verdict = Verdict.AGREES if found.share == 1 else Verdict.CONTRADICTS
    return Computed(f"{found.share:.3f} of {found.pairs} pairs", verdict, words)


def tiers_use_co_production(knowledge: Knowledge, statement: Statement) -> Computed:
    """Look whether the tiers count the column of a co-produced variable that fails with the orbits."""
    catalogue, other = knowledge.catalogue, claim(statement)
    ranks = published_ranks(catalogue)
    stronger = [
        egv.id
        for egv in catalogue.of_level(Level.LEVEL_3)
        if _RANK[catalogue.strength(other, egv.id)] < _RANK[catalogue.strength(ORBITS, egv.id)]
    ]
    late = [egv for egv in stronger if catalogue.strength(other, egv) is Strength.PRIMARY and ranks[egv] > 0]
    named = set(_named(catalogue))
    column = {
        egv.id
        for egv in catalogue.of_level(Level.LEVEL_3)
        if catalogue.strength(ORBITS, egv.id) in {Strength.PRIMARY, Strength.IMPORTANT}
    }
    same = "exactly" if named == column else "not exactly"
    words = (
        f"the tiers name {same} the {len(column)} Primary or Important consumers of the orbits; {_names(catalogue, late)} are Primary on "
        f"{catalogue.egv(other).name}, which fail too, and stand in later tiers"
    )
    verdict = Verdict.CONTRADICTS if late else Verdict.AGREES
    return Computed(f"{len(late)} variables stand later than their stronger cell", verdict, words)


def tier_windows_disjoint(knowledge: Knowledge, _: Statement) -> Computed:
    """Look which windows of the tiers overlap."""
    tiers = knowledge.catalogue.impact_tiers
    overlaps = [
        f"{first.name} and {second.name}"
        for first, second in combinations(tiers, 2)
        if max(first.window_days[0], second.window_days[0]) < min(first.window_days[1], second.window_days[1])
    ]
    words = f"overlapping: {'; '.join(overlaps)}; a time can stand in two tiers" if overlaps else "no windows overlap"
    return Computed(f"{len(overlaps)} pairs overlap", Verdict.CONTRADICTS if overlaps else Verdict.AGREES, words)


def feeds_list(knowledge: Knowledge, statement: Statement) -> Computed:
    """Compare the variables that an annotation lists with the column of the matrix."""
    catalogue = knowledge.catalogue
    listed = [egv.strip() for egv in claim(statement).split(",")]
    strength = {egv.id: catalogue.strength(ORBITS, egv.id) for egv in catalogue.of_level(Level.LEVEL_3)}
    fed = [egv for egv, found in strength.items() if found in {Strength.PRIMARY, Strength.IMPORTANT}]
    absent = [egv for egv in fed if egv not in listed]
    primary = [egv for egv in absent if strength[egv] is Strength.PRIMARY]
    weaker = [egv for egv in listed if strength.get(egv) is not Strength.PRIMARY]
    words = (
        f"listed although only Important: {_names(catalogue, weaker)}; left out although Primary: {_names(catalogue, primary)}; left out, "
        f"Important: {_names(catalogue, [egv for egv in absent if egv not in primary])}"
    )
    value = f"{len(listed)} of {len(fed)} listed"
    return Computed(value, Verdict.MISSING if absent else Verdict.AGREES, words)


CHECKS: Final[Mapping[str, Callable[[Knowledge, Statement], Computed]]] = {
    "tier_members": tier_members,
    "tiers_follow_depth": tiers_follow_depth,
    "tiers_follow_strength": tiers_follow_strength,
    "tiers_use_co_production": tiers_use_co_production,
    "tier_windows_disjoint": tier_windows_disjoint,
    "feeds_list": feeds_list,
}
