"""A throw-away PostgreSQL server of the Debian package, reached over a Unix socket; skips visibly where it is absent."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NO_SYNC = "-c fsync=off -c synchronous_commit=on -c full_page_writes=off"


def _binary(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/", timeout=120)


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """Start a server with an empty database in a folder of its own; stop it and remove everything afterwards."""
    initdb, control = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("PostgreSQL absent: apt-get install postgresql")
    # The path of a Unix socket may have about a hundred characters, fewer than the folders of pytest.
    folder = Path(tempfile.mkdtemp(prefix="fid-pg-", dir="/tmp"))
    prefix: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        users = {one.pw_name for one in pwd.getpwall()}
        user = "postgres" if "postgres" in users else "nobody"
        shutil.chown(folder, user)
        prefix = ["runuser", "-u", user, "--"]
    folder.chmod(0o755)
    data = str(folder / "data")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=60 {'' if durable else _NO_SYNC}"
    try:
        _quietly([*prefix, initdb, "-D", data, "-U", "fiducial", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"])
        log = str(folder / "log")
        _quietly([*prefix, control, "-D", data, "-l", log, "-w", "-o", options, "start"])
        try:
            yield f"postgresql://fiducial@/postgres?host={folder}"
        finally:
            _quietly([*prefix, control, "-D", data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of a server for all tests of one process."""
    pytest.importorskip("psycopg")
    with postgres_server() as url:
        yield url
