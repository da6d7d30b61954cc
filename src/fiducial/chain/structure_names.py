"""Finding a node by whatever a person calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from fiducial.chain.structure import Item, Structure
from fiducial.errors import InputError

_SEPARATORS: Final = re.compile(r"[^0-9a-z]+")
_OFFERED: Final = 5
_ALIKE: Final = 0.6


def find_item(structure: Structure, text: str) -> Item:
    """Find a node by id, tail of an id, acronym, name, or a word of one of these.

    Case and separators do not matter, unless they tell two ids apart. The more exact way to be called wins: id, then
    acronym and tail of the id, then name, then a single word of id or name.

    Raises
    ------
    InputError
        FID-1410 when nothing is called so; the nearest are offered. FID-1411 when several are, equally well.
    """
    if text in structure:
        return structure.item(text)
    wanted = _plain(text)
    for calls in (_ids, _short, _names, _words):
        found = [item for item in structure.items if wanted and wanted in calls(item)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                "FID-1411", f"{text!r} may mean {_listed(found)}", where=text, fix="give the id",
            )  # fmt: skip
    near = nearest(structure, text)
    offer = f"perhaps {_listed(near)}" if near else "`fiducial chain show` lists what there is"
    raise InputError("FID-1410", f"nothing in the chain is called {text!r}", where=text, fix=offer)


def nearest(structure: Structure, text: str) -> list[Item]:
    """Return the nodes whose id, acronym or name is most alike, best first; at most five, perhaps none."""
    wanted = _plain(text)
    matcher = SequenceMatcher(autojunk=False, b=wanted)
    scored = []
    for item in structure.items:
        best = 0.0
        for call in {*_ids(item), *_short(item), *_names(item), *_words(item)}:
            matcher.set_seq1(call)
            best = max(best, matcher.ratio())
        if best >= _ALIKE:
            scored.append((-best, item.id, item))
    return [item for _, _, item in sorted(scored, key=lambda one: one[:2])[:_OFFERED]]


def _plain(text: str) -> str:
    return _SEPARATORS.sub("", text.lower().replace("&", "and"))


def _ids(item: Item) -> set[str]:
    return {_plain(item.id)}


def _short(item: Item) -> set[str]:
    tail = item.id.rpartition("/")[2]
    return {_plain(one) for one in (tail, item.acronym) if one}


def _names(item: Item) -> set[str]:
    return {_plain(item.name), _plain(item.name.partition("(")[0])}


def _words(item: Item) -> set[str]:
    words = _SEPARATORS.split(f"{item.id} {item.name}".lower())
    return {word for word in words if len(word) > 1}


def _listed(items: Iterable[Item]) -> str:
    return "; ".join(f"{item.id} ({item.kind}: {item.name})" for item in items)
