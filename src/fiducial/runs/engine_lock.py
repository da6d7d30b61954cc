"""Locks between processes: one at a time makes the outputs of a task. The kernel frees what a killed process held."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any, Final

from fiducial.errors import RunError

_held: Final[set[int]] = set()


def _forget_in_child() -> None:
    # A forked child shares the lock; were it to outlive a killed parent, the lock would never be free.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class TaskLock:
    """A lock with a note in its file: who holds it, and what for.

    Parameters
    ----------
    path : Path
        The file; it is made when missing and stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.left_behind: dict[str, Any] | None = None
        """Note of a holder that did not release the lock: it was killed."""

    def acquire(self) -> bool:
        """Take the lock if it is free; False when another process, or thread, has it.

        Raises
        ------
        RunError
            FID-5007 when the file system knows no locks, or the file cannot be made.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                return False
            raise self._refused(error) from error
        self._descriptor = descriptor
        _held.add(descriptor)
        self.left_behind = self._read()
        # What was left behind stays in the note until it has been dealt with.
        self.note(None if self.left_behind is None else self.left_behind.get("about"))
        return True

    def was_left(self) -> bool:
        """Tell whether the lock is held, or was when its holder was killed, without taking it."""
        try:
            return self._path.stat().st_size > 0
        except OSError:
            return False

    def note(self, about: dict[str, Any] | None) -> None:
        """Write what the lock is held for, so that whoever takes it after a kill can say what was lost."""
        if self._descriptor is None:
            msg = "the lock is not held"
            raise AssertionError(msg)
        me = {"pid": os.getpid(), "host": socket.gethostname()} | ({} if about is None else {"about": about})
        data = json.dumps(me).encode()
        # In this order the file is never empty between two notes; what may hang behind the new one is cut.
        os.pwrite(self._descriptor, data + b"\n", 0)
        os.ftruncate(self._descriptor, len(data) + 1)

    def release(self) -> None:
        """Free the lock; nothing happens when it is not held."""
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, 0)
        _held.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def holder(self) -> str:
        """Say who holds the lock, as far as its note tells."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8").partition("\n")[0])
            return f"process {found['pid']} on {found['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def _read(self) -> dict[str, Any] | None:
        try:
            first = os.pread(self._descriptor or 0, 1 << 20, 0).partition(b"\n")[0]
            found = json.loads(first or b"null")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _refused(self, error: OSError) -> RunError:
        return RunError(
            "FID-5007", f"no lock can be taken here: {error.strerror or error}", where=str(self._path),
            fix="give a folder that can be written, on a file system with locks (a local disk has them)",
        )  # fmt: skip
