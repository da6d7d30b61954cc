"""SKOS of the chain as Turtle: variables and products as concepts, dependencies as properties (extra ``rdf``)."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from fiducial.chain.egv import EssentialVariable, Level, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import InputError
from fiducial.formats import chain_identity as ids

SCHEME: Final = "egv:scheme"
TERMS: Final = ids.NAMESPACE + "term:"
_PROPERTIES: Final = {
    "dependsOn": "depends on",
    "dependsPrimarilyOn": "cannot be produced without",
    "dependsImportantlyOn": "gets a significant contribution from",
    "dependsIndirectlyOn": "depends, through another variable, on",
    "input": "has as an input",
    "realises": "makes",
    "requires": "requires",
    "metBy": "is met by",
    "instanceOf": "is an instance of",
    "annotation": "carries the linkage annotation",
    "criticality": "criticality",
}
_STRENGTHS: Final = {
    Strength.PRIMARY: "dependsPrimarilyOn",
    Strength.IMPORTANT: "dependsImportantlyOn",
    Strength.INDIRECT: "dependsIndirectlyOn",
}


def write(knowledge: Knowledge) -> str:
    """Return the concept scheme.

    Parameters
    ----------
    knowledge : Knowledge

    Returns
    -------
    str
        Turtle.

    Raises
    ------
    InputError
        FID-1427 when rdflib is not installed.
    """
    builder = _Builder(knowledge, _rdflib())
    builder.scheme()
    builder.variables()
    builder.matrix()
    builder.workflow()
    builder.register()
    builder.sources()
    return str(builder.graph.serialize(format="turtle"))


def _rdflib() -> Any:
    try:
        return import_module("rdflib")
    except ImportError as error:
        raise InputError(
            "FID-1427", "SKOS is written with rdflib, which is not installed", where="--format skos",
            fix="pip install 'fiducial[rdf]'",
        ) from error  # fmt: skip


class _Builder:
    def __init__(self, knowledge: Knowledge, rdflib: Any) -> None:
        self._knowledge = knowledge
        self._rdf = rdflib
        self.graph = rdflib.Graph()
        self._skos, self._terms = rdflib.SKOS, rdflib.DCTERMS
        self._own = rdflib.Namespace(TERMS)
        self.graph.bind("fid", self._own)
        for prefix in ids.PREFIXES:
            self.graph.bind(prefix, rdflib.Namespace(ids.uri(f"{prefix}:")))
        catalogue = knowledge.catalogue
        self._source = next((one.source for one in catalogue.versions if one.id == catalogue.version), ())

    def _name(self, identifier: str) -> Any:
        return self._rdf.URIRef(ids.uri(identifier))

    def _add(self, subject: str, predicate: Any, value: Any) -> None:
        self.graph.add((self._name(subject), predicate, value))

    def _text(self, subject: str, predicate: Any, text: str | None) -> None:
        if text:
            self._add(subject, predicate, self._rdf.Literal(text, lang="en"))

    def _join(self, subject: str, predicate: Any, other: str) -> None:
        self._add(subject, predicate, self._name(other))

    def _cite(self, subject: str, sources: Iterable[str]) -> None:
        for source in sources:
            self._join(subject, self._terms.source, ids.source(source))

    def _concept(self, identifier: str, label: str, sources: Iterable[str], broader: str | None = None) -> None:
        self._add(identifier, self._rdf.RDF.type, self._skos.Concept)
        self._text(identifier, self._skos.prefLabel, label)
        self._join(identifier, self._skos.inScheme, SCHEME)
        if broader is not None:
            self._join(identifier, self._skos.broader, broader)
            self._join(broader, self._skos.narrower, identifier)
        self._cite(identifier, sources)

    def scheme(self) -> None:
        """Add the scheme, its levels as top concepts, and the properties of its own."""
        catalogue = self._knowledge.catalogue
        self._add(SCHEME, self._rdf.RDF.type, self._skos.ConceptScheme)
        self._text(SCHEME, self._skos.prefLabel, "Essential Geodetic Variables and their supply chain")
        self._add(SCHEME, self._rdf.OWL.versionInfo, self._rdf.Literal(catalogue.version))
        self._cite(SCHEME, self._source)
        for level in Level:
            if catalogue.of_level(level):
                self._concept(ids.level(level), catalogue.level_name(level), self._source)
                self._join(ids.level(level), self._skos.topConceptOf, SCHEME)
                self._join(SCHEME, self._skos.hasTopConcept, ids.level(level))
        meanings = {one.strength: one.meaning for one in catalogue.strengths}
        for name, label in _PROPERTIES.items():
            self.graph.add((self._own[name], self._rdf.RDF.type, self._rdf.RDF.Property))
            self.graph.add((self._own[name], self._rdf.RDFS.label, self._rdf.Literal(label, lang="en")))
        for strength, name in _STRENGTHS.items():
            self.graph.add((self._own[name], self._rdf.RDFS.subPropertyOf, self._own.dependsOn))
            meaning = self._rdf.Literal(meanings.get(strength, _PROPERTIES[name]), lang="en")
            self.graph.add((self._own[name], self._skos.definition, meaning))

    def variables(self) -> None:
        """Add the variables under their levels, the products under their variables."""
        for egv in self._knowledge.catalogue.egvs:
            self._variable(egv)

    def _variable(self, egv: EssentialVariable) -> None:
        key = ids.egv(egv.id)
        self._concept(key, egv.name, self._source, ids.level(egv.level))
        self._text(key, self._skos.definition, egv.description)
        self._add(key, self._skos.notation, self._rdf.Literal(egv.id))
        self._text(key, self._terms.subject, egv.domain)
        for product in egv.products:
            name = ids.egv(product.id)
            self._concept(name, product.name, self._source, key)
            self._add(name, self._skos.notation, self._rdf.Literal(product.id))
            self._text(name, self._skos.altLabel, product.acronym)
            self._text(name, self._skos.scopeNote, product.entry)
            self._text(name, self._terms["format"], product.format)

    def matrix(self) -> None:
        """Add the dependencies, from consumer to supplier; circular ones both ways."""
        for cell in self._knowledge.catalogue.cells:
            consumer, supplier = ids.egv(cell.consumer), ids.egv(cell.supplier)
            self._join(consumer, self._own[_STRENGTHS[cell.strength]], supplier)
            if cell.circular:
                self._join(supplier, self._own.dependsOn, consumer)

    def workflow(self) -> None:
        """Add the nodes of the workflow with inputs, products and linkage annotations."""
        flow = self._knowledge.workflow
        by_id = {node.id: ids.node(node) for node in flow.nodes}
        for node in flow.nodes:
            key = by_id[node.id]
            self._concept(key, node.name, node.source)
            self._add(key, self._skos.notation, self._rdf.Literal(node.id))
            self._text(key, self._skos.note, node.note)
            for supplier in node.inputs:
                self._join(key, self._own.input, by_id[supplier])
            for product in node.realises:
                self._join(key, self._own.realises, ids.egv(product))
        for annotation in self._knowledge.catalogue.annotations:
            for place in annotation.nodes:
                self._text(by_id.get(place, ids.tier(place)), self._own.annotation, annotation.label)

    def register(self) -> None:
        """Add products and requirements of the in-situ register."""
        register = self._knowledge.register
        for product in register.products:
            key = ids.register_product(product.uid)
            self._concept(key, product.name, product.source)
            self._text(key, self._skos.definition, product.description)
            if product.egv_product:
                self._join(key, self._own.instanceOf, ids.egv(product.egv_product))
        for requirement in register.requirements:
            self._concept(ids.requirement(requirement.uid), requirement.name, requirement.source)
        for need in register.product_requirements:
            key = ids.requirement(need.requirement)
            self._join(ids.register_product(need.product), self._own.requires, key)
            self._text(key, self._own.criticality, need.criticality)
            for one in need.egv_products:
                self._join(key, self._own.metBy, ids.egv(one))

    def sources(self) -> None:
        """Add the documents."""
        for source in self._knowledge.sources:
            key = ids.source(source.id)
            self._add(key, self._rdf.RDF.type, self._terms.BibliographicResource)
            self._add(key, self._terms.identifier, self._rdf.Literal(source.address or source.id))
            self._text(key, self._terms.title, source.title)
            self._text(key, self._terms.description, source.note)
