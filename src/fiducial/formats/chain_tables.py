"""The knowledge of the chain as tables of text; every table of the sources, and those of the project's own records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fiducial.chain.egv import EssentialVariable, Latency, Level
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import EMPTY, Counts, colour, counts, entries, matrix
from fiducial.chain.register import MetricLevel, RegisterProduct

PRODUCTS: Final = "Contributing Geodetic Products"
_MONTHS: Final = ("Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: title, names of columns, rows of texts, and the colours of cells by their text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    colours: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def basis(knowledge: Knowledge) -> Table:
    """Return the variables of Basis with their descriptions."""
    name = knowledge.catalogue.level_name(Level.BASIS)
    rows = tuple(
        (one.name, one.domain, one.subdomain, one.description or "")
        for one in knowledge.catalogue.of_level(Level.BASIS)
    )
    return Table(f"{name} EGVs", (f"{name} EGV", "Domain", "Subdomain", "Description"), rows)


def level(knowledge: Knowledge, which: Level) -> Table:
    """Return the variables of a level with their products as printed."""
    if which is Level.BASIS:
        return basis(knowledge)
    rows = tuple(_egv_row(one) for one in knowledge.catalogue.of_level(which))
    name = knowledge.catalogue.level_name(which)
    return Table(f"{name} EGVs", (f"{name} EGV", "Domain", "Subdomain", PRODUCTS), rows)


def _egv_row(egv: EssentialVariable) -> tuple[str, ...]:
    return egv.name, egv.domain, egv.subdomain, ", ".join(entries(egv))


def levels(knowledge: Knowledge) -> tuple[Table, ...]:
    """Return a table for each level that has variables, in the order of the levels."""
    return tuple(level(knowledge, one) for one in Level if knowledge.catalogue.of_level(one))


def dependency_matrix(knowledge: Knowledge) -> Table:
    """Return the matrix as printed, with the sign of the circular dependency."""
    catalogue = knowledge.catalogue
    rows = tuple(
        (entry.row.label, *(EMPTY if cell is None else cell.raw for cell in entry.cells)) for entry in matrix(catalogue)
    )
    name = catalogue.level_name(Level.LEVEL_3)
    columns = (f"{name} EGV", *(one.label for one in catalogue.columns))
    return Table(
        f"{catalogue.level_name(Level.LEVEL_2)} → {name} dependency matrix",
        columns,
        rows,
        {cell.raw: colour(catalogue, cell.strength) for cell in catalogue.cells},
    )


def strengths(knowledge: Knowledge) -> Table:
    """Return the classes of strength with meaning and colour."""
    classes = knowledge.catalogue.strengths
    return Table(
        "Strength classes",
        ("Strength", "Meaning", "Colour in the white paper"),
        tuple((str(one.strength), one.meaning, one.colour) for one in classes),
        {str(one.strength): colour(knowledge.catalogue, one.strength) for one in classes},
    )


def impact_tiers(knowledge: Knowledge) -> Table:
    """Return the published impact tiers of a failure of the satellite orbits."""
    rows = tuple((one.name, one.affected_text, one.mechanism) for one in knowledge.catalogue.impact_tiers)
    name = knowledge.catalogue.level_name(Level.LEVEL_3)
    return Table("Published impact tiers", ("Impact Tier", f"Affected {name} EGVs", "Mechanism"), rows)


def co_production(knowledge: Knowledge) -> Table:
    """Return what the same pipeline makes beside the orbits."""
    rows = tuple((one.text, one.level, one.mechanism, one.notes) for one in knowledge.catalogue.co_products)
    return Table("Co-produced EGVs", ("Co-produced EGV", "Level", "Mechanism", "Notes"), rows)


def data_levels(knowledge: Knowledge) -> Table:
    """Return the workflow tiers with data level and stated latency, as printed."""
    rows = tuple(
        (one.name, one.data_level, one.data_type, one.latency_stated) for one in knowledge.catalogue.data_levels
    )
    return Table(
        "Data levels along the workflow", ("Workflow Tier", "EGV Data Level", "Data Type", "Latency Class"), rows
    )


def latencies(knowledge: Knowledge) -> Table:
    """Return stated and sourced latencies side by side."""
    names = {one.id: one.name for one in knowledge.workflow.nodes}
    rows: list[tuple[str, ...]] = []
    for step in knowledge.catalogue.data_levels:
        found = step.latency_sourced
        if not found:
            rows.append((step.name, step.latency_stated, "", "unknown", "", ""))
        for one in found:
            what = names.get(one.product, one.product)
            rows.append((step.name, step.latency_stated, what, span(one), one.basis, ", ".join(one.source)))
    columns = ("Tier", "Stated", "Product", "Sourced", "Counted", "Sources")
    return Table("Latencies, stated and sourced", columns, tuple(rows))


def span(latency: Latency) -> str:
    """Return a latency in hours up to two days, in days beyond.

    Examples
    --------
    >>> span(Latency("x", 13.0, 20.0, "", ())), span(Latency("x", 0.125, 0.125, "", ()))
    ('13 to 20 days', '3 h')
    """
    return days(latency.low_days, latency.high_days)


def days(low: float, high: float) -> str:
    """Return a span of days in the unit that fits it."""
    factor, unit = (24.0, "h") if high <= 2 else (1.0, "days")
    ends = dict.fromkeys(f"{round(value * factor, 1):g}" for value in (low, high))
    return f"{' to '.join(ends)} {unit}"


def linkage(knowledge: Knowledge) -> Table:
    """Return the linkage annotations."""
    rows = tuple((one.point, one.label, one.links_to) for one in knowledge.catalogue.annotations)
    return Table("Workflow linkage annotations", ("Annotation Point", "Label", "Links To"), rows)


def level_counts(found: Counts) -> Table:
    """Return the numbers by level."""
    rows: list[tuple[str, ...]] = [
        (one.name, str(one.egvs), str(one.entries), str(one.products)) for one in found.levels
    ]
    total = [
        sum(values) for values in zip(*((one.egvs, one.entries, one.products) for one in found.levels), strict=True)
    ]
    rows.append(("all", *(str(value) for value in total)))
    return Table("Counts by level", ("Level", "EGVs", "Entries", "Products"), tuple(rows))


def column_counts(knowledge: Knowledge, found: Counts) -> Table:
    """Return the numbers of each column of the matrix."""
    rows = tuple(
        (one.label, str(one.primary), str(one.important), str(one.indirect), str(one.empty)) for one in found.columns
    )
    name = knowledge.catalogue.level_name(Level.LEVEL_2)
    columns = (f"{name} EGV", "Primary", "Important", "Indirect", "None")
    return Table("Counts of the matrix by column", columns, rows, strengths(knowledge).colours)


def products(wanted: tuple[EssentialVariable, ...]) -> Table:
    """Return the products of variables, one a row."""
    rows = tuple(
        (one.id, one.name, one.acronym or "", one.format or "", egv.id) for egv in wanted for one in egv.products
    )
    return Table("Products", ("Id", "Name", "Acronym", "Format", "EGV"), rows)


def variables(knowledge: Knowledge, wanted: tuple[EssentialVariable, ...]) -> Table:
    """Return variables with their ids, one a row."""
    rows = tuple(
        (one.id, knowledge.catalogue.level_name(one.level), one.name, one.domain, one.subdomain,
         ", ".join(product.id for product in one.products))
        for one in wanted
    )  # fmt: skip
    return Table("Essential Geodetic Variables", ("Id", "Level", "Name", "Domain", "Subdomain", "Products"), rows)


def versions(knowledge: Knowledge) -> Table:
    """Return the versions of the catalogue and what changed."""
    rows: list[tuple[str, ...]] = []
    for one in knowledge.catalogue.versions:
        source = ", ".join(one.source)
        if not one.changes:
            rows.append((one.id, one.previous or "", "", "", "", "", source))
        rows += [
            (one.id, one.previous or "", change.kind.replace("_", " "), change.before or "", change.after, change.note or "",
             source)
            for change in one.changes
        ]  # fmt: skip
    columns = ("Version", "Before it", "Change", "From", "To", "Note", "Sources")
    return Table("Versions of the catalogue", columns, tuple(rows))


def sources(knowledge: Knowledge) -> Table:
    """Return the sources."""
    rows = tuple((one.id, one.title, one.address or "", one.note or "") for one in knowledge.sources)
    return Table("Sources", ("Id", "Title", "Address", "Note"), rows)


def register_product(product: RegisterProduct) -> Table:
    """Return a product of the register as fields."""
    rows = (
        ("UID", str(product.uid)),
        ("Name", product.name),
        ("Description", product.description),
        ("Note", product.note or ""),
        ("Status", product.status),
        ("Group", product.group),
        ("Area", product.area),
        ("Component", product.component),
        ("Service", product.service),
        ("Entrusted Entities", ", ".join(product.entrusted_entities)),
        ("Created on", as_printed(product.created)),
        ("Last updated on", as_printed(product.updated)),
        ("EGV (ours)", product.egv or ""),
        ("EGV product (ours)", product.egv_product or ""),
    )
    return Table(f"Product {product.uid}", ("Field", "Value"), rows)


def product_requirements(knowledge: Knowledge, product: int) -> Table:
    """Return the requirements of a product of the register, in its order."""
    rows = tuple(
        (str(one.requirement), one.name, one.level_of_definition, one.relevance, one.criticality, ", ".join(one.barriers),
         one.note or "", as_printed(one.created), as_printed(one.updated), ", ".join(one.egv_products) or one.outside or "")
        for one in knowledge.register.product_requirements
        if one.product == product
    )  # fmt: skip
    columns = ("UID", "Requirement", "Level of definition", "Relevant for", "Criticality", "Barriers", "Note", "Created on",
               "Last updated on", "EGV products (ours)")  # fmt: skip
    return Table(f"Requirements of product {product}", columns, rows)


def metrics(knowledge: Knowledge) -> Table:
    """Return the metrics of the requirements that are known, as the register has them."""
    rows: list[tuple[str, ...]] = []
    for one in knowledge.register.requirements:
        for metric in one.metrics:
            texts = [value.text if (value := metric.value(at)) else "unknown" for at in MetricLevel]
            name = metric.name.replace("_", " ")
            if one.known:
                rows.append((str(one.uid), one.name, name, *texts, metric.suspect or ""))
    columns = ("UID", "Requirement", "Metric", *(str(at).capitalize() for at in MetricLevel), "Remark")
    return Table("Metrics of the requirements", columns, tuple(rows))


def as_printed(moment: str) -> str:
    """Return a date and time as the register prints it; other texts stay as they are.

    Examples
    --------
    >>> as_printed("2020-11-09T13:42"), as_printed("2024-04-08T12:00")
    ('Nov. 9, 2020, 1:42 p.m.', 'April 8, 2024, noon')
    """
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    day = f"{_MONTHS[when.month - 1]} {when.day}, {when.year}"
    if when.minute == 0 and when.hour in {0, 12}:
        return f"{day}, {'noon' if when.hour else 'midnight'}"
    minutes = f":{when.minute:02d}" if when.minute else ""
    return f"{day}, {when.hour % 12 or 12}{minutes} {'a.m.' if when.hour < 12 else 'p.m.'}"


def overview(knowledge: Knowledge) -> tuple[Table, ...]:
    """Return the tables of counts, with what they are of."""
    found = counts(knowledge.catalogue)
    return level_counts(found), column_counts(knowledge, found)
