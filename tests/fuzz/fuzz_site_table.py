"""Fuzzer of tables of sites; ``python tests/fuzz/fuzz_site_table.py -max_total_time=600``.

Damaged input raises FiducialError and nothing else; what is accepted has one row of every column a site.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

SEEDS = (
    b"""station,point,domes,longitude,latitude,height,antenna,radome,receiver,start,end
ZIMM00CHE,A,14001M004,7.4653,46.8771,956.4,TRM29659.00,NONE,TRIMBLE NETRS,1998-11-06,
wtzr,A,14201M010,12.8789,49.1442,666.0,,,LEICA GR50,,2010-01-01
""",
    b"""#StationName,X,Y,Z,Agency,ReceiverName
EUR1,4027893.675,307045.907,4919475.172,"a, b",X
NONE,0,0,0,,
""",
    b"station\tdomes\nAAAA\t10001M001\n",
)
TOKENS = (
    b",", b"\t", b'"', b'""', b"#", b"\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\x85", "\u2028".encode(), "\u0661".encode(),
    b"nan", b"inf", b"-", b"1e99", b"-0", b"9" * 400, b"station", b"x", b"2010-02-30", b"NaT", b"1900-01-01", b"\xc5\xbf",
)  # fmt: skip


def exercise(content: bytes) -> bool:
    """Read a content; return whether it was accepted."""
    from fiducial.formats import site_table
    from fiducial.stations.metadata_checks import check_metadata

    try:
        table = site_table.read(content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    places = (table.sites.longitude_deg, table.sites.latitude_deg, table.sites.height_m)
    assert not any(np.isinf(one).any() for one in places)
    check_metadata(table, table)
    return True


def run(choices: Choices) -> bool:
    """Make one content and read it."""
    content = SEEDS[choices.integer(0, len(SEEDS) - 1)]
    for _ in range(choices.integer(0, 3)):
        place, length = choices.integer(0, len(content)), choices.integer(0, 20)
        token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
        pieces = (token, b"", choices.content(length), content[place : place + length] * 2)
        keep = place + length * choices.integer(0, 1)
        content = content[:place] + pieces[choices.integer(0, len(pieces) - 1)] + content[keep:]
    return exercise(content)


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats", "fiducial.stations"]):
        from fiducial.formats import site_table  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)

    def one_input(data: bytes) -> None:
        run(FuzzedChoices(data))

    atheris.Setup([sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
