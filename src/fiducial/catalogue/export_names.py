"""Names, times and plain values that all exports of the catalogue share."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

NAMESPACE: Final = "urn:fiducial:"
"""The same as that of the exports of the chain (``formats/chain_identity.py``)."""
PREFIXES: Final[Mapping[str, str]] = {
    "cat": f"{NAMESPACE}catalogue:",
    "cis2": f"{NAMESPACE}cis2:",
    "egv": f"{NAMESPACE}egv:",
    "fid": f"{NAMESPACE}term:",
    "igs": f"{NAMESPACE}igs:",
}
"""Namespaces: records of the catalogue, requirements, variables and products, terms of our own, products of the IGS."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff\0]")
_IGS_LONG_NAME: Final = re.compile(r"([A-Z0-9]{10})_\d{11}_\d{2}[A-Z]_\d{2}[A-Z]_[A-Z]{3}\.")
_REQUIREMENT: Final = re.compile(r"(?:cis2:)?(?:req/)?([0-9]{1,9})")
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".z": "application/x-compress",
    ".zip": "application/zip",
}
_TEXT_FORMATS: Final = frozenset({"SP3", "CLK", "ERP", "SINEX", "SNX", "TRO", "IONEX", "TENV", "TENV3", "TMS", "NANU"})


def record(identity: str) -> str:
    """Return the qualified name of a record: its kind and its value, percent-encoded, so that it is one to one.

    Examples
    --------
    >>> record("product:GSO of 2024"), record("scene:S1A/IW"), record("a/b")
    ('cat:product/GSO%20of%202024', 'cat:scene/S1A%2FIW', 'cat:a%2Fb')
    """
    kind, colon, value = identity.partition(":")
    return f"cat:{local(kind)}/{local(value)}" if colon else f"cat:{local(kind)}"


def concept(identity: str) -> str:
    """Return the qualified name of a variable or product of the chain, as the SKOS export of the chain has it."""
    return f"egv:{quote(identity, safe='/-._~', errors='surrogatepass')}"


def requirement(name: str) -> str | None:
    """Return the qualified name of a requirement of the CIS2 register; None for a name that is not a number of it.

    Examples
    --------
    >>> requirement("369"), requirement("cis2:req/369"), requirement("gnss")
    ('cis2:req/369', 'cis2:req/369', None)
    """
    match = _REQUIREMENT.fullmatch(name)
    return f"cis2:req/{match[1]}" if match else None


def igs_product(name: str) -> str | None:
    """Return the qualified name of the product line that an IGS long file name states.

    Examples
    --------
    >>> igs_product("IGS0OPSFIN_20242590000_01D_15M_ORB.SP3.gz")
    'igs:IGS0OPSFIN'
    """
    match = _IGS_LONG_NAME.match(name)
    return f"igs:{match[1]}" if match else None


def uri(name: str) -> str:
    """Return the URI of a qualified name.

    Examples
    --------
    >>> uri("egv:SPTS"), uri("cat:product/x")
    ('urn:fiducial:egv:SPTS', 'urn:fiducial:catalogue:product/x')
    """
    prefix, _, rest = name.partition(":")
    return PREFIXES[prefix] + rest


def record_uri(identity: str) -> str:
    """Return the URI of a record."""
    return uri(record(identity))


def software(spelled: str) -> str:
    """Return the qualified name of software that only a run names; two slashes, so that no record has it."""
    return f"cat:software/run/{local(spelled)}"


def local(text: str) -> str:
    """Return a text percent-encoded, also slashes and colons, and whatever a file name may hold."""
    return quote(text, safe="", errors="surrogatepass")


def path_uri(path: str) -> str:
    """Return the ``file:`` URI of an absolute path; bytes that are not UTF-8 keep their value."""
    windows = re.match(r"[A-Za-z]:[\\/]", path)
    path = "/" + path.replace("\\", "/") if windows else path
    return "file://" + _quoted_path(path, "/:" if windows else "/")


def path_reference(path: str) -> str:
    """Return a relative path as a relative URI."""
    return _quoted_path(path, "/")


def _quoted_path(path: str, safe: str) -> str:
    try:
        return quote(path, safe=safe, errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(path, safe=safe, errors="surrogatepass")


def text(value: str) -> str:
    """Return a text that every JSON and RDF reader takes: lone surrogates and NUL become U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", value)


def utc(moment: datetime) -> str:
    """Return a time in ISO 8601; one without a zone is UTC, as all times of the catalogue are.

    Examples
    --------
    >>> utc(datetime(2024, 9, 15))
    '2024-09-15T00:00:00Z'
    """
    return instant(moment).replace(tzinfo=None).isoformat() + "Z"


def instant(moment: datetime) -> datetime:
    """Return a time in UTC that can be compared with others."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def plain(value: Any) -> Any:
    """Return JSON values: keys sorted, NaN and infinity as null, texts readable by all."""
    if isinstance(value, Mapping):
        return {text(str(key)): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    return utc(value) if isinstance(value, datetime) else text(str(value))


def compact_json(value: Any) -> str:
    """Return one line of JSON, always the same for the same value."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def document(value: Any) -> bytes:
    """Return a JSON document."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def media_type(name: str, kind: str) -> str | None:
    """Return the media type of a file by its ending, else by its format; None where neither tells.

    Examples
    --------
    >>> media_type("a.SP3.gz", "SP3"), media_type("a.SP3", "SP3"), media_type("a", "unknown")
    ('application/gzip', 'text/plain', None)
    """
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return _MEDIA_TYPES.get(ending) or ("text/plain" if kind.upper() in _TEXT_FORMATS else None)


def name_and_version(software: str) -> tuple[str, str | None]:
    """Return name and version of a piece of software written ``name version``.

    Examples
    --------
    >>> name_and_version("fiducial 0.1.0"), name_and_version("Bernese")
    (('fiducial', '0.1.0'), ('Bernese', None))
    """
    name, _, version = software.strip().rpartition(" ")
    found = bool(name) and any(sign.isdigit() for sign in version)
    return (text(name), text(version)) if found else (text(software.strip()), None)
