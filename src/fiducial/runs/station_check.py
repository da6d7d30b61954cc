"""Check of what a SINEX file says about its sites, against itself and against a table that is trusted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fiducial.errors import InputError
from fiducial.formats import sinex, site_table
from fiducial.formats.text_source import open_source
from fiducial.stations.metadata_checks import MetadataFinding, Severity, check_identity, check_metadata
from fiducial.stations.solution import StationSolution

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
_BLOCKS: Final = {
    "sites": "SITE/ID", "spans": "SOLUTION/EPOCHS", "receivers": "SITE/RECEIVER", "antennas": "SITE/ANTENNA",
    "eccentricities": "SITE/ECCENTRICITY",
}  # fmt: skip
_MATRICES: Final = ("SOLUTION/MATRIX_ESTIMATE", "SOLUTION/MATRIX_APRIORI", "SOLUTION/NORMAL_EQUATION_MATRIX")


@dataclass(frozen=True)
class StationCheck:
    """What was found.

    Attributes
    ----------
    file, sha256 : str
    site_table : str or None
    rows : dict of str to int
        Rows of every block that was checked, by its title; blocks that the file lacks are not named.
    findings : tuple of MetadataFinding
        Errors first, then warnings, then notes.
    reading : tuple of str
        Repairable faults of the file itself, which are not about a site.
    """

    file: str
    sha256: str
    site_table: str | None
    rows: dict[str, int]
    findings: tuple[MetadataFinding, ...]
    reading: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        found = Counter(one.severity for one in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "site_table": self.site_table,
            "rows": self.rows,
            "counts": self.counts,
            "findings": [{"severity": one.severity, "code": one.code or None, "point": one.point or None,
                          "subject": one.subject, "text": one.text} for one in self.findings],
            "reading": list(self.reading),
        }  # fmt: skip


def check_stations(path: Path, sites: Path | None = None) -> StationCheck:
    """Check the sites of a SINEX file.

    Parameters
    ----------
    path : Path
    sites : Path, optional
        Trusted table: SINEX with sites and equipment, or a table as `formats.site_table` reads.

    Raises
    ------
    InputError
        FID-1348 when the file, or the table, has no sites, equipment or data spans to check.
    FormatError
        As `sinex.read` and `site_table.read`.
    """
    # Matrices say nothing about sites, and are most of a file.
    file = sinex.read(path, blocks=[title for title in sinex.BLOCKS if title not in _MATRICES])
    solution = file.solution
    rows = {
        title: len(getattr(solution, name)) for name, title in _BLOCKS.items() if getattr(solution, name) is not None
    }
    if not any(rows.values()):
        raise InputError("FID-1348", "there are no sites, equipment or data spans to check", where=file.name,
                         fix="give a SINEX file with SITE blocks")  # fmt: skip
    table = None if sites is None else read_sites(sites)
    identity = check_identity(solution)
    texts = {one.text for one in identity}
    found = [*identity, *check_metadata(solution, table)]
    found.sort(key=lambda one: (SEVERITIES.index(one.severity), one.subject, one.code, one.point))
    # The reader tells what the check of names finds, too.
    reading = tuple(text for text in file.findings if text.removeprefix(f"{file.name}: ") not in texts)
    return StationCheck(file.name, file.sha256, None if sites is None else sites.name, rows, tuple(found), reading)


def read_sites(path: Path) -> StationSolution:
    """Read a trusted table of sites: SINEX or text.

    Raises
    ------
    InputError
        FID-1348 when it has no sites.
    FormatError
        As `sinex.read` and `site_table.read`.
    """
    content = open_source(path)
    if not content.data.startswith(b"%="):
        return site_table.read(content.data, name=content.name)
    solution = sinex.read(content.data, blocks=[title for title in sinex.BLOCKS if title.startswith("SITE/")],
                          name=content.name).solution  # fmt: skip
    if solution.sites is None or not len(solution.sites):
        raise InputError("FID-1348", "the site table has no sites", where=content.name,
                         fix="give SINEX with SITE/ID, or a table of sites")  # fmt: skip
    return solution


def finding_rows(found: StationCheck) -> tuple[list[str], list[list[object]]]:
    """Return columns and rows for people: findings of one site and subject in one row."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for one in found.findings:
        groups.setdefault((one.severity, one.code, one.point, one.subject), []).append(one.text)
    rows: list[list[object]] = []
    for (severity, code, point, subject), texts in groups.items():
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        rows.append([severity, f"{code} {point}".strip() or "several", subject, texts[0] + more])
    return ["severity", "site", "subject", "finding"], rows
