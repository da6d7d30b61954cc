"""YAML of foreign origin as a tree of texts, lists and mappings with lines; no types, tags, anchors or aliases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from fiducial.errors import FormatError

MAX_DEPTH: Final = 20
MAX_BYTES: Final = 16 * 2**20

# Scalars stay texts: YAML 1.1 would turn the station 0010 into 8 and the station ON into a truth value.
_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document: text, list of nodes, or mapping of texts to nodes; its line, counted from 1, and file."""

    value: str | list[Node] | dict[str, Node]
    line: int
    file: str = ""


def parse_tree(text: str, name: str, code: str) -> Node:
    """Parse one YAML document.

    Parameters
    ----------
    text : str
        The document.
    name : str
        File name, for messages.
    code : str
        Code of the errors to raise.

    Raises
    ------
    FormatError
        ``code`` when the text is not YAML, is deeper than :data:`MAX_DEPTH` or larger than :data:`MAX_BYTES`, holds
        more than one document, anchors, aliases, tags, or a key twice.
    """
    builder = _Builder(name, code)
    if len(text) > MAX_BYTES:
        raise builder.error(f"{len(text)} characters are more than {MAX_BYTES}", 1)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "damaged"
        raise builder.error(f"not YAML: {problem}", line) from error
    return builder.root()


class _Builder:
    """Builds the tree from parser events, without recursion."""

    def __init__(self, name: str, code: str) -> None:
        self._name = name
        self._code = code
        self._root: Node | None = None
        self._open: list[tuple[Node, str | None]] = []

    def error(self, problem: str, line: int) -> FormatError:
        fix = "mend that line if the file is yours; otherwise fetch the file again"
        return FormatError(self._code, problem, where=f"{self._name}, line {line}", fix=fix)

    def root(self) -> Node:
        if self._root is None:
            raise self.error("the document is empty", 1)
        return self._root

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self.error("an anchor or alias, which is not read", line)
        if getattr(event, "tag", None) is not None:
            raise self.error(f"a tag {event.tag!r}, which is not read", line)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin(Node([], line, self._name))
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin(Node({}, line, self._name))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise self.error("a second document", line)

    def _scalar(self, value: str, line: int) -> None:
        if self._open:
            parent, key = self._open[-1]
            if isinstance(parent.value, dict) and key is None:
                if value in parent.value:
                    raise self.error(f"the key {value!r} stands twice", line)
                self._open[-1] = parent, value
                return
        self._attach(Node(value, line, self._name))

    def _begin(self, node: Node) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self.error(f"deeper than {MAX_DEPTH} levels", node.line)
        self._attach(node)
        self._open.append((node, None))

    def _attach(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        parent, key = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif isinstance(parent.value, dict):
            if key is None:
                raise self.error("a list or mapping as a key", node.line)
            parent.value[key] = node
            self._open[-1] = parent, None
