"""What is in a file or folder, as a hash; remembered as long as size and time of the file stay the same."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.formats.atomic import atomic_file

_YOUNG_NS: Final = 20_000_000
"""File systems count time in steps of some milliseconds: a file as young as that might change without a new time."""
_LONGEST_LINE: Final = 4_000
"""Appending less than a page is atomic on a local disk."""
_JSON_INSTANT: Final = re.compile(rb'("(?:created_utc|written)"\s*:\s*)"[^"]*"')
_SINEX_INSTANT: Final = re.compile(rb"^(%=SNX [ \d.]{4} \S{3} )\d\d:\d{3}:\d{5}")
_DOCUMENTS: Final = 64 << 20
_MOST_REPEATED: Final = 3
_FEW: Final = 1_000


@dataclass(frozen=True, slots=True)
class Content:
    """Hashes of a file.

    Attributes
    ----------
    sha256 : str
        Of its bytes.
    identity : str
        The same without the instant at which it was written, where a format states one (SINEX, JSON reports, Zarr
        attributes): two runs that found the same have the same identity.
    size : int
        Bytes.
    """

    sha256: str
    identity: str
    size: int


def canonical_json(value: Any) -> str:
    """Return the one JSON text of plain values: keys in order, no blanks, no NaN.

    Examples
    --------
    >>> canonical_json({"b": 1.5, "a": [None, "ä"]})
    '{"a":[null,"ä"],"b":1.5}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain values."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def without_instant(name: str, content: bytes) -> bytes:
    """Return content without the instant at which it was written."""
    ending = Path(name).suffix.lower()
    if ending == ".json":
        return _JSON_INSTANT.sub(rb"\1null", content)
    if ending == ".snx":
        return _SINEX_INSTANT.sub(rb"\g<1>00:000:00000", content, count=1)
    return content


def read_content(path: Path) -> Content:
    """Hash a file."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
        identity = sha256
        if path.suffix.lower() in (".json", ".snx") and size <= _DOCUMENTS:
            stream.seek(0)
            content = stream.read()
            shown = without_instant(path.name, content)
            identity = sha256 if shown is content else hashlib.sha256(shown).hexdigest()
    return Content(sha256, identity, size)


def files_in(path: Path) -> tuple[Path, ...]:
    """Return the files of a folder in order of their names, or the file itself."""
    if not path.is_dir():
        return (path,)
    return tuple(sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names))


class Contents:
    """Hashes of files, kept in a file between runs.

    Parameters
    ----------
    memory : Path, optional
        Lines of JSON that all processes append to; a damaged line is passed over.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, int, Content]] = {}
        self._load()

    def of(self, path: Path) -> Content:
        """Return the hashes of a file, from memory when size and time of change are as they were.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        name = os.path.abspath(path)  # noqa: PTH100 - resolve() would ask the disk about every part
        before = path.stat()
        with self._lock:
            found = self._known.get(name)
        if found is not None and found[:2] == (before.st_size, before.st_mtime_ns):
            return found[2]
        content = read_content(path)
        if time.time_ns() - before.st_mtime_ns > _YOUNG_NS:
            self._keep(name, before, content)
        return content

    def remember(self, path: Path, content: Content) -> None:
        """Take over what is known of a file that nobody but this run writes to."""
        found = path.stat()
        if found.st_size == content.size:
            self._keep(os.path.abspath(path), found, content)  # noqa: PTH100

    def _keep(self, name: str, found: os.stat_result, content: Content) -> None:
        with self._lock:
            self._known[name] = found.st_size, found.st_mtime_ns, content
            self._write(name, found, content)

    def identity(self, path: Path) -> str:
        """Return the identity of a file, or of a folder with the names of all that is in it."""
        if not path.is_dir():
            return self.of(path).identity
        return digest([[one.relative_to(path).as_posix(), self.of(one).identity] for one in files_in(path)])

    def _load(self) -> None:
        if self._memory is None or not self._memory.is_file():
            return
        lines = self._memory.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            try:
                name, size, changed, sha256, identity = json.loads(line)
                self._known[str(name)] = int(size), int(changed), Content(str(sha256), str(identity), int(size))
            except (ValueError, TypeError):
                continue
        if len(lines) > _MOST_REPEATED * len(self._known) + _FEW:
            # What another process appends meanwhile is lost: it is hashed once more.
            with atomic_file(self._memory) as partial:
                partial.write_text(
                    "".join(_line(name, *known) for name, known in self._known.items()), encoding="utf-8"
                )

    def _write(self, name: str, found: os.stat_result, content: Content) -> None:
        if self._memory is None:
            return
        if len(data := _line(name, found.st_size, found.st_mtime_ns, content).encode()) > _LONGEST_LINE:
            return
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._memory, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError:
            # Nothing is remembered where nothing can be written: a look needs no more, a run is refused by its locks.
            return
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)


def _line(name: str, size: int, changed: int, content: Content) -> str:
    return canonical_json([name, size, changed, content.sha256, content.identity]) + "\n"


def fingerprints(paths: Iterable[Path], identity: Callable[[Path], str]) -> list[list[str]]:
    """Return name and identity of every path in order of names: what a cache key holds of an input."""
    return sorted([path.name, identity(path)] for path in paths)


def key_of(step: str, version: int, parameters: Mapping[str, Any], inputs: Mapping[str, list[list[str]]]) -> str:
    """Return the cache key: SHA-256 of the canonical JSON of step, version, parameters and inputs."""
    return digest({"step": step, "version": version, "parameters": dict(parameters), "inputs": dict(inputs)})
