"""Fuzzer of the EGMS reader: damaged CSV, XML and ZIP raise FiducialError and nothing else.

``python tests/fuzz/fuzz_egms.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. Inputs start from valid files of every level and vocabulary, so that most of them
reach the parsers behind the first check. What is accepted is read a second time by the general parser, written, and
read again: all three must hold the same numbers.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import warnings
import zipfile
from functools import cache
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import egms_factory
from fiducial.errors import FiducialError

# Compiled functions must be loaded before atheris rewrites bytecode, which numba would not understand.
from fiducial.formats import egms_series, quantised_series

TOKENS = (
    b",", b"\n", b"\r\n", b"\r", b"\x00", b"-", b".", b"e", b"nan", b"inf", b"-0.0", b"1e39", b"1e400", b"99999.9", b"_",
    b" ", b'"', b"\xff", b"\xef\xbb\xbf", b"pid", b"easting", b"20200109", b"99991231", b"20200230", b"\xd9\xa1", b"<", b">",
    b"&a;", b"<track>", b"</BURST>", b"<?xml version='1.0' encoding='utf-16'?>", b"L3", b"9" * 400, b"#", b"1.05", b"+1.0",
)  # fmt: skip
PIECE_BYTES = 700
NAMES = ("{}.{}", "a/b/{}.{}", "x.{1}", "...{1}", "{}.{}.bak", "é.{1}", "EGMS_AEPND_V2022.0.{1}")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class Choices(Protocol):
    """Where decisions come from: the fuzzer's bytes or a random generator."""

    def integer(self, low: int, high: int) -> int: ...
    def content(self, size: int) -> bytes: ...


class RandomChoices:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def content(self, size: int) -> bytes:
        return self._random.randbytes(size)


class FuzzedChoices:
    def __init__(self, data: bytes) -> None:
        import atheris

        self._provider = atheris.FuzzedDataProvider(data)

    def integer(self, low: int, high: int) -> int:
        return int(self._provider.ConsumeIntInRange(low, high))

    def content(self, size: int) -> bytes:
        return bytes(self._provider.ConsumeBytes(size))


@cache
def seeds() -> list[tuple[str, bytes, bytes]]:
    """Return stem, CSV and XML of every kind of product."""
    products = egms_factory.every_kind()
    products[1].newline = "\r\n"
    products[5].set(1, "20200109", "")
    products[5].set(2, "20200109", "-0.0")
    return [(product.stem, product.csv(), product.xml()) for product in products]


def _fields(content: bytes, choices: Choices) -> bytes:
    """Change one field of a table to a token, or move, double or drop it."""
    lines = content.split(b"\n")
    row = choices.integer(0, len(lines) - 1)
    fields = lines[row].split(b",")
    column = choices.integer(0, len(fields) - 1)
    action = choices.integer(0, 4)
    if action == 0:
        fields[column] = TOKENS[choices.integer(0, len(TOKENS) - 1)]
    elif action == 1:
        other = choices.integer(0, len(fields) - 1)
        fields[column], fields[other] = fields[other], fields[column]
    elif action == 2:
        fields.insert(column, fields[column])
    elif action == 3:
        del fields[column]
    else:
        fields[column] += choices.content(2)
    lines[row] = b",".join(fields)
    return b"\n".join(lines)


def _bytes(content: bytes, choices: Choices) -> bytes:
    place = choices.integer(0, len(content))
    length = choices.integer(0, 40)
    action = choices.integer(0, 5)
    if action == 0:
        return content[:place] + TOKENS[choices.integer(0, len(TOKENS) - 1)] + content[place:]
    if action == 1:
        return content[:place] + content[place + length :]
    if action == 2:
        return content[:place]
    if action == 3:
        return content[:place] + choices.content(length) + content[place + length :]
    if action == 4:
        return content[:place] + content[place : place + length] * 2 + content[place + length :]
    return content[:place] + bytes(byte ^ (1 << choices.integer(0, 7)) for byte in content[place : place + 1]) + (
        content[place + 1 :]
    )  # fmt: skip


def _changed(content: bytes, choices: Choices, most: int) -> bytes:
    for _ in range(choices.integer(0, most)):
        content = (_fields if choices.integer(0, 1) else _bytes)(content, choices)
    return content


def make(choices: Choices) -> tuple[str, bytes, bytes | None]:
    """Return file name, content, and the XML beside it if any."""
    stem, csv, xml = seeds()[choices.integer(0, len(seeds()) - 1)]
    csv = _changed(csv, choices, 3)
    if choices.integer(0, 3) == 0:
        xml = _changed(xml, choices, 3)
    if choices.integer(0, 1):
        name = f"{stem}.csv" if choices.integer(0, 3) else "points.csv"
        return name, csv, xml if choices.integer(0, 1) else None
    pattern = NAMES[choices.integer(0, len(NAMES) - 1)] if choices.integer(0, 3) == 0 else NAMES[0]
    members = {pattern.format(stem, "csv"): csv, pattern.format(stem, "xml"): xml}
    archive = egms_factory.zip_bytes(members, METHODS[choices.integer(0, len(METHODS) - 1)])
    if choices.integer(0, 1):
        for _ in range(choices.integer(1, 3)):
            archive = _bytes(archive, choices)
    return f"{stem}.zip", archive, None


def exercise(path: Path) -> bool:
    """Read a file as an import does; return whether it was accepted."""
    from fiducial.formats import egms, egms_checks, egms_csv

    burst = None
    parsed = []
    try:
        file = egms.recognise(path)
        with file.pieces(PIECE_BYTES) as pieces:
            for piece in pieces:
                rows, coded = egms_csv.parse_quantised(piece, file.header, file.where)
                burst = egms_checks.check(rows, file, burst)
                parsed.append((piece, rows, coded))
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    assert file.stem.strip(".")
    for piece, rows, coded in parsed:
        general, series = egms_csv.parse(piece, file.header, file.where)
        assert len(series) == piece.lines
        for name, column in rows.attributes.items():
            np.testing.assert_array_equal(column, general.attributes[name])
        if coded.exact:
            zeros = coded.negative_zero_count, coded.negative_zero_epoch
            exact = quantised_series.decode_exact(coded.tenth_mm, *zeros)
            np.testing.assert_array_equal(exact.astype(np.float32), series)
            np.testing.assert_array_equal(np.signbit(exact) & (exact == 0), np.signbit(series) & (series == 0))
        _written_and_read(file, rows, series)
    return True


def _written_and_read(file, rows, series) -> None:
    from fiducial.formats import egms_csv

    sink = io.BytesIO()
    egms_csv.write_header(sink, file.header)
    egms_csv.write_rows(sink, file.header, rows.attributes, np.array(series, dtype=np.str_).astype(float), rows.styles)
    sink.seek(0)
    header = egms_csv.read_header(sink, "again")
    assert header.names == file.header.names
    again = [egms_csv.parse(piece, header, "again") for piece in egms_csv.pieces(sink, "again")]
    np.testing.assert_array_equal(again[0][1], series)
    for name, column in rows.attributes.items():
        np.testing.assert_array_equal(again[0][0].attributes[name], column)


def run(choices: Choices, folder: Path) -> bool:
    """Make one file, read it, and remove it."""
    name, content, xml = make(choices)
    path = folder / name
    beside = path.with_suffix(".xml")
    path.write_bytes(content)
    if xml is not None:
        beside.write_bytes(xml)
    try:
        return exercise(path)
    finally:
        path.unlink()
        beside.unlink(missing_ok=True)


def main() -> None:
    import atheris

    assert egms_series
    with atheris.instrument_imports(include=["fiducial.formats", "fiducial.motion.identifiers", "zipfile"]):
        from fiducial.formats import egms, egms_checks, egms_columns, egms_csv, egms_names, egms_xml  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)  # an overflow in a check is a check that does not check
    memory = Path("/dev/shm")  # noqa: S108
    accepted = total = 0
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:

        def one_input(data: bytes) -> None:
            nonlocal accepted, total
            total += 1
            accepted += run(FuzzedChoices(data), Path(folder))
            if total % 10_000 == 0:
                print(f"{total} inputs, {accepted} accepted", file=sys.stderr, flush=True)  # noqa: T201

        # Long inputs from the start: every decision takes bytes, and short inputs decide everything as zero.
        atheris.Setup([sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
