"""Statements of the sources held against the model: each is computed, none is typed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fiducial.chain import checks_counts, checks_production, checks_structure, checks_tiers
from fiducial.chain.check_results import Computed, Finding, Verdict
from fiducial.chain.egv import Statement
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import InputError

Check = Callable[[Knowledge, Statement], Computed]

CHECKS: Final[Mapping[str, Check]] = {
    **checks_counts.CHECKS,
    **checks_tiers.CHECKS,
    **checks_structure.CHECKS,
    **checks_production.CHECKS,
}
"""Name of a check in the data → the computation."""


def run_checks(knowledge: Knowledge) -> tuple[Finding, ...]:
    """Hold every statement of the catalogue against the model.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.

    Returns
    -------
    tuple of Finding
        In the order of the data.

    Raises
    ------
    InputError
        FID-1416 when a statement names a check that does not exist, or its value has not the form that the check wants. In an
        earlier version of the catalogue such a value is undefined: what it names may have come later.
    """
    version = knowledge.catalogue.version
    earlier = any(one.previous == version for one in knowledge.catalogue.versions)
    found = []
    for statement in knowledge.catalogue.statements:
        check = CHECKS.get(statement.check)
        if check is None:
            raise _broken(statement, f"no check is called {statement.check!r}")
        try:
            computed = check(knowledge, statement)
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            if earlier:
                words = f"{version} lacks what the statement is about: {error}"
                found.append(Finding(statement, "none", Verdict.UNDEFINED, words))
                continue
            raise _broken(statement, f"the value {statement.value!r} does not fit: {error}") from error
        found.append(Finding(statement, computed.value, computed.verdict, computed.explanation))
    return tuple(found)


def contradictions(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings that do not agree with their statement."""
    return tuple(finding for finding in findings if finding.verdict is not Verdict.AGREES)


def _broken(statement: Statement, problem: str) -> InputError:
    return InputError(
        "FID-1416",
        f"statement {statement.id!r}: {problem}",
        where=str(statement.place),
        fix=f"take one of the checks {', '.join(sorted(CHECKS))}, and its form of value",
    )
