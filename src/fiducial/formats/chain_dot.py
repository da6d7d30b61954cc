"""Graphviz DOT of the chain: a cluster a tier or level, strengths as colour and line style."""

from __future__ import annotations

from typing import Final

from fiducial.formats.chain_graph import ChainGraph, GraphEdge, GraphNode

_STYLES: Final = {"Primary": "bold", "Important": "solid", "Indirect": "dashed"}
_SHAPES: Final = {"egv": "ellipse", "product": "note", "pool": "hexagon", "requirement": "component"}


def write(graph: ChainGraph) -> str:
    """Return the graph as DOT.

    Parameters
    ----------
    graph : ChainGraph

    Returns
    -------
    str
        Ends with a line feed.
    """
    lines = [
        "digraph chain {",
        f"  graph [label={quoted(graph.title)}, labelloc=t, rankdir=LR, fontname=Helvetica, compound=true];",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname=Helvetica, fontsize=10];',
        "  edge [fontname=Helvetica, fontsize=8, color=gray45];",
    ]
    for k, group in enumerate(graph.groups):
        lines += [f"  subgraph cluster_{k} {{", f"    label={quoted(chr(10).join([group.label, *group.notes]))};"]
        lines += [f"    {_node(node)}" for node in graph.nodes if node.group == group.id]
        lines.append("  }")
    lines += [f"  {_edge(edge)}" for edge in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    r"""Return a text as a quoted label that Graphviz shows as it is.

    Examples
    --------
    >>> print(quoted('a "b" \\N & c'))
    "a \"b\" \\N &amp; c"
    """
    # Labels are escape strings, where \N and \G mean names, and Graphviz resolves HTML entities in them.
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n") + '"'


def _node(node: GraphNode) -> str:
    gate = [f"needs {node.gate}"] if node.gate else []
    label = "\n".join([node.label, *gate, *node.annotations])
    shape = _SHAPES.get(node.kind, "box")
    tooltip = "\n".join(text for text in (node.id, node.note, ", ".join(node.sources)) if text)
    return f"{_name(node.id)} [label={quoted(label)}, shape={shape}, tooltip={quoted(tooltip)}];"


def _edge(edge: GraphEdge) -> str:
    texts = {"class": quoted(edge.kind)}
    if edge.strength:
        texts["tooltip"] = quoted(edge.strength)
    if edge.colour:
        texts |= {"color": quoted(edge.colour), "style": _STYLES.get(edge.strength, "solid")}
    elif edge.kind != "input":
        texts["style"] = "dashed"
    if edge.circular:
        texts["dir"] = "both"
    return (
        f"{_name(edge.source)} -> {_name(edge.target)} [{', '.join(f'{key}={value}' for key, value in texts.items())}];"
    )


def _name(identity: str) -> str:
    return '"' + identity.replace('"', '\\"') + '"'
