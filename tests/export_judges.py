"""Judges of exports: prov, rocrate, the schemas of pystac-core, rdflib and pyshacl, DataCite's rules."""

from __future__ import annotations

import io
import json
import re
import warnings
from functools import cache
from importlib.resources import files

CONTROLLED_RELATIONS = {"IsDerivedFrom"}
_IRI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")


def judge_prov(document) -> None:
    from prov.model import ProvDocument, ProvRelation

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ProvDocument.deserialize(content=json.dumps(document), format="json")
    kinds = {key: len(group) for key, group in document.items() if key != "prefix"}
    records = found.get_records()
    assert len(records) == sum(kinds.values())
    again = ProvDocument.deserialize(content=found.serialize(format="json"), format="json")
    assert again == found
    known = {str(one.identifier) for one in records if not isinstance(one, ProvRelation)}
    assert len(known) == sum(kinds.get(key, 0) for key in ("entity", "activity", "agent"))
    for relation in (one for one in records if isinstance(one, ProvRelation)):
        ends = [value for name, value in relation.formal_attributes[:2]]
        assert {str(one) for one in ends} <= known, "an edge leads to nothing"
    provn = io.StringIO()
    found.serialize(provn, format="provn")


def judge_crate(metadata, folder) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(folder)
    graph = {one["@id"]: one for one in metadata["@graph"]}
    assert len(graph) == len(metadata["@graph"]), "an id twice"
    # rocrate turns ids of files that it finds into its own; entities are neither lost nor made.
    assert len(crate.get_entities()) == len(graph)
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    root = graph["./"]
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    assert root["license"]
    assert re.match(r"\d{4}-\d\d-\d\dT", root["datePublished"])
    profile = graph[root["conformsTo"]["@id"]]
    assert profile["@type"] == "CreativeWork"
    assert re.fullmatch(r"https://w3id.org/ro/wfrun/process/0\.\d", profile["@id"])
    assert set(_references(metadata["@graph"])) <= set(graph), "a reference to nothing"
    reached, stack = set(), ["./"]
    while stack:
        one = stack.pop()
        if one not in reached:
            reached.add(one)
            stack += [part["@id"] for part in graph[one].get("hasPart", [])]
    for key, node in graph.items():
        assert _IRI.fullmatch(key) or re.fullmatch(r"[^\x00-\x20<>\"{}|^`\\]+", key), key
        if node["@type"] == "File":
            assert key in reached, "a file outside hasPart"
            assert node["contentSize"].isdigit()
        if node["@type"] == "CreateAction":
            assert graph[node["instrument"]["@id"]]["@type"] == "SoftwareApplication"
            assert {"@id": key} in root["mentions"]
            assert "startTime" in node


_OUTSIDE = ("http://schema.org/", "https://w3id.org/ro/crate/", "urn:fiducial:egv:scheme")


def _references(value, key=None):
    if isinstance(value, list):
        for one in value:
            yield from _references(one, key)
    elif isinstance(value, dict):
        if set(value) == {"@id"}:
            if not value["@id"].startswith(_OUTSIDE):
                yield value["@id"]
        else:
            for name, one in value.items():
                yield from _references(one, name)


def judge_stac(documents) -> None:
    import pystac

    for name, document in documents.items():
        kind = "item" if document["type"] == "Feature" else document["type"].lower()
        problems = list(_check(document, {"$ref": f"{kind}.json"}, ""))
        assert not problems, (name, problems[:3])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read = {"item": pystac.Item, "collection": pystac.Collection, "catalog": pystac.Catalog}[kind]
            found = read.from_dict(json.loads(json.dumps(document)), migrate=False)
        assert found.id == document["id"]
        judge_stac_extensions(document)
        for link in document["links"]:
            if not _IRI.fullmatch(link["href"]):
                place = re.sub(r"^(?:\.\./)+|^\./", "", link["href"])
                assert place in documents, link
            if link["rel"] == "derived_from":
                assert document["type"] == "Feature"


FILE_FIELDS = {"file:byte_order", "file:checksum", "file:header_size", "file:size", "file:values", "file:local_path"}
PROCESSING_FIELDS = {
    "processing:expression", "processing:lineage", "processing:level", "processing:facility", "processing:software",
}  # fmt: skip
FILE_URI = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROCESSING_URI = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"


def judge_stac_extensions(document) -> None:
    """Rules of the extensions file 2.1.0 and processing 1.1.0, from their specifications; the schemas are not at hand."""
    declared = document.get("stac_extensions", [])
    assert len(set(declared)) == len(declared)
    assert set(declared) <= {FILE_URI, PROCESSING_URI}
    properties, assets = document.get("properties", {}), document.get("assets", {})
    assert isinstance(assets, dict)
    fields = [properties, *assets.values(), *document["links"], document]
    found = {name for one in fields for name in one}
    # A field of an extension without its URI means nothing, a URI without a field promises what is not there.
    assert any(name.startswith("file:") for name in found) == (FILE_URI in declared)
    assert any(name.startswith("processing:") for name in found) == (PROCESSING_URI in declared)
    for name in (name for one in (document, properties) for name in one):
        assert not name.startswith("file:"), "fields of files stand in assets and links alone"
    for one in (*assets.values(), *document["links"]):
        assert {name for name in one if name.startswith("file:")} <= FILE_FIELDS
        size, checksum = one.get("file:size", 0), one.get("file:checksum")
        assert isinstance(size, int)
        assert not isinstance(size, bool)
        assert size >= 0
        if checksum is not None:
            _judge_multihash(checksum)
    if PROCESSING_URI in declared:
        assert document["type"] == "Feature"
        assert PROCESSING_FIELDS & properties.keys(), "an item states at least one field"
    for one in (properties, *assets.values()):
        assert {name for name in one if name.startswith("processing:")} <= PROCESSING_FIELDS
        for name in ("processing:lineage", "processing:level", "processing:facility"):
            assert isinstance(one.get(name, ""), str)
        software = one.get("processing:software", {})
        assert isinstance(software, dict)
        assert all(name and isinstance(version, str) for name, version in software.items())


def _judge_multihash(text) -> None:
    """Lower-case hexadecimal: code of the function and length of the digest as varints, then the digest."""
    assert re.fullmatch("[a-f0-9]+", text)
    code, length, digest = text[:2], int(text[2:4], 16), bytes.fromhex(text[4:])
    assert code == "12", "SHA2-256"
    assert length == len(digest) == 32


@cache
def _schema(name: str):
    root = files("pystac.validation.jsonschemas")
    for folder in ("stac-spec/v1.1.0", "geojson"):
        path = root.joinpath(folder, name)
        if path.is_file():
            return json.loads(path.read_text())
    raise LookupError(name)


_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
    "boolean": bool,
}


def _check(value, schema, base):  # noqa: PLR0912 - the words of JSON Schema draft 7 that STAC uses
    """Problems of a value against a schema: the part of draft 7 that the schemas of STAC use."""
    if schema is True or schema == {}:
        return
    if schema is False:
        yield f"{value!r} is forbidden"
        return
    if "$ref" in schema:
        place, _, pointer = schema["$ref"].partition("#")
        name = place.rsplit("/", 1)[-1] or base
        if name == "schema":
            return
        target = _schema(name)
        for part in pointer.strip("/").split("/") if pointer.strip("/") else ():
            target = target[part]
        yield from _check(value, target, name)
        return
    passes = lambda one: not any(True for _ in _check(value, one, base))  # noqa: E731
    kinds = schema.get("type")
    if kinds is not None:
        allowed = [kinds] if isinstance(kinds, str) else kinds
        if not any(
            isinstance(value, _TYPES[one]) and not (one in ("number", "integer") and isinstance(value, bool))
            for one in allowed
        ):
            yield f"{value!r} is no {kinds}"
    if "const" in schema and value != schema["const"]:
        yield f"{value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is not in {schema['enum']}"
    for one in schema.get("allOf", ()):
        yield from _check(value, one, base)
    if "anyOf" in schema and not any(passes(one) for one in schema["anyOf"]):
        yield f"{str(value)[:60]} fits nothing of anyOf"
    if "oneOf" in schema and sum(passes(one) for one in schema["oneOf"]) != 1:
        yield f"{str(value)[:60]} does not fit one of oneOf"
    if "not" in schema and passes(schema["not"]):
        yield f"{str(value)[:60]} fits what it must not"
    if "if" in schema:
        branch = schema.get("then" if passes(schema["if"]) else "else")
        if branch is not None:
            yield from _check(value, branch, base)
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield "too short"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{value!r} does not match {schema['pattern']}"
        if schema.get("format") in ("iri", "uri") and not _IRI.fullmatch(value):
            yield f"{value!r} is no IRI"
        if schema.get("format") == "date-time" and not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
            yield f"{value!r} is no time"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{len(value)} entries"
        if schema.get("uniqueItems") and len({json.dumps(one) for one in value}) < len(value):
            yield "twice the same"
        for one in value if "items" in schema else ():
            yield from _check(one, schema["items"], base)
        if "contains" in schema and not any(
            not any(True for _ in _check(one, schema["contains"], base)) for one in value
        ):
            yield "contains it not"
    if isinstance(value, dict):
        yield from (f"lacks {one}" for one in schema.get("required", ()) if one not in value)
        for name, others in schema.get("dependencies", {}).items():
            if name in value:
                yield from _check(value, others if isinstance(others, dict) else {"required": others}, base)
        known = schema.get("properties", {})
        for name, one in value.items():
            if name in known:
                yield from _check(one, known[name], base)
            elif "additionalProperties" in schema:
                yield from _check(one, schema["additionalProperties"], base)


SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix spdx: <http://spdx.org/rdf/terms#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix : <urn:shape:> .
:catalogue a sh:NodeShape ; sh:targetClass dcat:Catalog ;
  sh:property [ sh:path dct:title ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ,
    [ sh:path dct:description ; sh:minCount 1 ] , [ sh:path dcat:dataset ; sh:class dcat:Dataset ] .
:dataset a sh:NodeShape ; sh:targetClass dcat:Dataset ;
  sh:property [ sh:path dct:title ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:Literal ; sh:minLength 1 ] ,
    [ sh:path dct:identifier ; sh:minCount 1 ; sh:maxCount 1 ] ,
    [ sh:path dcat:distribution ; sh:class dcat:Distribution ] ,
    [ sh:path dct:temporal ; sh:maxCount 1 ; sh:class dct:PeriodOfTime ] ,
    [ sh:path dct:issued ; sh:maxCount 1 ; sh:datatype xsd:dateTime ] ,
    [ sh:path dcat:theme ; sh:class skos:Concept ] ,
    [ sh:path dct:provenance ; sh:class dct:ProvenanceStatement ] ,
    [ sh:path prov:wasGeneratedBy ; sh:class prov:Activity ] ,
    [ sh:path prov:wasDerivedFrom ; sh:class prov:Entity ] .
:distribution a sh:NodeShape ; sh:targetClass dcat:Distribution ;
  sh:property [ sh:path dcat:byteSize ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:nonNegativeInteger ] ,
    [ sh:path spdx:checksum ; sh:minCount 1 ; sh:maxCount 1 ; sh:class spdx:Checksum ] ,
    [ sh:path dcat:mediaType ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] .
:checksum a sh:NodeShape ; sh:targetClass spdx:Checksum ;
  sh:property [ sh:path spdx:checksumValue ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:hexBinary ; sh:pattern "^[0-9a-f]{64}$" ] ,
    [ sh:path spdx:algorithm ; sh:hasValue spdx:checksumAlgorithm_sha256 ] .
:concept a sh:NodeShape ; sh:targetClass skos:Concept ;
  sh:property [ sh:path skos:inScheme ; sh:minCount 1 ; sh:class skos:ConceptScheme ] .
:activity a sh:NodeShape ; sh:targetClass prov:Activity ;
  sh:property [ sh:path prov:used ; sh:class prov:Entity ] , [ sh:path prov:wasAssociatedWith ; sh:class prov:Agent ] ,
    [ sh:path prov:startedAtTime ; sh:maxCount 1 ; sh:datatype xsd:dateTime ] .
prov:SoftwareAgent <http://www.w3.org/2000/01/rdf-schema#subClassOf> prov:Agent .
"""


def judge_dcat(turtle: bytes):
    import rdflib
    from pyshacl import validate

    graph = rdflib.Graph().parse(data=turtle, format="turtle")
    shapes = rdflib.Graph().parse(data=SHAPES, format="turtle")
    conforms, _, text = validate(graph, shacl_graph=shapes, ont_graph=shapes, inference="none", meta_shacl=False)
    assert conforms, text
    return graph


def judge_datacite(document) -> None:
    """Check the mandatory properties and controlled words of DataCite 4.6 that a request uses."""
    assert document["data"]["type"] == "dois"
    found = document["data"]["attributes"]
    assert found["schemaVersion"] == "http://datacite.org/schema/kernel-4"
    assert "doi" not in found
    assert found["types"]["resourceTypeGeneral"] == "Dataset"
    assert all(one["title"].strip() for one in found["titles"])
    assert all(
        one["name"].strip() and one.get("nameType", "Personal") in ("Organizational", "Personal")
        for one in found["creators"]
    )
    assert found["publisher"]["name"]
    assert re.fullmatch(r"\d{4}", found["publicationYear"])
    assert all(one["dateType"] in ("Issued", "Collected", "Created") for one in found.get("dates", []))
    assert all(one["descriptionType"] in ("Abstract", "TechnicalInfo") for one in found.get("descriptions", []))
    related = found.get("relatedIdentifiers", [])
    assert all(one["relatedIdentifierType"] in ("DOI", "URL", "URN") for one in related)
    assert {one["relationType"] for one in related} <= CONTROLLED_RELATIONS
    for box in found.get("geoLocations", []):
        assert abs(box["geoLocationBox"]["northBoundLatitude"]) <= 90
