"""RO-Crate 1.1 with the profile Process Run Crate 0.5: what was made, from what, by which run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_graph import SOFTWARE_KIND, ExportGraph, ExportOptions, build
from fiducial.catalogue.records import (
    AgentRecord,
    Entity,
    FileRecord,
    ProductRecord,
    RunRecord,
    RunState,
    Snapshot,
)
from fiducial.errors import CatalogueError

METADATA_FILE: Final = "ro-crate-metadata.json"
CRATE: Final = "https://w3id.org/ro/crate/1.1"
PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
UNDATED: Final = "FID-4045"
NO_LICENCE: Final = "The catalogue records no licence; the licences of the inputs apply."
_CONTEXT: Final = [f"{CRATE}/context", {"sha256": "http://schema.org/sha256"}]
_STATUS: Final = {
    RunState.RUNNING: "ActiveActionStatus",
    RunState.DONE: "CompletedActionStatus",
    RunState.FAILED: "FailedActionStatus",
    RunState.LOST: "FailedActionStatus",
}
_AGENT_TYPES: Final = {"person": "Person", SOFTWARE_KIND: "SoftwareApplication"}

Node = dict[str, Any]
Packed = Mapping[str, tuple[str, ...]]
"""Paths inside a crate of the copies of a file, by id of their product."""


def crate(
    snapshot: Snapshot, options: ExportOptions | None = None, places: Mapping[str, Packed] | None = None
) -> dict[str, Any]:
    """Return the metadata of a crate.

    Parameters
    ----------
    snapshot : Snapshot
    options : ExportOptions, optional
        Title, description, licence and date of the crate.
    places : mapping, optional
        Paths inside the crate of the files that are packed, by id of the file and of the product to which the copy
        belongs, "" for none; others are named by a URN of their hash.

    Returns
    -------
    dict
        JSON-LD. Runs of which only the id is known are left out: the profile wants the tool of every run.

    Raises
    ------
    CatalogueError
        FID-4040, FID-4041 as :func:`~fiducial.catalogue.export_graph.build`; FID-4045 when no date is known.
    """
    options = options or ExportOptions()
    graph = build(snapshot)
    builder = _Builder(graph, places or {})
    builder.things()
    builder.actions()
    nodes = builder.nodes
    root = _root(graph, options, builder)
    head: list[Node] = [
        {"@id": METADATA_FILE, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": CRATE}},
        root,
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
    ]
    if options.licence and _is_address(options.licence):
        head.append({"@id": options.licence, "@type": "CreativeWork", "name": options.licence})
    return {"@context": _CONTEXT, "@graph": [*head, *(nodes[key] for key in sorted(nodes))]}


def newest(graph: ExportGraph) -> datetime | None:
    """Return the newest time of issue, else the newest end of a run; None where neither is recorded."""
    issued = [one.issued for one in graph.products.values() if one.issued is not None]
    ended = [one.ended for one in graph.runs.values() if one is not None and one.ended is not None]
    return max(issued or ended, key=names.instant, default=None)


def _root(graph: ExportGraph, options: ExportOptions, builder: _Builder) -> Node:
    published = options.published or newest(graph)
    if published is None:
        raise CatalogueError(
            UNDATED, "a crate needs its date of publication, and no issue time or end of a run is recorded",
            where="datePublished", fix="give --date",
        )  # fmt: skip
    licence = options.licence or NO_LICENCE
    counts = f"{len(graph.products)} products, {len(graph.files)} files, {len(builder.actions_known)} runs"
    root: Node = {
        "@id": "./", "@type": "Dataset", "conformsTo": {"@id": PROFILE},
        "name": names.text(options.title or "Export of a Fiducial catalogue"),
        "description": names.text(options.description or f"Provenance from a Fiducial catalogue: {counts}."),
        "datePublished": names.utc(published),
        "license": {"@id": licence} if _is_address(licence) else names.text(licence),
        "hasPart": _refs(builder.parts),
        "mentions": _refs(builder.actions_known),
    }  # fmt: skip
    if options.publisher:
        root["publisher"] = names.text(options.publisher)
    return root


def _is_address(licence: str) -> bool:
    return licence.startswith(("http://", "https://"))


def _refs(ids: list[str]) -> list[Node]:
    return [{"@id": one} for one in ids]


class _Builder:
    def __init__(self, graph: ExportGraph, places: Mapping[str, Packed]) -> None:
        self._graph = graph
        self._inside = {one: name for of in graph.places().values() for one, name in of.names.items()}
        self._places = places
        self._stated = graph.sources_stated()
        self.nodes: dict[str, Node] = {}
        self.parts: list[str] = []
        self.actions_known = [names.record_uri(one) for one, run in graph.runs.items() if run is not None]

    def _names(self, identity: str, owner: str | None = None) -> list[str]:
        """Return the copies of a file that belong to a product, or all of them; the URN of what is not packed."""
        packed = self._places.get(identity, {})
        chosen = packed.get(owner) if owner is not None else None
        copies = chosen or [copy for one in sorted(packed) for copy in packed[one]]
        return [names.path_reference(one) for one in copies] or [names.record_uri(identity)]

    def _all_names(self, identities: Iterable[str], owner: str | None = None) -> list[str]:
        return [name for one in identities for name in self._names(one, owner)]

    def _put(self, node: Node) -> str:
        kept = {key: value for key, value in node.items() if value is not None and value not in ("", [])}
        self.nodes[node["@id"]] = {key: names.text(one) if isinstance(one, str) else one for key, one in kept.items()}
        return str(node["@id"])

    def things(self) -> None:
        """Add files, products, other things and agents."""
        inside = {one for product in self._graph.products for one in self._graph.members[product]}
        for one, file in self._graph.files.items():
            for key in self._names(one):
                self._put({**self._file(key, file), **self._made(one)})
                if one not in inside:
                    self.parts.append(key)
        for one, product in self._graph.products.items():
            self.parts.append(self._put({**self._product(one, product), **self._made(one)}))
        for one, other in self._graph.others.items():
            self._put({**self._other(one, other), **self._made(one)})
        for one, agent in self._graph.agents.items():
            self._put(_agent(one, agent))

    def _made(self, identity: str) -> Node:
        return {
            "creator": _refs([names.record_uri(one) for one in self._graph.makers.get(identity, ())]),
            "isBasedOn": _refs(self._all_names(self._stated.get(identity, ()))),
        }

    def _file(self, key: str, file: FileRecord) -> Node:
        kind = None if file.format == "unknown" else file.format
        return {
            "@id": key, "@type": "File", "name": self._inside.get(file.id, file.name), "contentSize": str(file.size),
            "sha256": file.sha256, "encodingFormat": names.media_type(file.name, file.format) or kind,
            "description": f"Format {kind}" if kind else None, "identifier": file.id,
        }  # fmt: skip

    def _product(self, identity: str, product: ProductRecord) -> Node:
        key = names.record_uri(identity)
        span = [names.utc(one) if one is not None else ".." for one in (product.start, product.end)]
        subject = None
        if product.egv_product:
            subject = names.uri(names.concept(product.egv_product))
            self._put({"@id": subject, "@type": "DefinedTerm", "termCode": product.egv_product,
                       "inDefinedTermSet": {"@id": names.uri("egv:scheme")}})  # fmt: skip
        details = {"level": product.level, "tier": product.tier, "frame": product.frame}
        return {
            "@id": key, "@type": "Dataset", "name": product.name, "identifier": product.id,
            "datePublished": names.utc(product.issued) if product.issued is not None else None,
            "temporalCoverage": "/".join(span) if span != ["..", ".."] else None,
            "about": {"@id": subject} if subject else None,
            "additionalProperty": _refs([self._property(key, name, one) for name, one in details.items() if one]),
            "hasPart": _refs(self._all_names(self._graph.members[identity], identity)),
        }  # fmt: skip

    def _property(self, owner: str, name: str, value: Any) -> str:
        shown = names.plain(value)
        shown = names.compact_json(value) if isinstance(shown, dict | list) else shown
        key = f"#property/{owner.removeprefix(names.NAMESPACE)}/{names.local(name)}"
        self.nodes[key] = {"@id": key, "@type": "PropertyValue", "name": names.text(name), "value": shown}
        return key

    def _other(self, identity: str, other: Entity | None) -> Node:
        key = names.record_uri(identity)
        node: Node = {"@id": key, "@type": "CreativeWork", "identifier": identity}
        members = self._graph.members.get(identity, ())
        if members:
            node |= {"@type": "Collection", "hasPart": _refs(self._all_names(members, identity))}
        return node if other is None else {**node, "name": other.name, "additionalType": other.kind.value}

    def actions(self) -> None:
        """Add the runs, with their software and parameters."""
        used, made = self._graph.used_by(), self._graph.made_by()
        for one, run in self._graph.runs.items():
            if run is not None:
                self._action(
                    run, [edge.target for edge in used.get(one, [])], [edge.source for edge in made.get(one, [])]
                )

    def _action(self, run: RunRecord, inputs: list[str], results: list[str]) -> None:
        key = names.record_uri(run.id)
        parameters = [self._property(key, str(name), one) for name, one in run.parameters.items() if one is not None]
        people = [one for one in self._graph.operators.get(run.id, ()) if not self._is_software(one)]
        step = f"{run.recipe} {run.step}".strip()
        lines = [f"Step version {run.step_version}, state {run.state.value}."]
        lines += [f"Shortcoming: {one}" for one in run.shortcomings]
        lines += [
            f"{one.requirement} ({one.criticality}): {one.state} {one.detail}".rstrip() for one in run.requirements
        ]
        self._put({
            "@id": key, "@type": "CreateAction", "name": step or run.id, "description": "\n".join(lines),
            "startTime": names.utc(run.started), "endTime": names.utc(run.ended) if run.ended is not None else None,
            "instrument": {"@id": self._tool(run, step)},
            "agent": _refs([names.record_uri(one) for one in people]),
            "object": _refs(self._all_names(dict.fromkeys(inputs)) + sorted(parameters)),
            "result": _refs(self._all_names(dict.fromkeys(results))),
            "actionStatus": {"@id": f"http://schema.org/{_STATUS[run.state]}"}, "identifier": run.id,
        })  # fmt: skip

    def _is_software(self, agent: str) -> bool:
        found = self._graph.agents[agent]
        return found is not None and found.kind == SOFTWARE_KIND

    def _tool(self, run: RunRecord, step: str) -> str:
        """Return the id of the software; where none is recorded, that of the step itself."""
        if run.software:
            name, version = names.name_and_version(run.software)
            key = names.uri(names.software(run.software))
        else:
            name, version = step or run.id, str(run.step_version)
            key = f"#step/{names.local(run.recipe)}/{names.local(run.step)}/{run.step_version}"
        return self._put({"@id": key, "@type": "SoftwareApplication", "name": name, "softwareVersion": version})


def _agent(identity: str, agent: AgentRecord | None) -> Node:
    key = names.record_uri(identity)
    if agent is None:
        return {"@id": key, "@type": "Organization", "identifier": identity}
    kind = _AGENT_TYPES.get(agent.kind, "Organization")
    version = {"softwareVersion": agent.version} if agent.kind == SOFTWARE_KIND else {}
    return {"@id": key, "@type": kind, "name": agent.name, "identifier": identity, **version}
