"""A recipe with every field at its default, and what each of them is as a comment."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fiducial.errors import RunError
from fiducial.runs.recipes.models import KINDS

_WIDTH: Final = 110


def template(kind: str) -> str:
    """Return the text of a recipe.

    Raises
    ------
    RunError
        FID-5004 for a kind that is none.
    """
    if kind not in KINDS:
        raise RunError("FID-5004", f"no kind of recipe: {kind!r}", where="KIND", fix=f"one of {', '.join(KINDS)}")
    model = KINDS[kind]
    head = [
        *_comment(model.summary, 0),
        "# Check it with `fiducial recipe check FILE`, run it with `fiducial run FILE`.",
        "",
    ]
    return "\n".join([*head, *_section(model, 0, alone=kind != "chain")]) + "\n"


def _section(model: type[BaseModel], depth: int, *, alone: bool) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if depth == 0 and name != "kind":
            yield ""
        bounds = bounds_of(field)
        yield from _comment(f"{field.description}{f' [{bounds}]' if bounds else ''}", depth)
        inner = next(models_in(field.annotation), None)
        if inner is not None:
            yield f"{'  ' * depth}{name}:"
            yield from _section(inner, depth + 1, alone=alone)
        else:
            yield f"{'  ' * depth}{name}: {_yaml(_default(field, alone=alone))}"


def _comment(text: str, depth: int) -> list[str]:
    indent = "  " * depth
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ",
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Return the models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _default(field: FieldInfo, *, alone: bool) -> Any:
    """Return the default of a field, or an example where it has none; in a chain other sections fill some."""
    value = field.get_default(call_default_factory=True, validated_data={})
    extra = field.json_schema_extra
    if isinstance(extra, Mapping) and "example" in extra and (alone or "chained" not in extra):
        value = extra["example"]
    return value


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    text = str(value)
    plain = text and all(letter.isalnum() or letter in "_-./" for letter in text) and text[0].isalpha()
    return text if plain and text.lower() not in ("null", "true", "false", "yes", "no") else json.dumps(text)


def bounds_of(field: FieldInfo) -> str:
    """Return choices or bounds of a field in words; empty when there are none.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Model(BaseModel):
    ...     x_mm: float = Field(default=1.0, gt=0.0, le=10.0)
    ...     y: Literal["a", "b"] = "a"
    >>> [bounds_of(one) for one in Model.model_fields.values()]
    ['above 0, at most 10', 'a | b']
    """
    words = [*_choices(field.annotation), *(text for one in _limits(field) for text in _in_words(one))]
    return ", ".join(words)


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        values = [str(one) for one in get_args(annotation)]
        return [" | ".join(values)] if len(values) > 1 else []
    if annotation is bool:
        return ["true | false"]
    if get_origin(annotation) in (Union, UnionType):
        parts = [one for one in get_args(annotation) if one is not NoneType]
        found = [text for one in parts for text in _choices(one)]
        return [f"{text} | null" for text in found]
    return []


def _limits(field: FieldInfo) -> list[Any]:
    nested = [one for part in get_args(field.annotation) for one in getattr(part, "__metadata__", ())]
    found = []
    for one in [*field.metadata, *nested]:
        found += one.metadata if isinstance(one, FieldInfo) else [one]
    return found


def _in_words(limit: Any) -> Iterator[str]:
    if isinstance(limit, annotated_types.Gt):
        yield f"above {limit.gt:g}"
    elif isinstance(limit, annotated_types.Ge):
        yield f"at least {limit.ge:g}"
    elif isinstance(limit, annotated_types.Lt):
        yield f"below {limit.lt:g}"
    elif isinstance(limit, annotated_types.Le):
        yield f"at most {limit.le:g}"
