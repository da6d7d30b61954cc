"""Where the files of a product lie inside it: its own folder, and the path of each file in that folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fiducial.catalogue.records import FileRecord

_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]")
_Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a product at one place.

    Attributes
    ----------
    inside : str
        Path inside the folder of the product; the name alone of a file that lies elsewhere.
    path : str
        Path as recorded.
    address : str
        Path by which the file is distinct from those of other products: it begins with the name of the product's
        folder where that has folders in it or files beside it, else as ``inside``.
    """

    inside: str
    path: str
    address: str


@dataclass(frozen=True, slots=True)
class ProductPlaces:
    """The places of the files of one product.

    Attributes
    ----------
    of : dict of id to tuple of Place
        Several where one content lies at several places inside the product. A file without a path has none.
    names : dict of id to str
        What to call each file: its first path inside the product, its name where it has no path.
    """

    of: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def product_places(files: Iterable[FileRecord]) -> ProductPlaces:
    """Choose the folder of a product, and the path of each of its files in it.

    Parameters
    ----------
    files : iterable of FileRecord
        Of one product. A content may have been seen in other products too: small files such as the metadata of a Zarr
        group are the same in many.

    Returns
    -------
    ProductPlaces

    Notes
    -----
    The folder is the deepest one that holds the most files; of several such, as of copies, the first in order. Where all
    that lies directly in it is named after one folder in it (``X`` and ``X.zip``), that folder is the product's, as its
    neighbours are other products.
    """
    records = {one.id: one for one in files}
    paths = {one: {_parts(path): path for path in sorted(file.paths) if path} for one, file in records.items()}
    located = {one: found for one, found in paths.items() if found}
    counts = Counter(folder for found in located.values() for folder in {f for parts in found for f in _above(parts)})
    base = _deepest(counts)
    own, companions = _own_folder(base, located, counts)
    is_tree = bool(companions) or any(len(parts) > len(own) + 1 for found in located.values() for parts in found
                                      if parts[: len(own)] == own)  # fmt: skip
    of: dict[str, tuple[Place, ...]] = {}
    for one, found in sorted(located.items()):
        within = sorted((parts for parts in found if parts[: len(own)] == own), key=lambda parts: _rank(parts, counts))
        places = [Place(inside := "/".join(parts[len(own) :]), found[parts], _joined(own, inside, is_tree=is_tree))
                  for parts in within]  # fmt: skip
        if not places:
            # In order of the paths, but beside the product's folder before anywhere else.
            parts = min(found, key=lambda parts: (parts[:-1] != own[:-1], parts))
            places = [Place(parts[-1], found[parts], parts[-1])]
        of[one] = tuple(places)
    names = {one: of[one][0].inside if one in of else file.name for one, file in records.items()}
    return ProductPlaces(of, names)


def _parts(path: str) -> _Parts:
    return tuple(re.split(r"[\\/]", path) if _WINDOWS.match(path) else path.split("/"))


def _above(parts: _Parts) -> list[_Parts]:
    return [parts[:k] for k in range(len(parts))]


def _deepest(counts: Counter[_Parts]) -> _Parts:
    most = max(counts.values(), default=0)
    candidates = {folder for folder, count in counts.items() if count == most}
    with_deeper = {folder[:-1] for folder in candidates if folder}
    return min(candidates - with_deeper, default=())


def _own_folder(
    base: _Parts, located: dict[str, dict[_Parts, str]], counts: Counter[_Parts]
) -> tuple[_Parts, frozenset[str]]:
    """Return the folder of the product, and the files beside it that bear its name."""
    folders = [one for one in counts if len(one) == len(base) + 1 and one[:-1] == base]
    for folder in sorted(folders, key=lambda one: (-counts[one], one)):
        beside = {one for one, found in located.items() if not any(parts[: len(folder)] == folder for parts in found)}
        named = re.compile(re.escape(folder[-1]) + r"[^A-Za-z0-9].*", re.DOTALL)
        fits = all(any(parts[:-1] == base and named.fullmatch(parts[-1]) for parts in located[one]) for one in beside)
        if beside and fits:
            return folder, frozenset(beside)
    return base, frozenset()


def _rank(parts: _Parts, counts: Counter[_Parts]) -> tuple[_Parts | tuple[int, ...], ...]:
    """Order the places of one content: in the folders that hold most of the product first."""
    return tuple(-counts[folder] for folder in _above(parts)[1:]), parts


def _joined(folder: _Parts, inside: str, *, is_tree: bool) -> str:
    return f"{folder[-1]}/{inside}" if is_tree and folder and folder[-1] else inside
