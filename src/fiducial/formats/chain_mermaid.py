"""Mermaid flowchart of the chain: a subgraph a tier or level, strengths as styles of the links."""

from __future__ import annotations

import re
from typing import Final

from fiducial.formats.chain_graph import ChainGraph, GraphEdge, GraphNode

_SHAPES: Final = {
    "egv": ("([", "])"),
    "product": ("[/", "/]"),
    "pool": ("{{", "}}"),
    "organisation": ("[[", "]]"),
    "requirement": (">", "]"),
}
_ARROWS: Final = {"Primary": "==>", "Important": "-->", "Indirect": "-.->"}
_LIST: Final = re.compile(r"^( *\d*)([.+-])")
"""At the beginning of a label Mermaid takes these for a list."""
_PLAIN: Final = " .,:()/+_-\N{EM DASH}\N{RIGHTWARDS ARROW}"
_WORDS: Final = re.compile(r"[^\W_]", re.UNICODE)


def write(graph: ChainGraph) -> str:
    """Return the flowchart.

    Parameters
    ----------
    graph : ChainGraph

    Returns
    -------
    str
        Mermaid, ends with a line feed. Nodes are numbered ``n0``…, as identifiers may hold what Mermaid reserves; the
        identifier of each stands in a comment before it.
    """
    numbers = {node.id: f"n{k}" for k, node in enumerate(graph.nodes)}
    lines = ["---", f"title: '{_title(graph.title)}'", "---", "flowchart LR"]
    for k, group in enumerate(graph.groups):
        inside = [node for node in graph.nodes if node.group == group.id]
        if not inside:
            continue
        lines.append(f'  subgraph g{k}["{quoted(" ".join([group.label, *group.notes]))}"]')
        for node in inside:
            lines += [f"    %% {node.id}", f"    {numbers[node.id]}{_shape(node)}"]
        lines.append("  end")
    lines += [f"  {numbers[edge.source]} {_arrow(edge)} {numbers[edge.target]}" for edge in graph.edges]
    lines += [f"  linkStyle {_list(chosen)} stroke:{colour}" for colour, chosen in _by_colour(graph.edges).items()]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text for a quoted label: all but letters, digits and a few signs as Mermaid's entity codes.

    Examples
    --------
    >>> quoted('a "b" #1')
    'a #34;b#34; #35;1'
    """
    return _LIST.sub(lambda found: f"{found[1]}#{ord(found[2])};", "".join(_character(one) for one in text))


def _character(one: str) -> str:
    safe = one in _PLAIN or _WORDS.match(one) is not None
    return one if safe else f"#{ord(one)};"


def _title(text: str) -> str:
    return re.sub(r"[^\w .,()+-]", " ", text)


def _shape(node: GraphNode) -> str:
    opening, closing = _SHAPES.get(node.kind, ("[", "]"))
    gate = f" ({node.gate})" if node.gate and not node.gate.startswith("all") else ""
    label = quoted(" ".join([node.label + gate, *node.annotations]))
    return f'{opening}"{label}"{closing}'


def _arrow(edge: GraphEdge) -> str:
    if edge.kind == "matrix" and edge.circular:
        return "<==>"
    if edge.kind in {"matrix", "link"}:
        return _ARROWS.get(edge.strength, "-->")
    return "-.->" if edge.kind.startswith(("input_", "meets", "instance")) else "-->"


def _by_colour(edges: tuple[GraphEdge, ...]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for k, edge in enumerate(edges):
        if edge.colour:
            found.setdefault(edge.colour, []).append(k)
    return found


def _list(numbers: list[int]) -> str:
    return ",".join(str(one) for one in numbers)
