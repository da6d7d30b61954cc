"""Atomic output under success, failure, kill -9 and two writers at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fiducial.errors import InputError
from fiducial.formats import atomic
from fiducial.formats.atomic import atomic_directory, atomic_file

DEAD = 2**22 + 12345  # above the largest process id of Linux


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def leftover_name(target: Path, kind: str, pid: int) -> Path:
    return target.with_name(f".{target.name}.{kind}-{pid}-{atomic._HOST}01234567")


def test_file_appears_whole_and_replaces(tmp_path):
    target = tmp_path / "new" / "a.txt"
    for text in ("first", "second"):
        with atomic_file(target) as partial:
            assert partial.name == "a.txt"
            partial.write_text(text)
            assert not target.exists() or target.read_text() == "first"
        assert target.read_text() == text
    assert leftovers(target.parent) == []


def test_file_failure_keeps_the_old_one(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with atomic_file(target) as partial:
            partial.write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert target.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_file_without_overwrite(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_file(target, overwrite=False) as partial:
        partial.write_text("mine")
    with pytest.raises(InputError, match="FID-1002"), atomic_file(target, overwrite=False):
        pytest.fail("must refuse before any work")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="FID-1002"), atomic_file(folder):
        pytest.fail("must refuse before any work")


@pytest.mark.parametrize("hard_links", [True, False])
def test_file_race_without_overwrite_keeps_the_winner(tmp_path, monkeypatch, hard_links):
    if not hard_links:

        def refuse(*_):
            raise PermissionError("no hard links here")

        monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "a.txt"

    def race():
        with atomic_file(target, overwrite=False) as partial:
            partial.write_text("loser")
            target.write_text("winner")

    with pytest.raises(InputError, match="another process"):
        race()
    assert target.read_text() == "winner"
    target.unlink()
    with atomic_file(target, overwrite=False) as partial:
        partial.write_text("alone")
    assert target.read_text() == "alone"


def test_directory_appears_whole(tmp_path):
    target = tmp_path / "deep" / "product"
    with atomic_directory(target) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "a").write_text("1")
        assert not target.exists()
    assert (target / "inner" / "a").read_text() == "1"
    with pytest.raises(InputError, match="FID-1002"), atomic_directory(target):
        pytest.fail("must refuse before any work")
    assert leftovers(target.parent) == []


def test_directory_failure_leaves_nothing(tmp_path):
    def fail():
        with atomic_directory(tmp_path / "product") as partial:
            (partial / "a").write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_empty_directory_counts_as_absent_and_a_file_does_not(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with atomic_directory(empty) as partial:
        (partial / "a").write_text("1")
    assert (empty / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a directory"), atomic_directory(tmp_path / "file", overwrite=True):
        pytest.fail("must refuse before any work")


def test_directory_overwrite_is_whole(tmp_path):
    target = tmp_path / "product"
    for name in ("old", "new"):
        with atomic_directory(target, overwrite=True) as partial:
            (partial / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert leftovers(tmp_path) == []


def test_directory_overwrite_needs_the_marker_and_spares_the_working_directory(tmp_path, monkeypatch):
    target = tmp_path / "photos"
    target.mkdir()
    (target / "a.jpg").write_text("")
    with (
        pytest.raises(InputError, match=r"holds no product\.json"),
        atomic_directory(target, overwrite=True, marker="product.json"),
    ):
        pytest.fail("must refuse before any work")
    (target / "inside").mkdir()
    monkeypatch.chdir(target / "inside")
    with pytest.raises(InputError, match="working"), atomic_directory(target, overwrite=True):
        pytest.fail("must refuse before any work")
    assert (target / "a.jpg").exists()


def test_second_writer_gets_a_clear_error(tmp_path):
    target = tmp_path / "product"

    def race():
        with atomic_directory(target) as slow:
            (slow / "a").write_text("slow")
            with atomic_directory(target) as fast:
                (fast / "a").write_text("fast")

    with pytest.raises(InputError, match="another process"):
        race()
    assert (target / "a").read_text() == "fast"
    assert leftovers(tmp_path) == []


def test_a_symbolic_link_keeps_pointing(tmp_path):
    real = tmp_path / "disk2" / "product"
    real.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(real)
    with atomic_directory(link) as partial:
        (partial / "a").write_text("1")
    assert link.is_symlink()
    assert (real / "a").exists()


HANG = """
import sys, time
from fiducial.formats.atomic import atomic_directory, atomic_file
make = atomic_directory if sys.argv[1] == "directory" else atomic_file
with make(sys.argv[2]) as partial:
    (partial / "half" if sys.argv[1] == "directory" else partial).write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_kill_in_mid_write_shows_nothing_and_is_cleaned(tmp_path, kind):
    target = tmp_path / "product.gpkg"
    with start(HANG, kind, target) as process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert len(leftovers(tmp_path)) == 1
    if kind == "file":
        with atomic_file(target) as partial:
            partial.write_text("whole")
        assert target.read_text() == "whole"
    else:
        with atomic_directory(target) as partial:
            (partial / "a").write_text("whole")
        assert [path.name for path in target.iterdir()] == ["a"]
    assert leftovers(tmp_path) == []


def test_product_of_a_writer_killed_between_the_renames_comes_back(tmp_path):
    target = tmp_path / "product[1]"
    old, partial = leftover_name(target, "replaced", DEAD), leftover_name(target, "partial", DEAD)
    for folder, text in ((old, "old"), (partial, "half")):
        folder.mkdir()
        (folder / "a").write_text(text)
    with pytest.raises(InputError, match="FID-1002"), atomic_directory(target):
        pytest.fail("the old product is back and must not be replaced")
    assert (target / "a").read_text() == "old"
    assert leftovers(tmp_path) == []


def test_leftovers_of_living_processes_other_machines_and_names_stay(tmp_path):
    target = tmp_path / "product"
    kept = [
        leftover_name(target, "partial", os.getppid()),
        target.with_name(f".product.partial-{DEAD}-{'0' * 16}"),
        leftover_name(tmp_path / "product2", "partial", DEAD),
        target.with_name(".product.notes"),
    ]
    for folder in kept:
        folder.mkdir()
    with atomic_directory(target) as partial:
        (partial / "a").write_text("")
    assert sorted(leftovers(tmp_path)) == sorted(path.name for path in kept)


CONTEND = """
import sys
from pathlib import Path
from fiducial.formats.atomic import atomic_directory
for turn in range(60):
    with atomic_directory(sys.argv[1], overwrite=True, marker="c") as partial:
        for name in "abc":
            (partial / name).write_text(f"{sys.argv[2]} {turn}")
"""


def test_many_overwriters_never_mix(tmp_path):
    target = tmp_path / "product"
    processes = [start(CONTEND, target, name) for name in ("x", "y", "z")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len({(target / name).read_text() for name in "abc"}) == 1
    assert leftovers(tmp_path) == []


def test_endless_contention_ends_with_an_error(tmp_path, monkeypatch):
    target = tmp_path / "product"
    target.mkdir()
    (target / "a").write_text("")
    monkeypatch.setattr(atomic, "_swap", lambda *_: False)
    with pytest.raises(InputError, match="keep replacing"), atomic_directory(target, overwrite=True):
        pass
    assert (target / "a").exists()


def test_failed_swap_puts_the_old_product_back(tmp_path, monkeypatch):
    target = tmp_path / "product"
    target.mkdir()
    (target / "a").write_text("old")
    rename = Path.rename

    def break_second(self, to):
        if ".partial-" in self.name and not target.exists():
            raise PermissionError(13, "no")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", break_second)
    with pytest.raises(PermissionError), atomic_directory(target, overwrite=True) as partial:
        (partial / "a").write_text("new")
    assert (target / "a").read_text() == "old"
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only /proc tells a zombie from a living process")
def test_leftovers_of_a_process_that_nobody_buried_are_removed(tmp_path):
    with subprocess.Popen(["true"]) as child:
        while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        leftover = tmp_path / f".product.partial-{child.pid}-{atomic._HOST}0123abcd"
        leftover.mkdir()
        with atomic.atomic_directory(tmp_path / "product") as folder:
            (folder / "file").write_text("whole")
        assert [path.name for path in tmp_path.iterdir()] == ["product"]
