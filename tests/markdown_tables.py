"""Read the pipe tables of a Markdown page the way a renderer does."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token


def read_tables(text: str) -> list[list[list[str]]]:
    """Return every table as rows of cell texts, head first; a line break is a line feed."""
    tables: list[list[list[str]]] = []
    row: list[str] = []
    inside = False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            tables[-1].append(row)
        elif token.type in {"th_open", "td_open", "th_close", "td_close"}:
            inside = token.type.endswith("open")
        elif token.type == "inline" and inside:
            row.append(_shown(token))
    return tables


def _shown(token: Token) -> str:
    out = []
    for part in token.children or []:
        if part.type == "html_inline" and part.content == "<br>":
            out.append("\n")
        elif part.type in {"text", "text_special"}:
            out.append(part.content)
        elif part.type == "softbreak":
            out.append("\n")
        else:
            msg = f"markup in a cell: {part.type} {part.content!r}"
            raise AssertionError(msg)
    return "".join(out)
