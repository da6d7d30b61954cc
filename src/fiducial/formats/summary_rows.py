"""Rows of a combination summary: typed values of a YAML tree, with their place in the document for messages."""

from __future__ import annotations

import math
import re
from collections.abc import Set as AbstractSet
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.yaml_tree import Node

Strictness = Literal["ignore", "warn", "raise"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"\d{1,9}", re.ASCII)


class Rows:
    """File name, strictness and findings of one reading."""

    def __init__(self, name: str, strictness: Strictness) -> None:
        self.findings: list[str] = []
        self._name = name
        self._strictness = strictness

    def error(self, code: str, problem: str, path: str, line: int) -> FormatError:
        """Return the error of a place in the document."""
        fix = "fetch the file again; if it was edited, undo that"
        return FormatError(code, problem, where=f"{self._name}, line {line}, {path}", fix=fix)

    def finding(self, text: str) -> None:
        """Keep, drop or raise (FID-2447) a repairable fault."""
        if self._strictness == "raise":
            raise FormatError("FID-2447", text, where=self._name, fix='read with strictness "warn" to accept it')
        if self._strictness == "warn":
            self.findings.append(text)

    def of(self, node: Node, section: str) -> list[Row]:
        """Return the rows of a section: mappings in a list, or in lists of one more level."""
        rows = []
        for index, item in enumerate(self.items(node, section)):
            path = f"{section}[{index}]"
            if isinstance(item.value, list):
                rows += [Row(self, inner, f"{path}[{place}]") for place, inner in enumerate(item.value)]
            else:
                rows.append(Row(self, item, path))
        return rows

    def items(self, node: Node, path: str) -> list[Node]:
        """Return the nodes of a list; nothing at all is an empty list."""
        if not node.value:
            return []
        if isinstance(node.value, list):
            return node.value
        raise self.error("FID-2444", "not a list", path, node.line)


class Row:
    """One mapping of a section."""

    def __init__(self, rows: Rows, node: Node, path: str) -> None:
        self.path = path
        self.line = node.line
        self._rows = rows
        if not isinstance(node.value, dict):
            raise rows.error("FID-2444", "not a mapping", path, node.line)
        self._values = node.value

    def wrong(self, key: str, problem: str) -> FormatError:
        """Return the error of a value, FID-2444."""
        node = self._values.get(key)
        line = self.line if node is None else node.line
        return self._rows.error("FID-2444", problem, f"{self.path}.{key}", line)

    def expect(self, keys: AbstractSet[str], absent: AbstractSet[str] = frozenset()) -> None:
        """Report unknown keys, and optional keys that are missing where they are usual."""
        # Rows are thousands and hardly one deviates.
        if self._values.keys() == keys - absent:
            return
        for key in self._values.keys() - keys:
            self._rows.finding(f"{self.path}, line {self.line}: unknown key {key!r}")
        for key in sorted(keys - absent - self._values.keys()):
            self._rows.finding(f"{self.path}, line {self.line}: no {key!r}")

    @property
    def key(self) -> tuple[str, int]:
        """Centre in capital letters and day of the week."""
        day = self.integer("day")
        if day > 6:
            raise self.wrong("day", f"day {day} of a week is not within 0-6")
        return self.text("ac").upper(), day

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        node = self._values.get(key)
        if node is None:
            raise self.wrong(key, "missing")
        if not isinstance(node.value, str) or not node.value:
            raise self.wrong(key, "not a text")
        return node.value

    def integer(self, key: str) -> int:
        """Return a whole number without sign."""
        text = self.text(key)
        if not _INTEGER.fullmatch(text):
            raise self.wrong(key, f"{text!r} is not a whole number")
        return int(text)

    def number(self, key: str, *, optional: bool = False) -> float:
        """Return a finite number; NaN for an optional one that is missing."""
        if optional and key not in self._values:
            return math.nan
        return self._finite(key, self.text(key))

    def vector(self, key: str, *, optional: bool = False) -> NDArray[np.float64]:
        """Return three finite numbers; NaN for an optional vector that is missing."""
        node = self._values.get(key)
        if node is None:
            if optional:
                return np.full(3, np.nan)
            raise self.wrong(key, "missing")
        if not isinstance(node.value, list) or len(node.value) != 3:
            raise self.wrong(key, "not a list of three numbers")
        return np.array([self._finite(key, item.value) for item in node.value])

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        node = self._values.get(key)
        if node is None:
            raise self.wrong(key, "missing")
        return texts(node, f"{self.path}.{key}", self._rows)

    def _finite(self, key: str, value: object) -> float:
        if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            raise self.wrong(key, f"{value if isinstance(value, str) else 'a list or mapping'!r} is not a number")
        return float(value)


def texts(node: Node, path: str, rows: Rows) -> tuple[str, ...]:
    """Return the texts of a list."""
    found = []
    for item in rows.items(node, path):
        if not isinstance(item.value, str) or not item.value:
            raise rows.error("FID-2444", "not a list of texts", path, item.line)
        found.append(item.value)
    return tuple(found)
