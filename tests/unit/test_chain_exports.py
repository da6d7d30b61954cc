"""Overview counts, JSON with its schema, and the graph formats of the chain."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import rustworkx as rx

from chain_small import node, packaged, small
from fiducial.chain.egv import Level, Strength
from fiducial.chain.overview import COLOURS, OTHER_COLOUR, colour, counts, stated_tiers
from fiducial.chain.workflow import Gate
from fiducial.errors import FormatError, InputError
from fiducial.formats import chain_dot, chain_graphml, chain_identity, chain_json, chain_mermaid, chain_skos
from fiducial.formats.chain_graph import graph
from fiducial.formats.chain_json_model import Document
from fiducial.reports.cells import contrast
from fiducial.runs.chain_knowledge import load_knowledge
from support import ROOT

SCHEMA = ROOT / "docs" / "schema" / "chain-show.schema.json"
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


def test_the_counts_are_those_of_the_sources():
    found = counts(packaged().catalogue)
    assert [(one.name, one.egvs, one.entries, one.products) for one in found.levels] == [
        ("Basis", 2, 0, 0), ("Level 1", 1, 5, 5), ("Level 2", 4, 9, 9), ("Level 3", 14, 43, 45),
    ]  # fmt: skip
    assert (found.egvs, found.entries_level_2_3, found.products_level_2_3) == (21, 52, 54)
    columns = [(one.primary, one.important, one.indirect, one.empty) for one in found.columns]
    assert columns == [(7, 5, 2, 0), (4, 3, 5, 2), (2, 0, 0, 12), (3, 5, 1, 5)]
    assert all(one.primary + one.important + one.indirect + one.empty == 4 for one in found.rows)


def test_a_variable_of_level_3_stands_in_the_tier_of_all_as_well():
    catalogue = packaged().catalogue
    found = stated_tiers(catalogue, catalogue.egv("l3/sea_level"))
    assert [tier.id for tier in found] == ["immediate", "long_term"]
    assert stated_tiers(catalogue, catalogue.egv("l2/satellite_orbits")) == ()


def test_white_is_legible_on_the_colours_of_the_strengths():
    assert min(contrast("#ffffff", one) for one in (*COLOURS.values(), OTHER_COLOUR)) > 4.0
    assert colour(packaged().catalogue, Strength.PRIMARY) == COLOURS["Red"]
    assert colour(small().catalogue, Strength.INDIRECT) == OTHER_COLOUR


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_the_document_holds_variables_products_and_matrix():
    made = json.loads(chain_json.write(chain_json.document(packaged())))
    assert len(made["egvs"]) == 21
    assert sum(one["level"] in {"Level 2", "Level 3"} for one in made["products"]) == 54
    assert len(made["matrix"]) == 56
    assert sum(one["strength"] is not None for one in made["matrix"]) == 7 + 5 + 2 + 4 + 3 + 5 + 2 + 3 + 5 + 1
    assert [one["consumer"] for one in made["matrix"] if one["circular"]] == ["l3/global_reference_frames"]
    names = [one["curie"] for one in made["egvs"] + made["products"] + made["workflow"]["nodes"]]
    assert len(names) == len(set(names))
    assert made["tiers"][-1]["window_days"] == [30.0, None]
    assert all(one["egv"] in {egv["id"] for egv in made["egvs"]} for one in made["products"])


def test_streams_and_links_go_with_the_variables_kept():
    knowledge = packaged()
    whole = chain_json.document(knowledge)
    assert (len(whole.streams), len(whole.links)) == (
        len(knowledge.dependencies.schedules), len(knowledge.dependencies.links),
    )  # fmt: skip
    part = chain_json.document(knowledge, egvs=("l3/sea_ice",))
    products = {one.id for one in part.products}
    assert {one.product for one in part.streams} <= products
    assert part.links
    assert all({one.supplier, one.consumer} & products for one in part.links)


def test_the_document_comes_back_through_its_schema_s_model():
    made = chain_json.document(packaged())
    assert Document.model_validate_json(chain_json.write(made)) == made


def test_a_selection_leaves_the_rest_null():
    made = chain_json.document(packaged(), ("egvs", "matrix", "workflow"), egvs=("l3/sea_ice",), nodes=("itrf",))
    assert [egv.id for egv in made.egvs] == ["l3/sea_ice"]
    assert {cell.consumer for cell in made.matrix} == {"l3/sea_ice"}
    assert [one.id for one in made.workflow.nodes] == ["itrf"]
    assert made.products is None
    assert made.streams is None
    assert made.sources is None


def test_the_committed_schema_is_current():
    assert SCHEMA.read_text(encoding="ascii") == chain_json.schema_text()


def test_every_object_of_the_schema_is_closed_and_complete():
    schema = json.loads(chain_json.schema_text())
    for name, part in {**schema["$defs"], "document": schema}.items():
        assert part["additionalProperties"] is False, name
        assert set(part["required"]) == set(part["properties"]), name


def test_the_schema_can_be_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["chain_json", str(tmp_path / "schema.json")])
    monkeypatch.delitem(sys.modules, "fiducial.formats.chain_json")
    runpy.run_module("fiducial.formats.chain_json", run_name="__main__")
    assert (tmp_path / "schema.json").read_text(encoding="ascii") == chain_json.schema_text()


# -- identifiers and the graph ----------------------------------------------------------------------------------------


def test_identifiers_share_one_space():
    knowledge = packaged()
    assert chain_identity.egv("SPTS") == "egv:SPTS"
    assert chain_identity.requirement(369) == "cis2:req/369"
    igs = node("gso_gsc_final", "Final", facts=(("igs_product", "IGS0OPSFIN"),))
    assert chain_identity.node(igs) == "igs:IGS0OPSFIN"
    drawn = graph(knowledge)
    known = {one.id for one in drawn.nodes}
    assert {"egv:SPTS", "cis2:req/369", "cis2:product/343", "egv:l3/sea_level"} <= known
    assert len(known) == len(drawn.nodes)
    assert all({edge.source, edge.target} <= known for edge in drawn.edges)
    assert all(one.group in {group.id for group in drawn.groups} for one in drawn.nodes)


def test_the_graph_holds_every_cell_input_and_annotation():
    knowledge = packaged()
    drawn = graph(knowledge)
    assert sum(edge.kind == "matrix" for edge in drawn.edges) == len(knowledge.catalogue.cells)
    inputs = sum(len(one.inputs) for one in knowledge.workflow.nodes)
    assert sum(edge.kind.startswith("input") for edge in drawn.edges) == inputs
    carried = {
        label
        for one in (*drawn.nodes, *drawn.groups)
        for label in getattr(one, "annotations", getattr(one, "notes", ()))
    }
    assert carried == {one.label for one in knowledge.catalogue.annotations}


def test_without_products_what_a_node_makes_goes_to_the_variable():
    drawn = graph(small(), ("workflow", "matrix"))
    assert [(e.source, e.target) for e in drawn.edges if e.kind == "realises"] == [("chain:end", "egv:l3/a")]
    assert "egv:ML" not in {one.id for one in drawn.nodes}


def test_a_neighbourhood_holds_a_node_and_what_it_is_joined_to():
    drawn = graph(packaged()).around("egv:l3/sea_ice")
    assert {one.id for one in drawn.nodes} == {"egv:l3/sea_ice", "egv:SIE", "egv:SIV", "egv:l2/satellite_orbits"}
    tier = graph(packaged(), ("workflow",)).of_group("chain:tier/T2")
    assert "chain:ac_cod" in {one.id for one in tier.nodes}
    assert {one.id for one in tier.groups} >= {"chain:tier/T2", "chain:tier/T1"}


# -- Mermaid, DOT, GraphML --------------------------------------------------------------------------------------------


def test_mermaid_has_a_subgraph_a_group_and_a_style_a_strength():
    drawn = graph(packaged(), ("workflow", "matrix"))
    text = chain_mermaid.write(drawn)
    assert text.startswith("---\ntitle: ")
    assert text.count("  subgraph ") == len(drawn.groups) == text.count("\n  end\n")
    assert text.count("linkStyle") == 3
    assert "==>" in text
    assert "-.->" in text
    assert '"Tier 3 — Combination"' in text
    lines = [line for line in text.splitlines() if re.match(r"  n\d+ .*> n\d+$", line)]
    assert len(lines) == len(drawn.edges)


def test_mermaid_shows_gates_that_do_not_need_all():
    three = node("pool", "Pool", ("start", "end", "last"), gate=Gate.K, required=2, kind="pool")
    knowledge = small()
    flow = replace(knowledge.workflow, nodes=(*knowledge.workflow.nodes, node("last", "1. Last"), three))
    text = chain_mermaid.write(graph(replace(knowledge, workflow=flow), ("workflow",)))
    assert '{{"Pool (2 of 3)"}}' in text
    assert '"1#46; Last"' in text


def test_dot_has_a_cluster_a_group_and_balanced_braces():
    drawn = graph(packaged())
    text = chain_dot.write(drawn)
    assert text.count("subgraph cluster_") == len(drawn.groups)
    assert text.count(" -> ") == len(drawn.edges) + sum(
        " -> " in label for label in re.findall(r'"(?:[^"\\]|\\.)*"', text)
    )
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert bare.count("{") == bare.count("}") == len(drawn.groups) + 1
    assert "dir=both" in text


def test_dot_is_read_by_rustworkx():
    drawn = graph(packaged())
    # Its grammar knows no named subgraphs, and takes the defaults of graph, node and edge for nodes.
    flat = re.sub(r"^  subgraph cluster_\d+ \{\n    label=.*\n|^  \}\n", "", chain_dot.write(drawn), flags=re.MULTILINE)
    read = rx.from_dot(flat)
    assert (read.num_nodes() - 3, read.num_edges()) == (len(drawn.nodes), len(drawn.edges))


def test_graphml_is_read_by_rustworkx_with_types(tmp_path):
    drawn = graph(packaged())
    file = tmp_path / "chain.graphml"
    file.write_bytes(chain_graphml.write(drawn))
    (read,) = rx.read_graphml(str(file))
    assert (read.num_nodes(), read.num_edges()) == (len(drawn.nodes), len(drawn.edges))
    assert [one["id"] for one in read.nodes()] == [one.id for one in drawn.nodes]
    assert [one["label"] for one in read.nodes()] == [one.label for one in drawn.nodes]
    assert all(isinstance(one["required"], int) for one in read.nodes())
    assert sum(one["circular"] is True for one in read.edges()) == 1


def test_a_control_character_is_refused_by_graphml():
    with pytest.raises(FormatError, match="U\\+0001") as caught:
        chain_graphml.write(graph(small(egv="a\x01b")))
    assert caught.value.code == "FID-2635"


def test_graphml_names_every_attribute_once():
    root = ET.fromstring(chain_graphml.write(graph(small())))  # noqa: S314 - our own output
    keys = {key.get("id"): (key.get("attr.name"), key.get("attr.type")) for key in root.iter(f"{GRAPHML}key")}
    assert keys["node_required"] == ("required", "int")
    assert keys["edge_circular"] == ("circular", "boolean")
    assert {data.get("key") for data in root.iter(f"{GRAPHML}data")} <= set(keys)


# -- SKOS -------------------------------------------------------------------------------------------------------------


def test_skos_is_a_scheme_of_concepts():
    rdflib = pytest.importorskip("rdflib")
    knowledge = packaged()
    read = rdflib.Graph()
    read.parse(data=chain_skos.write(knowledge), format="turtle")
    skos, own = rdflib.SKOS, rdflib.Namespace(chain_skos.TERMS)

    def name(identifier):
        return rdflib.URIRef(chain_identity.uri(identifier))

    level = name(chain_identity.level(Level.LEVEL_3))
    assert (name("egv:l3/sea_level"), skos.broader, level) in read
    assert (level, skos.narrower, name("egv:l3/sea_level")) in read
    assert str(read.value(name("egv:SPTS"), skos.altLabel)) == "SPTS"
    assert (name("egv:l3/sea_ice"), own.dependsPrimarilyOn, name("egv:l2/satellite_orbits")) in read
    assert (name("egv:l2/satellite_orbits"), own.dependsOn, name("egv:l3/global_reference_frames")) in read
    assert (name("cis2:product/343"), own.requires, name("cis2:req/369")) in read
    assert (name("egv:l3/sea_ice"), rdflib.DCTERMS.source, name("src:S004")) in read
    strong = [own.dependsPrimarilyOn, own.dependsImportantlyOn, own.dependsIndirectlyOn]
    assert sum(len(list(read.triples((None, one, None)))) for one in strong) == len(knowledge.catalogue.cells)
    for concept in read.subjects(rdflib.RDF.type, skos.Concept):
        assert len(list(read.objects(concept, skos.prefLabel))) == 1
    used = set(read.objects(None, rdflib.DCTERMS.source))
    assert used <= set(read.subjects(rdflib.RDF.type, rdflib.DCTERMS.BibliographicResource))


def test_without_rdflib_skos_tells_how_to_get_it(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(chain_skos, "import_module", missing)
    with pytest.raises(InputError, match="rdflib") as caught:
        chain_skos.write(small())
    assert caught.value.code == "FID-1427"
    assert "pip install" in caught.value.fix
    assert importlib.import_module("fiducial.formats.chain_skos") is chain_skos


def test_an_earlier_version_has_its_own_names():
    knowledge = load_knowledge(version="V6.0")
    made = chain_json.document(knowledge)
    assert made.version == "V6.0"
    assert {egv.level_name for egv in made.egvs if egv.level == "Basis"} == {"Level 0"}
    assert made.counts.egvs == 20
