"""Whatever the names are, every export keeps them and stays valid."""

from __future__ import annotations

import html
import json
import re
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from chain_small import small
from fiducial.formats import chain_dot, chain_graphml, chain_json, chain_markdown, chain_mermaid, chain_skos
from fiducial.formats.chain_graph import graph
from markdown_tables import read_tables

HOSTILE = st.text(
    st.one_of(st.sampled_from("\"'|[](){}<>&#;\\/`*_~-+=!$%^@:\n\t.,0123456789N end "), st.characters(exclude_categories=("Cc", "Cs", "Cn"))),
    min_size=1, max_size=25,
).filter(str.strip)  # fmt: skip
NAMES = st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
QUICK = settings(max_examples=60, deadline=None)
NODE = "{http://graphml.graphdrawing.org/xmlns}node"


def spaced(text):
    """What a renderer keeps of white space at the ends of a cell."""
    return text.strip()


@QUICK
@given(NAMES)
def test_json_keeps_names(names):
    made = json.loads(chain_json.write(chain_json.document(small(*names))))
    assert made["egvs"][0]["name"] == names[0]
    assert made["products"][0]["name"] == names[1]
    assert made["workflow"]["nodes"][1]["name"] == names[2]
    assert made["workflow"]["nodes"][1]["annotations"] == [names[3]]


@QUICK
@given(NAMES)
def test_markdown_keeps_names_in_one_cell(names):
    page = chain_markdown.write(small(*names))
    cells = {cell for table in read_tables(page) for row in table for cell in row}
    for text in (*names[:5], "Primary ⚠️"):
        if text != names[1]:
            assert spaced(text) in {spaced(cell) for cell in cells}
    assert spaced(f"{names[1]} (ML)") in {spaced(cell) for cell in cells}
    assert all(len(row) == len(table[0]) for table in read_tables(page) for row in table)


@QUICK
@given(NAMES)
def test_mermaid_keeps_names(names):
    text = chain_mermaid.write(graph(small(*names)))
    labels = re.findall(r'^    n\d+[^"\n]*"([^"\n]*)"[^"\n]*$', text, re.MULTILINE)
    shown = [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label) for label in labels]
    assert names[0] in shown
    assert f"{names[2]} {names[3]}" in shown
    assert len(shown) == len(graph(small(*names)).nodes)


@QUICK
@given(NAMES)
def test_dot_keeps_names(names):
    text = chain_dot.write(graph(small(*names)))
    quoted = re.findall(r'label="((?:[^"\\]|\\.)*)"', text)
    escapes = {"n": "\n"}
    shown = {html.unescape(re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), one)) for one in quoted}
    assert names[0] in shown
    assert f"{names[2]}\nneeds all of 1\n{names[3]}" in shown


@QUICK
@given(NAMES)
def test_graphml_keeps_names(names):
    root = ET.fromstring(chain_graphml.write(graph(small(*names))).decode())  # noqa: S314 - our own output
    labels = [one.text for node in root.iter(NODE) for one in node if one.get("key") == "node_label"]
    assert names[0] in labels
    assert names[2] in labels
    ids = {node.get("id") for node in root.iter(NODE)}
    ends = {edge.get(end) for edge in root.iter(NODE.replace("node", "edge")) for end in ("source", "target")}
    assert ends <= ids


@settings(max_examples=25, deadline=None)
@given(NAMES)
def test_skos_keeps_names(names):
    import rdflib

    read = rdflib.Graph()
    read.parse(data=chain_skos.write(small(*names)), format="turtle")
    labels = {str(label) for label in read.objects(None, rdflib.SKOS.prefLabel)}
    assert {names[0], names[1], names[2]} <= labels
    assert names[3] in {str(one) for one in read.objects(None, rdflib.URIRef(chain_skos.TERMS + "annotation"))}
