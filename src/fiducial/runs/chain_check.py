"""The consistency check of the chain, ready to print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.chain.check_results import Finding, Verdict
from fiducial.chain.checks import run_checks
from fiducial.runs.chain_knowledge import load_knowledge

_STRICT: Final = frozenset({Verdict.CONTRADICTS, Verdict.CANNOT_HOLD})


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Findings of the consistency check.

    Attributes
    ----------
    version : str
        Version of the catalogue checked.
    """

    version: str
    findings: tuple[Finding, ...]

    @property
    def contradicted(self) -> bool:
        """Whether a statement is contradicted or cannot hold."""
        return any(finding.verdict in _STRICT for finding in self.findings)

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each verdict."""
        found = Counter(finding.verdict for finding in self.findings)
        return {str(verdict): found[verdict] for verdict in Verdict}

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Return a row for each finding: verdict, statement, stated, computed, why, source."""
        return [
            (
                str(one.verdict),
                one.statement.text,
                one.statement.value or "",
                one.computed,
                one.explanation,
                ", ".join(one.statement.source),
            )
            for one in self.findings
        ]

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        counts = ", ".join(f"{verdict} {count}" for verdict, count in self.counts().items() if count)
        return f"{len(self.findings)} statements held against the model of {self.version}: {counts}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        findings = [
            {
                "id": one.statement.id,
                "statement": one.statement.text,
                "source": list(one.statement.source),
                "check": one.statement.check,
                "stated": one.statement.value,
                "computed": one.computed,
                "verdict": str(one.verdict),
                "explanation": one.explanation,
            }
            for one in self.findings
        ]
        return {"version": self.version, "counts": self.counts(), "findings": findings}


def check_chain(overlays: Sequence[Path] = (), version: str | None = None) -> CheckReport:
    """Hold the statements of the sources against the packaged knowledge with a user's files over it.

    Raises
    ------
    InputError
        FID-1416 for a statement that no check can read.
    FormatError
        As :func:`~fiducial.runs.chain_knowledge.load_knowledge`.
    """
    knowledge = load_knowledge(overlays, version)
    return CheckReport(knowledge.catalogue.version, run_checks(knowledge))
