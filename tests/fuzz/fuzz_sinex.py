"""Fuzzer of the SINEX reader: FiducialError and nothing else.

``python tests/fuzz/fuzz_sinex.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. Inputs are damaged copies of valid files. What is accepted must survive being written
and read again, and must be the same when it is read in small pieces.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

TOKENS = (
    b"\n", b"\r\n", b"\r", b"\x00", b"-", b".", b"E", b"D", b"nan", b"inf", b"-0.0", b"E+99", b"E-99", b" ", b"\t",
    b"\xff", b"\xc2\xa0", b"\xd9\xa1", b"+", b"%", b"*", b"%ENDSNX\n", b"\n+SITE/ID\n", b"\n-SITE/ID\n", b"00:000:00000",
    b"24:366:86400", b"99:999:99999", b"----", b"--", b"L", b"U", b"COVA", b"CORR", b"INFO", b"     7     7", b"99999",
    b"\x1f\x8b", b"BZh", b"\x1f\x9d", b"#" * 90, b"m/y ", b"mas ", b"9.99999999999999E+98", b"-.10000000000000E-98",
    b"+SOLUTION/MATRIX_ESTIMATE L CORR\n", b"-SOLUTION/MATRIX_ESTIMATE L CORR\n", b"0.00000000000000E+00", b"AEXP_E",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return valid files."""
    from fiducial.formats import sinex
    from sinex_samples import ESTIMATE, SITES, SPANS, covariance, full_solution, matrix_block, small, text

    matrix = covariance()
    sigmas = np.sqrt(matrix.diagonal())
    correlations = matrix / np.outer(sigmas, sigmas)
    np.fill_diagonal(correlations, sigmas)
    upper = matrix_block(correlations, "SOLUTION/MATRIX_ESTIMATE U CORR", lower=False)
    information = matrix_block(np.linalg.inv(matrix), "SOLUTION/MATRIX_ESTIMATE L INFO")
    post_seismic = ESTIMATE.replace("STAX  ", "AEXP_E").replace("STAY  ", "TEXP_E")
    return [
        small(), text(SITES, SPANS, ESTIMATE, upper), text(information, SITES, ESTIMATE), text(SITES, post_seismic),
        sinex.to_bytes(full_solution()), sinex.to_bytes(full_solution()),
    ]  # fmt: skip


_SEEDS: list[bytes] = []


def _changed(content: bytes, choices: Choices) -> bytes:
    place = choices.integer(0, len(content))
    length = choices.integer(0, 30)
    action = choices.integer(0, 8)
    token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
    flipped = bytes(byte ^ (1 << choices.integer(0, 7)) for byte in content[place : place + 1])
    # What stands in place of how many bytes: insert, overwrite twice as often, delete, cut, scramble, flip a bit.
    changes = (
        (token, 0), (token, len(token)), (token, len(token)), (b"", length), (b"", len(content)),
        (choices.content(length), length), (flipped, 1),
    )  # fmt: skip
    if action < len(changes):
        new, old = changes[action]
        return content[:place] + new + content[place + old :]
    lines = content.split(b"\n")
    row = choices.integer(0, len(lines) - 1)
    if action == len(changes):
        lines.insert(row, lines[choices.integer(0, len(lines) - 1)])
    else:
        del lines[row]
    return b"\n".join(lines)


def make(choices: Choices) -> bytes:
    """Return a damaged file."""
    if not _SEEDS:
        _SEEDS.extend(seeds())
    content = _SEEDS[choices.integer(0, len(_SEEDS) - 1)]
    for _ in range(choices.integer(0, 3)):
        content = _changed(content, choices)
    return content


def exercise(content: bytes) -> bool:
    """Read a file, write it and read it again; return whether it was accepted."""
    from fiducial.formats import sinex

    try:
        found = sinex.read(content, check_matrix=len(content) % 2 == 0)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    solution = found.solution
    _check_pieces(solution, content)
    for view in (solution.positions, solution.velocities, solution.post_seismic):
        try:
            view()
        except FiducialError as error:
            assert error.code in {"FID-1302", "FID-1303"}  # noqa: PT017
    try:
        written = sinex.to_bytes(solution)
    except FiducialError:
        return True  # a text beyond Latin-1's printable half, a huge value
    again = sinex.read(written).solution
    np.testing.assert_allclose(again.estimate.values, solution.estimate.values, rtol=1e-13)
    np.testing.assert_array_equal(again.estimate.epochs_utc, solution.estimate.epochs_utc)
    if solution.covariance is not None:
        np.testing.assert_allclose(again.covariance, solution.covariance, rtol=1e-12)
    return True


def _check_pieces(solution, content: bytes) -> None:
    from fiducial.formats import sinex, sinex_stream

    usual = sinex_stream.PIECE_BYTES
    try:
        sinex_stream.PIECE_BYTES = 160
        pieces = sinex.read(content).solution
    finally:
        sinex_stream.PIECE_BYTES = usual
    np.testing.assert_array_equal(pieces.estimate.values, solution.estimate.values)
    for name in ("covariance", "information", "apriori_covariance"):
        whole = getattr(solution, name)
        if whole is not None:
            np.testing.assert_array_equal(getattr(pieces, name), whole)


def run(choices: Choices) -> bool:
    """Make one file and read it."""
    return exercise(make(choices))


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats"]):
        from fiducial.formats import sinex  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)  # an overflow in a check is a check that does not check
    accepted = total = 0

    def one_input(data: bytes) -> None:
        nonlocal accepted, total
        total += 1
        accepted += run(FuzzedChoices(data))
        if total % 1_000 == 0:
            print(f"{total} inputs, {accepted} accepted", file=sys.stderr, flush=True)  # noqa: T201

    # Long inputs from the start: every decision takes bytes, and short inputs decide everything as zero.
    atheris.Setup([sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
