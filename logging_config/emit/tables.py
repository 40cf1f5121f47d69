"""Secrets in tables: the columns of a result, the values of SQL's `INSERT`, and its parameters.

A value there has no name next to it: its column has one, elsewhere.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

COLUMN_KEYS: Final = frozenset({"columns", "column_names", "fields", "header", "headers", "names"})
"""Keys of a table's column names, next to which its rows stand; in lower case."""

_MAX_SQL: Final = 8192
_INSERT: Final = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,8}(?:ignore\s{1,8})?into\s[^()]{1,256}\((?P<names>[^()]{1,4096})\)"
    r"\s{0,8}values\s{0,8}(?=\()"
)
_ITEM: Final = re.compile(
    r"((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\",()]|\([^()]*\))*)([,)])"
)
_NEXT_ROW: Final = re.compile(r"\s{0,64},\s{0,64}(?=\()")
_PLACEHOLDER: Final = re.compile(
    r"\s*(?:\?|%s|%\(\w+\)s|[:@$]\w+|null|default|\[redacted\])?\s*", re.IGNORECASE
)
_PARAMETERS: Final = re.compile(r"\[parameters: (?=[(\[])")
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w$]{0,127}")
Hides = Callable[[str], bool]


def hidden_columns(table: Mapping[Any, Any], hides: Hides) -> frozenset[int]:
    """Return the positions of the columns whose names are those of secrets.

    Args:
        table: a mapping that may hold column names, each a text or a mapping with `name`.
        hides: whether a name is that of a secret.
    """
    found: set[int] = set()
    for key, names in table.items():
        if type(key) is str and key.lower() in COLUMN_KEYS and type(names) in (list, tuple):
            found |= {index for index, name in enumerate(names) if _is_hidden(name, hides)}
    return frozenset(found)


def _is_hidden(name: Any, hides: Hides) -> bool:
    if type(name) is dict:
        name = name.get("name")
    return type(name) is str and hides(name)


def is_rows(value: Any) -> bool:
    """Whether a value is the rows of a table: a list of lists."""
    return (
        type(value) in (list, tuple)
        and bool(value)
        and all(type(row) in (list, tuple) for row in value)
    )


def sql_spans(text: str, hides: Hides) -> Iterator[tuple[int, int]]:
    """Yield where the secrets in a text's SQL begin and end, in order.

    They are the values of `INSERT INTO t (name, password) VALUES ('bob', 'S')`, and SQLAlchemy's
    parameters, all of them where its statement names a secret, or where there is no statement.

    Args:
        text: the text.
        hides: whether a name is that of a secret.
    """
    end = 0
    for insert in _INSERT.finditer(text):
        names = [name.strip(" \t\r\n\"'`[]\\") for name in insert["names"].split(",")]
        columns = {index for index, name in enumerate(names) if hides(name)}
        if columns and insert.start() >= end:
            for start, stop in _values(text, insert.end(), columns):
                yield start, stop
                end = stop
    for parameters in _PARAMETERS.finditer(text):
        start = parameters.end()
        limit = min(start + _MAX_SQL, len(text))
        line_end = text.find("\n", start, limit)
        stop = text.rfind("]", start, line_end if line_end >= 0 else limit)
        if stop > start >= end and _names_a_secret(text, parameters.start(), hides):
            yield start, stop
            end = stop


def _values(text: str, position: int, columns: set[int]) -> Iterator[tuple[int, int]]:
    """Yield where the values of some columns stand in the rows that begin at a position."""
    while True:
        position += 1
        index = 0
        while item := _ITEM.match(text, position):
            if index in columns and not _PLACEHOLDER.fullmatch(item[1].strip("'\"")):
                blanks = len(item[1]) - len(item[1].lstrip())
                yield position + blanks, position + len(item[1].rstrip())
            position, index = item.end(), index + 1
            if item[2] == ")":
                break
        else:
            return
        following = _NEXT_ROW.match(text, position)
        if following is None:
            return
        position = following.end()


def _names_a_secret(text: str, end: int, hides: Hides) -> bool:
    begin = text.rfind("[SQL: ", max(0, end - _MAX_SQL), end)
    return begin < 0 or any(hides(name) for name in _IDENTIFIER.findall(text, begin + 6, end))
