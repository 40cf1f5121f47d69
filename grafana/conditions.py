"""Conditions as Grafana's queries need them: in Lucene's syntax.

https://lucene.apache.org/core/10_0_0/queryparser/org/apache/lucene/queryparser/classic/package-summary.html
"""

from __future__ import annotations

import re

from mlmon.dashboards.model.condition import (
    AtLeast,
    Both,
    Condition,
    Either,
    Exists,
    Is,
    Not,
    Value,
)

# What Lucene's syntax gives a meaning to.
_SPECIAL = re.compile(r'([\s+\-&|!(){}\[\]^"~*?:\\/=<>])')
_QUOTED = re.compile(r'(["\\])')


def lucene(condition: Condition) -> str:
    """Return a condition in Lucene's query syntax; `*:*` for one that always holds."""
    match condition:
        case Is(field, values):
            return f"{_name(field)}:({' OR '.join(map(_quoted, values))})"
        case AtLeast(field, least):
            return f"{_name(field)}:[{_quoted(least)} TO *]"
        case Exists(field):
            return f"_exists_:{_name(field)}"
        case Not(of):
            # A negation alone matches nothing inside parentheses.
            return f"(*:* AND NOT {lucene(of)})"
        case Both(of):
            return f"({' AND '.join(map(lucene, of))})" if of else "*:*"
        case Either(of):
            return f"({' OR '.join(map(lucene, of))})"


def _name(field: str) -> str:
    return _SPECIAL.sub(r"\\\1", field)


def _quoted(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    return '"' + _QUOTED.sub(r"\\\1", text) + '"'
