"""Files of an orbit combination: which there are, whose they are, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fiducial.errors import FiducialError, InputError
from fiducial.formats import clk, sp3
from fiducial.formats.igs_names import LongName, parse_name
from fiducial.formats.strictness import Strictness
from fiducial.runs.progress import progress

_COMPRESSIONS: Final = (".gz", ".z", ".bz2")
_ORBIT_ENDINGS: Final = (".sp3",)
_CLOCK_ENDINGS: Final = (".clk", ".clk_30s", ".clk_05s")
_FOLDERS: Final = {"sp3", "clk", "orb", "orbits", "clocks"}
_AUXILIARY: Final = {
    "frame summary": ("*SNX*SUM.YML*", "*snx*sum.yml*"),
    "satellite metadata": ("*satellite_metadata*.snx*",),
    "NANU summary": ("nanus_sum*", "*nanu*sum*"),
    "earth rotation": ("finals.*", "finals2000A.*"),
}


@dataclass(frozen=True, slots=True)
class OrbitSources:
    """Files by centre.

    Attributes
    ----------
    orbits, clocks : dict of centre to Path
        Clocks may have centres that the orbits lack.
    auxiliary : dict of kind to Path
        Files found in the folders that were given.
    """

    orbits: dict[str, Path]
    clocks: dict[str, Path]
    auxiliary: dict[str, Path]


@dataclass(frozen=True, slots=True, eq=False)
class CentreData:
    """What was read from one centre."""

    centre: str
    path: Path
    orbit: sp3.Sp3File
    clock: clk.ClockFile | None


def find_sources(sources: Sequence[str | Path], without: Sequence[str] = ()) -> OrbitSources:
    """Sort files and folders by centre and kind.

    Parameters
    ----------
    sources : sequence of path or ``CENTRE=path``
        Files, or folders whose SP3 and clock files are taken; where a folder has none, its sub-folders ``sp3`` and
        ``clk`` are looked at. The centre is the beginning of an IGS file name, or what stands before ``=``.
    without : sequence of str
        Centres to leave out.

    Raises
    ------
    InputError
        FID-1230 when nothing is found or a source does not exist; FID-1231 when the centre of a file cannot be told;
        FID-1232 when a centre has two files of a kind, or a centre to leave out is not there.
    """
    orbits: dict[str, Path] = {}
    clocks: dict[str, Path] = {}
    auxiliary: dict[str, Path] = {}
    for text in sources:
        name, path = _named(text)
        if path.is_dir():
            for kind, found in _auxiliary(path).items():
                auxiliary.setdefault(kind, found)
        elif not path.exists():
            raise InputError("FID-1230", "no such file or folder", where=str(path), fix="check the path")
        for file in _files(path):
            table = clocks if _ends(file, _CLOCK_ENDINGS) else orbits
            centre = name or centre_of(file)
            if centre in table and table[centre].resolve() != file.resolve():
                raise InputError(
                    "FID-1232",
                    f"centre {centre} has two files: {table[centre].name} and {file.name}",
                    where=str(file.parent),
                    fix="give one file a centre, or name one of them differently, as in XYZ=file.SP3",
                )
            table[centre] = file
    unknown = sorted(set(without) - set(orbits))
    if unknown:
        raise InputError(
            "FID-1232", f"no orbit file of {', '.join(unknown)}, which shall be left out", where="--without",
            fix=f"choose among {', '.join(sorted(orbits))}",
        )  # fmt: skip
    kept = {centre: path for centre, path in sorted(orbits.items()) if centre not in without}
    if not kept:
        where = ", ".join(str(source) for source in sources) or "no source"
        raise InputError("FID-1230", "no SP3 file to combine", where=where, fix="give SP3 files or a folder of them")
    return OrbitSources(kept, {centre: path for centre, path in clocks.items() if centre not in without}, auxiliary)


def _named(text: str | Path) -> tuple[str, Path]:
    plain = str(text)
    name, sign, rest = plain.partition("=")
    if sign and name.isalnum() and not Path(plain).exists():
        return name.upper(), Path(rest)
    return "", Path(plain)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    wanted = (*_ORBIT_ENDINGS, *_CLOCK_ENDINGS)
    direct = sorted(file for file in path.iterdir() if file.is_file() and _ends(file, wanted))
    if direct:
        return direct
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name.lower() in _FOLDERS)
    return [file for folder in folders for file in sorted(folder.iterdir()) if file.is_file() and _ends(file, wanted)]


def _ends(file: Path, endings: tuple[str, ...]) -> bool:
    name = file.name.lower()
    for compression in _COMPRESSIONS:
        name = name.removesuffix(compression)
    return name.endswith(endings)


def _auxiliary(folder: Path) -> dict[str, Path]:
    """Other files that the combination can use; two of a kind are no choice that a program should make."""
    found: dict[str, Path] = {}
    for kind, patterns in _AUXILIARY.items():
        files = sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()})
        if len(files) == 1:
            found[kind] = files[0]
    return found


def centre_of(path: Path) -> str:
    """Return the analysis centre that a file name states.

    Raises
    ------
    InputError
        FID-1231 when the name is not an IGS name.
    """
    try:
        name = parse_name(path.name)
    except FiducialError as error:
        raise InputError(
            "FID-1231",
            "the name does not tell the analysis centre",
            where=str(path),
            fix=f"say whose it is, as in COD={path.name}",
        ) from error
    return name.centre.upper()


def solution_of(paths: Sequence[Path]) -> str | None:
    """Return the product line (FIN, RAP, ULT) that all long names share; None when they do not."""
    lines = set()
    for path in paths:
        try:
            name = parse_name(path.name)
        except FiducialError:
            continue
        if isinstance(name, LongName):
            lines.add(name.solution)
    return lines.pop() if len(lines) == 1 else None


def read_centres(sources: OrbitSources, strictness: Strictness, *, clocks: bool = True) -> dict[str, CentreData]:
    """Read all files.

    Parameters
    ----------
    sources : OrbitSources
    strictness : {"ignore", "warn", "raise"}
        What becomes of faults that can be repaired.
    clocks : bool
        Read the clock files too.
    """
    read: dict[str, CentreData] = {}
    wanted = {centre: path for centre, path in sources.clocks.items() if clocks and centre in sources.orbits}
    total = sum(path.stat().st_size for table in (sources.orbits, wanted) for path in table.values())
    with progress("reading", total) as advance:
        for centre, path in sources.orbits.items():
            orbit = sp3.read(path, strictness=strictness)
            advance(path.stat().st_size)
            own = wanted.get(centre)
            clock = clk.read(own, strictness=strictness) if own is not None else None
            advance(own.stat().st_size if own is not None else 0)
            read[centre] = CentreData(centre, path, orbit, clock)
    return read
