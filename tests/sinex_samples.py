"""Small SINEX files and solutions that several suites share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fiducial.stations.solution import (
    DiscontinuityTable,
    EccentricityTable,
    EquipmentTable,
    NormalEquations,
    ParameterTable,
    SiteTable,
    SolutionHeader,
    SpanTable,
    StationSolution,
)

DAY = np.datetime64("2024-07-03", "ns")
MAS = 4.848136811095359936e-9

HEADER = "%=SNX 2.02 TST 24:189:10055 TST 24:184:86382 24:185:86382 P 00006 2 S E"
SITES = """+SITE/ID
*CODE PT __DOMES__ T _STATION DESCRIPTION__ _LONGITUDE_ _LATITUDE__ HEIGHT_
 AAAA  A 10001M001 P First station           10 30 36.0  45  0  0.0   100.0
 BBBB  A 10002M001 P Second station         350  0  0.0  -0 30  0.0   -10.5
-SITE/ID"""
SPANS = """+SOLUTION/EPOCHS
 AAAA  A    1 P 24:184:86382 24:185:86382 24:185:43182
-SOLUTION/EPOCHS"""
ESTIMATE = """+SOLUTION/ESTIMATE
*INDEX TYPE__ CODE PT SOLN _REF_EPOCH__ UNIT S __ESTIMATED_VALUE____ _STD_DEV___
     1 STAX   AAAA  A    1 24:185:43200 m    2 0.444172100000000E+07 .200000E-02
     2 STAY   AAAA  A    1 24:185:43200 m    2 0.824067400000000D+06 .300000D-02
     3 STAZ   AAAA  A    1 24:185:43200 m    1  4.48741920000000E+06 4.00000e-03
     4 VELX   AAAA  A    1 24:185:43200 m/y  2 -.100000000000000E-01 .100000E-03
     5 XPO    ---- --    1 24:185:43200 mas  0 0.100000000000000E+03 .500000E-01
     6 LOD    ---- --    1 24:185:43200 ms     -.140000000000000E+01 0.00000E+00
-SOLUTION/ESTIMATE"""
PRINTED = np.array([4441721.0, 824067.4, 4487419.2, -0.01, 100.0, -1.4])
FACTORS = np.array([1.0, 1.0, 1.0, 1.0, MAS, 1e-3])


def text(*blocks: str, header: str = HEADER, end: str = "%ENDSNX") -> bytes:
    """Return a file of these blocks."""
    return "\n".join((header, *blocks, end, "")).encode()


def small() -> bytes:
    """Return a sound file without matrix."""
    return text(SITES, SPANS, ESTIMATE)


def covariance(size: int = 6, seed: int = 5) -> np.ndarray:
    """Return a covariance in printed units, with the printed sigmas of the sample; the last is free."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size)) + 2.0 * np.eye(size)
    matrix = root @ root.T
    sigmas = np.array([2e-3, 3e-3, 4e-3, 1e-4, 5e-2, 7e-2])[np.arange(size) % 6]
    scale = sigmas / np.sqrt(matrix.diagonal())
    return matrix * scale[:, None] * scale[None, :]


def matrix_block(matrix: np.ndarray, title: str, *, lower: bool = True) -> str:
    """Print a triangle as the format wants."""
    lines = [f"+{title}"]
    size = len(matrix)
    for row in range(size):
        columns = range(row + 1) if lower else range(row, size)
        for start in list(columns)[::3]:
            values = [matrix[row, column] for column in columns if start <= column < start + 3]
            lines.append(f" {row + 1:5d} {start + 1:5d}" + "".join(f" {value:21.14E}" for value in values))
    return "\n".join([*lines, f"-{title}"])


def table(
    types: list[str], values: np.ndarray, *, code: str = "AAAA", printed: list[str] | None = None, units=None
) -> ParameterTable:
    """Return a list of parameters of one site."""
    count = len(types)
    return ParameterTable(
        np.array(types, dtype="U6"), np.full(count, code), np.full(count, "A"), np.full(count, "1"),
        np.full(count, DAY), np.array(printed or ["m"] * count), np.array(units or ["m"] * count),
        np.full(count, 2, dtype=np.int8), np.asarray(values, dtype=np.float64), np.full(count, np.nan),
    )  # fmt: skip


def full_solution() -> StationSolution:
    """Return a solution with every table and matrix."""
    types = ["STAX", "STAY", "STAZ", "VELX", "XPO", "LOD"]
    printed, units = ["m", "m", "m", "m/y", "mas", "ms"], ["m", "m", "m", "m/yr", "rad", "s"]
    estimate = table(types, PRINTED * FACTORS, printed=printed, units=units)
    matrix = covariance() * np.outer(FACTORS, FACTORS)
    estimate = replace(estimate, sigmas=np.sqrt(matrix.diagonal()))
    apriori = table(types[:3], PRINTED[:3])
    constraints = np.diag([1.0, 4.0, 9.0])
    apriori = replace(apriori, sigmas=np.sqrt(constraints.diagonal()))
    vector = table(types, np.arange(1.0, 7.0) / FACTORS, printed=printed, units=units)
    normal = NormalEquations(vector, np.linalg.inv(covariance()) / np.outer(FACTORS, FACTORS))
    a, one, nat = np.array(["AAAA"]), np.array(["A"]), np.array(["NaT"], dtype="datetime64[ns]")
    soln, day = np.array(["1"]), np.array([DAY])
    keys = (a, one, soln, day, nat)
    return StationSolution(
        SolutionHeader("2.02", "TST", "TST", DAY, DAY, DAY + np.timedelta64(1, "D"), "P", 6, 2, ("S", "E")),
        estimate, matrix, None, apriori, constraints, None, normal, {"VARIANCE FACTOR": 1.25},
        SiteTable(
            a, one, np.array(["10001M001"]), np.array(["P"]), np.array(["First station"]), np.array([10.51]),
            np.array([45.0]), np.array([100.0]),
        ),
        SpanTable(*keys, day),
        EquipmentTable(*keys, np.array(["SEPT POLARX5"]), np.array(["30133"]), np.array(["5.2.0"])),
        EquipmentTable(*keys, np.array(["TRM59800.00     SCIS"]), np.array(["51123"]), np.array([""])),
        EccentricityTable(*keys, np.array([True]), np.array([[0.001, -0.002, 0.1]])),
        DiscontinuityTable(*keys, np.array(["P"]), np.array(["antenna change"])),
        "IGS20", {"SOFTWARE": "test"}, ("a comment",),
    )  # fmt: skip
