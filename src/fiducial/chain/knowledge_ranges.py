"""Bounds on the numbers of the chain's knowledge."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from fiducial.chain.dependencies import Range
from fiducial.chain.egv import Place
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import FormatError

BOUNDS: Final = "FID-2607"

Curve = tuple[tuple[float, float], ...]


def range_faults(knowledge: Knowledge) -> Iterator[FormatError]:
    """Yield FID-2607 for ranges out of order, shares beyond 0 to 1, negative times, and loss curves that fall."""
    for name, one, place, share in _ranges(knowledge):
        problem = _problem(one, 1.0 if share else math.inf)
        if problem:
            text = f"{name} is {one.value:g} ({one.low:g} to {one.high:g}): {problem}"
            yield _fault(text, place)
    dependencies = knowledge.dependencies
    for held in dependencies.held:
        yield from _curve(f"loss_curve of {held.node}", held.loss_curve, held.place)
    for link in dependencies.links:
        yield from _curve(f"loss_curve of {link.supplier} -> {link.consumer}", link.loss_curve, link.place)
    for node in knowledge.workflow.nodes:
        if node.hold_days is not None and not node.hold_days >= 0:
            yield _fault(f"hold_days of {node.id} is {node.hold_days:g}: it must not be negative", node.place)
    for event in knowledge.workflow.events:
        if not event.duration_days >= 0:
            yield _fault(
                f"duration_days of {event.id} is {event.duration_days:g}: it must not be negative", event.place
            )


def _ranges(knowledge: Knowledge) -> Iterator[tuple[str, Range, Place, bool]]:
    dependencies = knowledge.dependencies
    for law in dependencies.strength_laws:
        yield f"alpha of {law.strength}", law.alpha, law.place, True
        yield f"beta of {law.strength}", law.beta, law.place, True
    for schedule in dependencies.schedules:
        name = f"{schedule.product}:{schedule.stream}"
        yield f"cadence_days of {name}", schedule.cadence_days, schedule.place, False
        yield f"latency_days of {name}", schedule.latency_days, schedule.place, False
        yield f"averaging_window_days of {name}", schedule.window_days, schedule.place, False
    for held in dependencies.held:
        yield f"reach_days of {held.node}", held.reach_days, held.place, False
        yield f"decay_days of {held.node}", held.decay_days, held.place, False
    for link in dependencies.links:
        name = f"{link.supplier} -> {link.consumer}"
        yield f"substitution of {name}", link.substitution, link.place, True
        if link.hold_days is not None:
            yield f"hold_days of {name}", link.hold_days, link.place, False
    for substitute in dependencies.substitutes:
        yield f"substitution by {substitute.alternative}", substitute.substitution, substitute.place, True
    for recovery in dependencies.recoveries:
        yield f"degradation_days of {recovery.node}", recovery.degradation_days, recovery.place, False
        yield f"recovery_days of {recovery.node}", recovery.recovery_days, recovery.place, False


def _problem(one: Range, most: float) -> str | None:
    if not one.low <= one.value <= one.high:
        return "low, value and high must stand in this order"
    if not one.low >= 0:
        return "it must not be negative"
    if one.high > most:
        return "it must not be more than 1"
    return None


def _curve(name: str, points: Curve, place: Place) -> Iterator[FormatError]:
    for (age, loss), (next_age, next_loss) in pairwise(points):
        if next_age <= age or next_loss < loss:
            yield _fault(f"{name}: ages must grow and losses must not fall, and {next_age:g} follows {age:g}", place)
    for age, loss in points:
        if not (age >= 0 and 0 <= loss <= 1):
            yield _fault(f"{name}: [{age:g}, {loss:g}] must have an age from 0 and a loss from 0 to 1", place)


def _fault(problem: str, place: Place) -> FormatError:
    return FormatError(BOUNDS, problem, where=str(place), fix="correct the number")
