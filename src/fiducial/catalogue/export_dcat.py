"""DCAT 3 as Turtle: products as datasets, files as distributions with SPDX checksums, PROV between them.

Turtle is written here and not by rdflib: the export needs no extra, and half a million statements take seconds.
"""

from __future__ import annotations

import re
from typing import Final

from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_graph import SOFTWARE_KIND, ExportGraph, ExportOptions, bounds_of, build, sources
from fiducial.catalogue.product_places import Place
from fiducial.catalogue.records import AgentRecord, FileRecord, ProductRecord, Relation, RunRecord, Snapshot

_PREFIXES: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL: Final = re.compile('[\x00-\x1f\x7f"\\\\]')
_HEX: Final = re.compile("[0-9a-f]{64}")
_CATALOGUE: Final = "cat:export"
_SCHEME: Final = "egv:scheme"


def dcat_turtle(snapshot: Snapshot, options: ExportOptions | None = None) -> bytes:
    """Return a snapshot as a ``dcat:Catalog``.

    Parameters
    ----------
    snapshot : Snapshot
    options : ExportOptions, optional
        Title, description, publisher, licence, address of the files, names of the variables of the chain.

    Returns
    -------
    bytes
        Turtle in UTF-8, the same for the same snapshot: no blank nodes, everything in order. A file of no product is a
        dataset of its own distribution. Variables and products of the chain are the concepts of its SKOS export.

    Raises
    ------
    CatalogueError
        FID-4040, FID-4041 as :func:`~fiducial.catalogue.export_graph.build`.
    """
    builder = _Builder(build(snapshot), options or ExportOptions())
    builder.catalogue()
    builder.products()
    builder.loose_files()
    builder.others()
    builder.runs()
    builder.agents()
    return builder.turtle.encode()


class _Turtle:
    """Statements by subject; a name is a qualified one of ours or of the prefixes above."""

    def __init__(self) -> None:
        self._subjects: dict[str, dict[str, set[str]]] = {}

    def add(self, subject: str, predicate: str, value: str) -> None:
        self._subjects.setdefault(subject, {}).setdefault(predicate, set()).add(value)

    def encode(self) -> bytes:
        namespaces = {**_PREFIXES, **names.PREFIXES}
        lines = [f"@prefix {one}: <{namespaces[one]}> ." for one in sorted(namespaces)]
        for subject in sorted(self._subjects):
            found = self._subjects[subject]
            parts = [
                f"{key} {', '.join(sorted(found[key]))}" for key in sorted(found, key=lambda key: (key != "a", key))
            ]
            lines.append(f"\n{subject} " + " ;\n    ".join(parts) + " .")
        return ("\n".join(lines) + "\n").encode()


def _iri(name: str) -> str:
    return f"<{names.uri(name)}>"


def _thing(identity: str) -> str:
    return f"<{names.record_uri(identity)}>"


def _part(identity: str, part: str) -> str:
    """Return the name of a thing that belongs to a record; two slashes, so that no record has it."""
    return f"<{names.uri('cat:' + part)}//{names.local(identity)}>"


def _text(value: str) -> str:
    return '"' + _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04X}"), names.text(value)) + '"'


def _typed(value: object, kind: str) -> str:
    return f'"{value}"^^{kind}'


class _Builder:
    def __init__(self, graph: ExportGraph, options: ExportOptions) -> None:
        self._graph = graph
        self._options = options
        self._runs_of = graph.runs_of()
        self.turtle = _Turtle()

    def _add(self, subject: str, predicate: str, *values: str) -> None:
        for value in values:
            self.turtle.add(subject, predicate, value)

    def _known(self, subject: str, predicate: str, value: str | None) -> None:
        if value:
            self.turtle.add(subject, predicate, _text(value))

    def catalogue(self) -> None:
        """Add the catalogue itself."""
        key = _iri(_CATALOGUE)
        self._add(key, "a", "dcat:Catalog")
        self._known(key, "dct:title", self._options.title or "Fiducial catalogue")
        self._known(key, "dct:description", self._options.description or "Products and files, with their provenance.")
        self._publisher(key)
        self._licence(key)

    def _publisher(self, subject: str) -> None:
        if self._options.publisher:
            key = _part(self._options.publisher, "publisher")
            self._add(subject, "dct:publisher", key)
            self._add(key, "a", "foaf:Agent")
            self._known(key, "foaf:name", self._options.publisher)

    def _licence(self, subject: str) -> None:
        licence = self._options.licence
        if not licence:
            return
        if re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~]+", licence):
            key = f"<{licence}>"
        else:
            key = _part(licence, "licence")
            self._known(key, "rdfs:label", licence)
        self._add(subject, "dct:license", key)
        self._add(key, "a", "dct:LicenseDocument")

    def products(self) -> None:
        """Add the products as datasets."""
        above, all_places = sources(self._graph), self._graph.places()
        for one, product in self._graph.products.items():
            key = _thing(one)
            self._dataset(key, product.name or product.id, product.id)
            self._product(key, product)
            self._provenance(key, product)
            self._made(one)
            self._add(key, "prov:wasDerivedFrom", *(_thing(source) for source in above[one]))
            self._add(key, "dct:source", *(_thing(source) for source in above[one]))
            places = all_places[one]
            for member in self._graph.members[one]:
                file = self._graph.files.get(member)
                if file is None:
                    self._add(key, "dct:hasPart", _thing(member))
                else:
                    self._distribution(key, file, places.of.get(member, () if places.of else None))

    def _dataset(self, key: str, title: str, identity: str) -> None:
        self._add(_iri(_CATALOGUE), "dcat:dataset", key)
        self._add(key, "a", "dcat:Dataset", "prov:Entity")
        self._known(key, "dct:title", title)
        self._known(key, "dct:identifier", identity)
        self._publisher(key)

    def _product(self, key: str, product: ProductRecord) -> None:
        if product.issued is not None:
            self._add(key, "dct:issued", _typed(names.utc(product.issued), "xsd:dateTime"))
        if product.start is not None or product.end is not None:
            period = _part(product.id, "period")
            self._add(key, "dct:temporal", period)
            self._add(period, "a", "dct:PeriodOfTime")
            for predicate, moment in (("dcat:startDate", product.start), ("dcat:endDate", product.end)):
                if moment is not None:
                    self._add(period, predicate, _typed(names.utc(moment), "xsd:dateTime"))
        if product.egv_product:
            self._concept(key, product.egv_product)
        for name in ("level", "tier", "frame"):
            self._known(key, f"fid:{name}", getattr(product, name))
        area = bounds_of(product)
        if area is not None and area.west <= area.east:
            place = _part(product.id, "place")
            west, south, east, north = area
            ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
            self._add(key, "dct:spatial", place)
            self._add(place, "a", "dct:Location")
            self._add(place, "dcat:bbox", _typed(f"POLYGON(({ring}))", "geo:wktLiteral"))

    def _concept(self, key: str, egv: str) -> None:
        name = _iri(names.concept(egv))
        self._add(key, "dcat:theme", name)
        self._add(name, "a", "skos:Concept")
        self._add(name, "skos:inScheme", _iri(_SCHEME))
        self._known(name, "skos:notation", egv)
        label = self._options.concepts.get(egv)
        if label:
            self._add(name, "skos:prefLabel", f"{_text(label)}@en")
        self._add(_iri(_CATALOGUE), "dcat:themeTaxonomy", _iri(_SCHEME))
        self._add(_iri(_SCHEME), "a", "skos:ConceptScheme")

    def _provenance(self, key: str, product: ProductRecord) -> None:
        lines = [
            f"{run.recipe} {run.step}, step version {run.step_version}, with {run.software or 'software not recorded'}"
            for one in self._runs_of[product.id]
            if (run := self._graph.runs[one]) is not None
        ]
        if lines:
            statement = _part(product.id, "provenance")
            self._add(key, "dct:provenance", statement)
            self._add(statement, "a", "dct:ProvenanceStatement")
            self._known(statement, "rdfs:label", "; ".join(sorted(set(lines))))
        self._add(key, "prov:wasGeneratedBy", *(_thing(one) for one in self._runs_of[product.id]))

    def _made(self, identity: str) -> None:
        for agent in self._graph.makers.get(identity, ()):
            self._add(_thing(identity), "prov:wasAttributedTo", _thing(agent))
            self._add(_thing(identity), "dct:creator", _thing(agent))

    def _distribution(self, dataset: str, file: FileRecord, places: tuple[Place, ...] | None = None) -> None:
        key = _thing(file.id)
        self._add(dataset, "dcat:distribution", key)
        self._add(key, "a", "dcat:Distribution", "prov:Entity")
        for title in [place.inside for place in places or ()] or [file.name]:
            self._known(key, "dct:title", title)
        self._known(key, "dct:identifier", file.id)
        self._add(key, "dcat:byteSize", _typed(file.size, "xsd:nonNegativeInteger"))
        self._licence(key)
        self._made(file.id)
        if _HEX.fullmatch(file.sha256):
            checksum = _part(file.sha256, "checksum")
            self._add(key, "spdx:checksum", checksum)
            self._add(checksum, "a", "spdx:Checksum")
            self._add(checksum, "spdx:algorithm", "spdx:checksumAlgorithm_sha256")
            self._add(checksum, "spdx:checksumValue", _typed(file.sha256, "xsd:hexBinary"))
        media = names.media_type(file.name, file.format)
        if media is not None:
            kind = f"<https://www.iana.org/assignments/media-types/{media}>"
            self._add(key, "dcat:mediaType", kind)
            self._add(kind, "a", "dct:MediaType")
        if file.format and file.format != "unknown":
            form = _part(file.format, "format")
            self._add(key, "dct:format", form)
            self._add(form, "a", "dct:MediaTypeOrExtent")
            self._known(form, "rdfs:label", file.format)
        line = names.igs_product(file.name)
        if line is not None:
            self._add(key, "fid:igsProduct", _iri(line))
        base = self._options.base_url
        for name in [file.name] if places is None else [place.address for place in places]:
            if base is not None and name:
                address = f"<{base.rstrip('/')}/{names.path_reference(name)}>"
                self._add(key, "dcat:downloadURL", address)
                self._add(key, "dcat:accessURL", address)

    def loose_files(self) -> None:
        """Add the files of no product, each as the distribution of a dataset of its own."""
        inside = {one for product in self._graph.products for one in self._graph.members[product]}
        for one, file in self._graph.files.items():
            if one not in inside:
                key = _part(one, "dataset")
                self._dataset(key, file.name or file.id, file.id)
                self._distribution(key, file)

    def others(self) -> None:
        """Add scenes, models and the like, and what only an edge names."""
        for one, other in self._graph.others.items():
            key = _thing(one)
            self._add(key, "a", "prov:Entity")
            self._known(key, "dct:identifier", one)
            if other is not None:
                self._known(key, "dct:title", other.name)
                self._known(key, "dct:type", other.kind.value)
            self._add(key, "dct:hasPart", *(_thing(member) for member in self._graph.members.get(one, ())))
            self._made(one)

    def runs(self) -> None:
        """Add the runs as activities, and the edges."""
        for one, run in self._graph.runs.items():
            key = _thing(one)
            self._add(key, "a", "prov:Activity")
            if run is not None:
                self._run(key, run)
            self._add(key, "prov:wasAssociatedWith", *(_thing(agent) for agent in self._graph.operators.get(one, ())))
        predicates = (
            (Relation.USED, "prov:used"),
            (Relation.GENERATED, "prov:wasGeneratedBy"),
            (Relation.DERIVED, "prov:wasDerivedFrom"),
        )
        for relation, predicate in predicates:
            for edge in self._graph.edges[relation]:
                self._add(_thing(edge.source), predicate, _thing(edge.target))

    def _run(self, key: str, run: RunRecord) -> None:
        self._known(key, "rdfs:label", f"{run.recipe} {run.step}".strip())
        self._known(key, "dct:identifier", run.id)
        self._known(key, "fid:state", run.state.value)
        self._known(key, "fid:parameters", names.compact_json(run.parameters) if run.parameters else None)
        self._add(key, "fid:stepVersion", _typed(run.step_version, "xsd:integer"))
        self._add(key, "prov:startedAtTime", _typed(names.utc(run.started), "xsd:dateTime"))
        if run.ended is not None:
            self._add(key, "prov:endedAtTime", _typed(names.utc(run.ended), "xsd:dateTime"))
        for shortcoming in run.shortcomings:
            self._known(key, "fid:shortcoming", shortcoming)
        for result in run.requirements:
            name = names.requirement(result.requirement)
            if name is not None:
                self._add(key, "fid:requirement", _iri(name))
            self._known(key, "fid:requirementResult", f"{result.requirement}: {result.criticality}, {result.state}")
        if run.software:
            software = _iri(names.software(run.software))
            self._add(key, "prov:wasAssociatedWith", software)
            self._add(software, "a", "prov:SoftwareAgent")
            self._known(software, "foaf:name", run.software)

    def agents(self) -> None:
        """Add centres, organisations and software."""
        for one, agent in self._graph.agents.items():
            self._agent(_thing(one), agent)

    def _agent(self, key: str, agent: AgentRecord | None) -> None:
        self._add(key, "a", "prov:Agent", "foaf:Agent")
        if agent is None:
            return
        kinds = {"person": "prov:Person", SOFTWARE_KIND: "prov:SoftwareAgent"}
        self._add(key, "a", kinds.get(agent.kind, "prov:Organization"))
        self._known(key, "foaf:name", agent.name)
        self._known(key, "fid:version", agent.version)
