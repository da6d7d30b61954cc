"""Atomic output: a reader sees the whole old product or the whole new one, never a part, even after ``kill -9``.

Everything is built in a hidden sibling directory ``.<name>.partial-<pid>-<random>`` (same file system, so that the
last step is a rename) and moved to its name when complete and flushed. What a killed process left behind is removed
by the next writer of the same name.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fiducial.errors import InputError

# Process ids mean something on one machine only; on a shared disk the leftovers of other machines are left alone.
_HOST: Final = f"{zlib.crc32(socket.gethostname().encode()):08x}"
_ATTEMPTS: Final = 50
_TAKEN: Final = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


@contextmanager
def atomic_file(path: Path | str, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to; move it to ``path`` on success, remove it on failure.

    Parameters
    ----------
    path : path
        The file to make; missing parent directories are made.
    overwrite : bool
        False refuses an existing file, also one that another process makes in the meantime.

    Yields
    ------
    Path
        A path of the same file name in a hidden directory beside the target, so that libraries that look at the
        name (GDAL) and side files of theirs find their place.

    Raises
    ------
    InputError
        FID-1002 when the target exists and may not be replaced, or is a directory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder, "a.txt")) as partial:
    ...         _ = partial.write_text("whole")
    ...     Path(folder, "a.txt").read_text()
    'whole'
    """
    target = Path(path).resolve()
    if target.is_dir() or (target.exists() and not overwrite):
        raise _exists(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _clean(target)
    workshop = _workshop(target)
    workshop.mkdir()
    try:
        partial = workshop / target.name
        yield partial
        _flush(partial)
        if overwrite:
            partial.replace(target)
        else:
            _publish_new_file(partial, target)
        _flush(target.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def atomic_directory(
    path: Path | str, *, overwrite: bool = False, marker: str | None = None, flushed: bool = False
) -> Iterator[Path]:
    """Yield a temporary directory to fill; rename it to ``path`` on success, remove it on failure.

    Parameters
    ----------
    path : path
        The directory to make; missing parents are made. An existing empty directory counts as absent.
    overwrite : bool
        Replace an existing directory whole. Of two processes that do so at once the last one wins whole.
    marker : str, optional
        Name of a file (such as ``product.json``) that an existing directory must hold before it is replaced: a
        mistyped path then cannot cost a folder of other things.
    flushed : bool
        Directories inside are on the disk already (`flush_tree`).

    Raises
    ------
    InputError
        FID-1002 when the target exists and may not be replaced; also at the end, when another process was faster.
    """
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _clean(target)
    _check_replaceable(target, overwrite=overwrite, marker=marker)
    workshop = _workshop(target)
    workshop.mkdir()
    try:
        yield workshop
        flush_tree(workshop, deep=not flushed)
        _publish_directory(workshop, target, overwrite=overwrite)
        _flush(target.parent)
        # A process killed a moment ago may have been dying still when this one began.
        _clean(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _exists(target: Path, detail: str = "output exists already") -> InputError:
    fix = "choose another name, remove it, or allow overwriting"
    return InputError("FID-1002", detail, where=str(target), fix=fix)


def _check_replaceable(target: Path, *, overwrite: bool, marker: str | None) -> None:
    names = _names_in(target)
    if not names:
        return
    if not overwrite:
        raise _exists(target)
    if marker is not None and marker not in names:
        raise _exists(target, f"directory to replace holds no {marker}, so it is something else")
    if any(place == target or target in place.parents for place in (Path.cwd(), Path.home())):
        raise _exists(target, "directory to replace holds the working or the home directory")


def _names_in(target: Path) -> list[str]:
    """Names in a directory, none when it is absent: one look at one state, however often others replace it."""
    names: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            before = target.stat()
            names = [entry.name for entry in target.iterdir()]
            after = target.stat()
        except FileNotFoundError:
            # Absent, or just being replaced: either way there is nothing here that this process could destroy.
            return []
        except NotADirectoryError as error:
            raise _exists(target, "output exists already and is not a directory") from error
        if (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns):
            break
    return names


def _workshop(target: Path, kind: str = "partial") -> Path:
    return target.with_name(f".{target.name}.{kind}-{os.getpid()}-{_HOST}{secrets.token_hex(4)}")


def _publish_new_file(partial: Path, target: Path) -> None:
    """Give a file its name only when that name is free: a hard link, which fails if another process was faster."""
    try:
        os.link(partial, target)
    except FileExistsError as error:
        raise _exists(target, "another process made the output in the meantime") from error
    except OSError:
        # Some file systems know no hard links; what is left is the check just before the rename.
        if target.exists():
            raise _exists(target, "another process made the output in the meantime") from None
        partial.rename(target)


def _publish_directory(workshop: Path, target: Path, *, overwrite: bool) -> None:
    for _ in range(_ATTEMPTS):
        try:
            workshop.rename(target)  # replaces nothing but an empty directory
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            if not overwrite:
                raise _exists(target, "another process made the output in the meantime") from error
        else:
            return
        if _swap(workshop, target):
            return
    raise _exists(target, "other processes keep replacing the output")


def _swap(workshop: Path, target: Path) -> bool:
    """Put the new directory in the place of the old one; False when another process came between."""
    old = _workshop(target, "replaced")
    try:
        target.rename(old)
    except FileNotFoundError:
        return False
    # Until the next rename the name is free for microseconds; a kill just here is healed by _clean.
    try:
        workshop.rename(target)
    except OSError as error:
        if error.errno not in _TAKEN:
            old.rename(target)
            raise
        done = False
    else:
        done = True
    shutil.rmtree(old, ignore_errors=True)
    return done


def _clean(target: Path) -> None:
    """Remove what dead processes left beside the target; put back a product that was being replaced when they died."""
    leftover = re.compile(rf"\.{re.escape(target.name)}\.(partial|replaced)-(\d+)-{_HOST}[0-9a-f]{{8}}")
    for sibling in sorted(target.parent.glob(f".{_glob_escape(target.name)}.*")):
        match = leftover.fullmatch(sibling.name)
        if match is None or _alive(int(match[2])):
            continue
        if match[1] == "replaced" and not target.exists():
            try:
                sibling.rename(target)
            except OSError:
                continue  # another process heals the same wound
        else:
            shutil.rmtree(sibling, ignore_errors=True)


def _glob_escape(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    # A killed process that its parent has not buried yet still answers; where /proc tells, it is taken for dead.
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return True
    return state[:1] not in (["Z"], ["X"])


def _flush(path: Path) -> None:
    """Force a file or the entries of a directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(root: Path, *, deep: bool = True) -> None:
    """Force a directory and the files in it to the disk, and unless told otherwise the directories in it."""
    for folder, folders, names in os.walk(root):
        for name in names:
            _flush(Path(folder, name))
        _flush(Path(folder))
        if not deep:
            folders.clear()
