"""GraphML of the chain, with typed attributes of nodes and edges."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

from fiducial.errors import FormatError
from fiducial.formats.chain_graph import ChainGraph, GraphEdge, GraphNode

_NODE: Final = {
    "label": "string", "kind": "string", "group": "string", "group_label": "string", "gate": "string", "required": "int",
    "status": "string", "annotations": "string", "sources": "string", "note": "string",
}  # fmt: skip
_EDGE: Final = {
    "kind": "string",
    "strength": "string",
    "colour": "string",
    "circular": "boolean",
    "sources": "string",
}
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_EXTRA: Final = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;", '"': "&quot;"}


def write(graph: ChainGraph) -> bytes:
    """Return the graph as GraphML.

    Parameters
    ----------
    graph : ChainGraph

    Returns
    -------
    bytes
        UTF-8; edges run from supplier to consumer; several annotations or sources are parted by ``"; "``.

    Raises
    ------
    FormatError
        FID-2635 when a text holds a control character that XML cannot hold.
    """
    groups = {group.id: group.label for group in graph.groups}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ]
    for domain, keys in (("node", _NODE), ("edge", _EDGE)):
        lines += [
            f'<key id="{domain}_{name}" for="{domain}" attr.name="{name}" attr.type="{kind}"/>'
            for name, kind in keys.items()
        ]
    lines.append('<graph id="chain" edgedefault="directed">')
    for node in graph.nodes:
        lines += [f'<node id="{_text(node.id)}">', *_data("node", _node(node, groups)), "</node>"]
    for k, edge in enumerate(graph.edges):
        ends = f'source="{_text(edge.source)}" target="{_text(edge.target)}"'
        lines += [f'<edge id="e{k}" {ends}>', *_data("edge", _edge(edge)), "</edge>"]
    return "\n".join([*lines, "</graph>", "</graphml>", ""]).encode()


def _node(node: GraphNode, groups: dict[str, str]) -> dict[str, str]:
    return {
        "label": node.label, "kind": node.kind, "group": node.group, "group_label": groups.get(node.group, ""),
        "gate": node.gate, "required": str(node.required), "status": node.status,
        "annotations": "; ".join(node.annotations), "sources": "; ".join(node.sources), "note": node.note,
    }  # fmt: skip


def _edge(edge: GraphEdge) -> dict[str, str]:
    return {"kind": edge.kind, "strength": edge.strength, "colour": edge.colour,
            "circular": "true" if edge.circular else "false", "sources": "; ".join(edge.sources)}  # fmt: skip


def _data(domain: str, values: dict[str, str]) -> list[str]:
    return [f'  <data key="{domain}_{name}">{_text(value)}</data>' for name, value in values.items() if value]


def _text(text: str) -> str:
    found = _IMPOSSIBLE.search(text)
    if found:
        raise FormatError(
            "FID-2635", f"the control character U+{ord(found[0]):04X} cannot stand in XML", where=repr(text),
            fix="take the character out of the name, or write another format",
        )  # fmt: skip
    return escape(text, _EXTRA)
