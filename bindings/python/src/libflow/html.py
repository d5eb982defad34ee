# SPDX-License-Identifier: Apache-2.0
"""The little HTML that notebooks show. Everything from outside is escaped."""
from __future__ import annotations

from html import escape
from typing import Any, Iterable, Sequence

ROWS = 200

_CELL = "text-align:left;vertical-align:top;padding:.2em .6em"


def cell(value: Any) -> str:
    return escape("" if value is None else str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of at most ROWS rows, with a line that says how many there are more."""
    every = list(rows)
    top = "".join(f'<th scope="col" style="{_CELL}">{cell(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{cell(value)}</td>' for value in row) + "</tr>"
                   for row in every[:ROWS])
    more = f"<p>and {len(every) - ROWS} more</p>" if len(every) > ROWS else ""
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{more}"


def titled(title: str, body: str) -> str:
    return f"<div><p><strong>{cell(title)}</strong></p>{body}</div>"
