"""PROV-JSON: entities, activities and agents with what ties them (W3C PROV-DM 2013; PROV-JSON member submission 2013)."""

from __future__ import annotations

from typing import Any, Final

from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_graph import SOFTWARE_KIND, ExportGraph, build
from fiducial.catalogue.records import FileRecord, ProductRecord, Relation, RunRecord, Snapshot

_AGENT_TYPES: Final = {"person": "prov:Person", SOFTWARE_KIND: "prov:SoftwareAgent"}

Group = dict[str, dict[str, Any]]


def prov_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return the provenance of a snapshot as PROV-JSON.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    dict
        Files, products and other things are entities, products also collections; runs are activities; centres and
        software are agents. What only an edge names is declared without attributes. Attributes and parameters are one
        JSON text each; paths are left out, as they mean something on one machine only.

    Raises
    ------
    CatalogueError
        FID-4040, FID-4041 as :func:`~fiducial.catalogue.export_graph.build`.
    """
    graph = build(snapshot)
    software = _software(graph)
    content: dict[str, Group] = {
        "entity": _entities(graph),
        "activity": {names.record(one): _activity(run) for one, run in graph.runs.items()},
        "agent": _agents(graph, software),
        "used": _relation(graph, Relation.USED, "u", ("prov:activity", "prov:entity")),
        "wasGeneratedBy": _relation(graph, Relation.GENERATED, "g", ("prov:entity", "prov:activity")),
        "wasDerivedFrom": _relation(graph, Relation.DERIVED, "d", ("prov:generatedEntity", "prov:usedEntity")),
        "wasAttributedTo": {
            f"_:at{k}": {"prov:entity": names.record(one), "prov:agent": names.record(agent)}
            for k, (one, agent) in enumerate((one, agent) for one, all_ in graph.makers.items() for agent in all_)
        },
        "wasAssociatedWith": _associations(graph, software),
        "hadMember": {
            f"_:m{k}": {"prov:collection": names.record(one), "prov:entity": names.record(member)}
            for k, (one, member) in enumerate((one, member) for one, all_ in graph.members.items() for member in all_)
        },
    }
    return {"prefix": dict(names.PREFIXES), **{key: group for key, group in content.items() if group}}


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _known(**values: Any) -> dict[str, Any]:
    """Return attributes with the names of our own; those that are unknown or empty stay out."""
    kept = {key: value for key, value in values.items() if value is not None and value not in ("", [])}
    return {f"fid:{key}": names.text(value) if isinstance(value, str) else value for key, value in kept.items()}


def _labelled(kinds: list[str], label: str | None, values: dict[str, Any]) -> dict[str, Any]:
    types = [_qualified(kind) for kind in kinds]
    head: dict[str, Any] = {"prov:type": types[0] if len(types) == 1 else types}
    if label:
        head["prov:label"] = names.text(label)
    return {**head, **values}


def _entities(graph: ExportGraph) -> Group:
    found: Group = {}
    for one, file in graph.files.items():
        found[names.record(one)] = _file(file)
    for one, product in graph.products.items():
        found[names.record(one)] = _product(product)
    for one, other in graph.others.items():
        collection = ["prov:Collection"] if one in graph.members else []
        if other is not None:
            values = _known(id=other.id, attributes=_json(other.attributes))
            found[names.record(one)] = _labelled([f"fid:{other.kind.value}", *collection], other.name, values)
        else:
            found[names.record(one)] = _labelled(collection, None, {}) if collection else {}
    return {key: found[key] for key in sorted(found)}


def _file(file: FileRecord) -> dict[str, Any]:
    line = names.igs_product(file.name)
    known = _known(
        sha256=file.sha256, size=file.size, format=None if file.format == "unknown" else file.format,
        igsProduct=_qualified(line) if line else None, attributes=_json(file.attributes),
    )  # fmt: skip
    return _labelled(["fid:file"], file.name, known)


def _product(product: ProductRecord) -> dict[str, Any]:
    times = {
        key: names.utc(value) for key in ("start", "end", "issued") if (value := getattr(product, key)) is not None
    }
    known = _known(
        id=product.id, level=product.level, tier=product.tier, frame=product.frame,
        **{key: {"$": value, "type": "xsd:dateTime"} for key, value in times.items()},
        attributes=_json(product.attributes),
    )  # fmt: skip
    kinds = ["fid:product", "prov:Collection"]
    if product.egv_product:
        kinds.append(names.concept(product.egv_product))
    return _labelled(kinds, product.name, known)


def _json(values: Any) -> str | None:
    return names.compact_json(values) if values else None


def _activity(run: RunRecord | None) -> dict[str, Any]:
    if run is None:
        return {}
    times = {"prov:startTime": names.utc(run.started)}
    if run.ended is not None:
        times["prov:endTime"] = names.utc(run.ended)
    concepts = sorted({name for one in run.requirements if (name := names.requirement(one.requirement)) is not None})
    results = [
        names.compact_json({"requirement": one.requirement, "criticality": one.criticality, "state": one.state,
                            "detail": one.detail})
        for one in run.requirements
    ]  # fmt: skip
    known = _known(
        recipe=run.recipe, step=run.step, stepVersion=run.step_version, parameters=_json(run.parameters),
        cacheKey=run.key, machine=run.machine, state=run.state.value, timing=_json(run.timing),
        requirement=[_qualified(name) for name in concepts], requirementResult=sorted(set(results)),
        shortcoming=sorted({names.text(one) for one in run.shortcomings}),
    )  # fmt: skip
    return _labelled(["fid:run"], f"{run.recipe} {run.step}".strip(), {**times, **known})


def _software(graph: ExportGraph) -> dict[str, str]:
    """Return the qualified name of the agent for each software that a run names: the recorded one where there is one."""
    recorded = {
        spelled: names.record(one)
        for one, agent in graph.agents.items()
        if agent is not None and agent.kind == SOFTWARE_KIND
        for spelled in ((f"{agent.name} {agent.version}",) if agent.version else (agent.name,))
    }
    used = {run.software for run in graph.runs.values() if run is not None and run.software}
    return {one: recorded.get(one, names.software(one)) for one in sorted(used)}


def _agents(graph: ExportGraph, software: dict[str, str]) -> Group:
    found: Group = {}
    for spelled, key in software.items():
        name, version = names.name_and_version(spelled)
        found[key] = _labelled(["prov:SoftwareAgent"], name, _known(version=version))
    for one, agent in graph.agents.items():
        if agent is None:
            found[names.record(one)] = {}
            continue
        kind = _AGENT_TYPES.get(agent.kind, "prov:Organization")
        found[names.record(one)] = _labelled([kind], agent.name, _known(kind=agent.kind, version=agent.version))
    return {key: found[key] for key in sorted(found)}


def _associations(graph: ExportGraph, software: dict[str, str]) -> Group:
    pairs = {(names.record(run), names.record(agent)) for run, all_ in graph.operators.items() for agent in all_}
    pairs |= {
        (names.record(one), software[run.software])
        for one, run in graph.runs.items()
        if run is not None and run.software
    }
    return {f"_:as{k}": {"prov:activity": run, "prov:agent": agent} for k, (run, agent) in enumerate(sorted(pairs))}


def _relation(graph: ExportGraph, kind: Relation, letter: str, ends: tuple[str, str]) -> Group:
    # PROV-DM gives a role to usage and generation, not to derivation.
    role = "fid:role" if kind is Relation.DERIVED else "prov:role"
    pairs = dict.fromkeys((edge.source, edge.target, edge.role) for edge in graph.edges[kind])
    return {
        f"_:{letter}{k}": {
            ends[0]: names.record(source),
            ends[1]: names.record(target),
            **({role: names.text(part)} if part else {}),
        }
        for k, (source, target, part) in enumerate(pairs)
    }
