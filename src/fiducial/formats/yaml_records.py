"""Typed reading of records from a YAML tree: every fault names file and line; keys that nobody reads are faults."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import TypeVar

from fiducial.errors import FormatError
from fiducial.formats.yaml_tree import Node

_Word = TypeVar("_Word", bound=StrEnum)
_EMPTY = frozenset({"", "null", "~", "None"})
_TRUE = {"true": True, "false": False}


class Record:
    """A mapping of the tree.

    Parameters
    ----------
    node : Node
        The mapping; FormatError when it is something else.
    file : str
        Name of the file, for messages; that of the node goes before it.
    code : str
        Code of the errors to raise.
    """

    def __init__(self, node: Node, file: str, code: str) -> None:
        self.file = node.file or file
        self.line = node.line
        self._code = code
        self._used: set[str] = set()
        if not isinstance(node.value, dict):
            raise self.error("a mapping of keys to values is wanted here", node.line)
        self._fields = node.value

    def error(self, problem: str, line: int | None = None, fix: str = "correct this line of the file") -> FormatError:
        """Return an error that names the file and a line of it."""
        where = f"{self.file}, line {line if line is not None else self.line}"
        return FormatError(self._code, problem, where=where, fix=fix)

    def keys(self) -> tuple[str, ...]:
        """Return the keys, in the order of the file."""
        return tuple(self._fields)

    def line_of(self, key: str) -> int:
        """Return the line of a value, or that of the record where it has none."""
        return self._fields[key].line if key in self._fields else self.line

    def has(self, key: str) -> bool:
        """Tell whether a value stands there that is not null."""
        node = self._fields.get(key)
        return node is not None and not (isinstance(node.value, str) and node.value in _EMPTY)

    def node(self, key: str) -> Node:
        """Return the value of a key that must be there."""
        self._used.add(key)
        if key not in self._fields:
            raise self.error(f"the key {key!r} is missing", fix=f"add {key}")
        return self._fields[key]

    def text(self, key: str) -> str:
        """Return a text that must be there and not be empty."""
        node = self.node(key)
        if not isinstance(node.value, str) or node.value in _EMPTY:
            raise self.error(f"{key} must be a text", node.line)
        return node.value

    def optional_text(self, key: str) -> str | None:
        """Return a text, or None where the key is absent or null."""
        self._used.add(key)
        return self.text(key) if self.has(key) else None

    def number(self, key: str, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """Return a finite number within bounds; ``inf`` is taken where ``maximum`` allows it."""
        text = self.text(key)
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{key} must be a number, not {text!r}", self.line_of(key)) from None
        if math.isnan(value) or not minimum <= value <= maximum:
            raise self.error(f"{key} is {text}, and must lie between {minimum} and {maximum}", self.line_of(key))
        return value

    def optional_number(self, key: str, *, minimum: float = -math.inf, maximum: float = math.inf) -> float | None:
        """Return a number, or None where the key is absent or null."""
        self._used.add(key)
        return self.number(key, minimum=minimum, maximum=maximum) if self.has(key) else None

    def integer(self, key: str, *, minimum: int = 0) -> int:
        """Return a whole number."""
        text = self.text(key)
        if not text.isascii() or not text.lstrip("-").isdecimal() or int(text) < minimum:
            raise self.error(f"{key} must be a whole number from {minimum}, not {text!r}", self.line_of(key))
        return int(text)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        self._used.add(key)
        if not self.has(key):
            return default
        text = self.text(key)
        if text not in _TRUE:
            raise self.error(f"{key} must be true or false, not {text!r}", self.line_of(key))
        return _TRUE[text]

    def choice(self, key: str, words: type[_Word]) -> _Word:
        """Return a word of a closed vocabulary."""
        text = self.text(key)
        try:
            return words(text)
        except ValueError:
            allowed = ", ".join(words)
            raise self.error(f"{key} is {text!r}; it must be one of: {allowed}", self.line_of(key)) from None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text alone is a list of one, an absent key an empty one."""
        self._used.add(key)
        if not self.has(key):
            return ()
        node = self._fields[key]
        if isinstance(node.value, str):
            return (node.value,)
        if not isinstance(node.value, list) or not all(isinstance(item.value, str) for item in node.value):
            raise self.error(f"{key} must be a list of texts", node.line)
        return tuple(str(item.value) for item in node.value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """Return a list of so many numbers; ``inf`` is one."""
        texts = self.texts(key)
        try:
            values = tuple(float(text) for text in texts)
        except ValueError:
            values = ()
        if len(values) != count or any(math.isnan(value) for value in values):
            raise self.error(f"{key} must be a list of {count} numbers", self.line_of(key))
        return values

    def record(self, key: str) -> Record:
        """Return a mapping that must be there."""
        return Record(self.node(key), self.file, self._code)

    def records(self, key: str) -> Iterator[Record]:
        """Yield the mappings of a list; an absent key has none."""
        self._used.add(key)
        if not self.has(key):
            return
        node = self._fields[key]
        if not isinstance(node.value, list):
            raise self.error(f"{key} must be a list", node.line)
        for item in node.value:
            yield Record(item, self.file, self._code)

    def finish(self) -> None:
        """Raise for the first key that was not read: a misspelt key must not pass in silence."""
        for key, node in self._fields.items():
            if key not in self._used:
                known = ", ".join(sorted(self._used))
                units = [used for used in sorted(self._used) if used.startswith(f"{key}_")]
                fix = f"name its unit: write {' or '.join(units)}" if units else "correct or remove it"
                raise self.error(f"the key {key!r} is not known here; known: {known}", node.line, fix)
