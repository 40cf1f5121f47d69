"""Guess a mapping from a table's columns, their names and first values, for a person to edit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from mlmon.ingest.replay import cells
from mlmon.ingest.replay.cells import CellError
from mlmon.ingest.replay.table import CSV, open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from mlmon.ingest.replay.mapping import Unit


ColumnKind = Literal["numeric", "categorical", "embedding", "time", "empty"]

_EPOCHS: Final[dict[Unit, tuple[float, float]]] = {
    "s": (1e9, 1e10),
    "ms": (1e12, 1e13),
    "us": (1e15, 1e16),
    "ns": (1e18, 1e19),
}
"""The numbers that mean a time from 2001 to 2286, by unit."""


_NEARLY_ALL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its first rows show it.

    Attributes:
        name: its name.
        kind: the narrowest that nearly all its values fit.
        binary: whether they are yes or no.
        share: whether they are numbers from 0 to 1.
        distinct: whether nearly none comes twice.
        unit: what its numbers would count as times; None where they cannot be any.
    """

    name: str
    kind: ColumnKind
    binary: bool = False
    share: bool = False
    distinct: bool = False
    unit: Unit | None = None

    @property
    def is_time(self) -> bool:
        """Whether its values can be times."""
        return self.kind == "time" or self.unit is not None


def describe(name: str, values: Sequence[Any], missing: Collection[str]) -> Column:
    """Look at a column's values; texts among `missing` stand for none."""
    known = [cell for cell in values if cell is not None and cell != "" and cell not in missing]
    if not known:
        return Column(name, "empty")
    return Column(
        name,
        _kind_of(known),
        binary=_fit(known, cells.binary),
        share=_fit(known, cells.probability),
        distinct=len({str(cell) for cell in known}) >= _NEARLY_ALL * len(known),
        unit=_epoch_unit(known),
    )


def _kind_of(known: Sequence[Any]) -> ColumnKind:
    if not isinstance(known[0], bool) and _fit(known, cells.number):
        return "numeric"
    if _fit(known, lambda cell: cells.moment(cell, None, None)):
        return "time"
    return "embedding" if _fit(known, cells.vector) else "categorical"


def _epoch_unit(known: Sequence[Any]) -> Unit | None:
    for unit, (low, high) in _EPOCHS.items():
        if _fit(known, lambda cell: _within(cell, low, high)):  # noqa: B023 - called at once
            return unit
    return None


def _within(cell: Any, low: float, high: float) -> None:
    value = cells.number(cell)
    if value is None or not low <= value < high:
        raise CellError("lies outside")


def _fit(known: Sequence[Any], parse: Callable[[Any], object]) -> bool:
    """Whether nearly all values can be read so: a few bad cells must not hide what a column is."""
    return sum(_reads(cell, parse) for cell in known) >= _NEARLY_ALL * len(known)


def _reads(cell: Any, parse: Callable[[Any], object]) -> bool:
    try:
        parse(cell)
    except CellError:
        return False
    return True


_SAMPLE_ROWS: Final = 1_000
_FEW: Final = 20
"""With fewer rows than this, values that are all different do not make a text an id."""

_MISSING: Final = ("NA", "N/A", "NULL", "null", "None", "nan", "NaN", "-", "?")
_FILL_IN: Final = "FILL IN"

_KNOWN_SINCE: Final = (
    "outcome|label|feedback|convert|convers|known|resolved|settled|click|paid|purchase|churn"
)

_ROLES: Final[tuple[tuple[str, str, Callable[[Column], bool]], ...]] = (
    (
        "outcome.time",
        rf"({_KNOWN_SINCE}).*(time|date|_ts|_at)",
        lambda column: column.is_time,
    ),
    ("time", r"@?timestamp|(.*_)?(time|datetime|date|ts|at)", lambda column: column.is_time),
    (
        "prediction.id",
        r"(ml[._])?(prediction|request|event|bid|row|trace)?[._]?(id|uuid)",
        lambda column: column.distinct,
    ),
    (
        "prediction.score",
        r"(ml[._]prediction[._])?(.*_)?(score|proba|probability|prob|p_hat)|y_(score|prob|pred).*",
        lambda column: column.share,
    ),
    ("prediction.score", r"prediction|predicted|pred|p", lambda column: column.share),
    (
        "prediction.approved",
        r"approved|accepted|decision|approved_by_model",
        lambda column: column.binary,
    ),
    (
        "outcome.label",
        r"(ml[._]outcome[._])?(label|labels|target|outcome|actual|y_true|y|clicked|converted)",
        lambda column: column.binary,
    ),
    (
        "outcome.value",
        r"(ml[._])?(outcome[._]value|revenue|payout|profit)",
        lambda column: column.kind == "numeric",
    ),
    ("model.version", r"(ml[._])?(model)?[._]?version", lambda column: column.kind != "empty"),
)
"""Each role with the names of columns that may play it, and what such a column must hold."""


def suggestion(path: Path) -> str:
    """Return a mapping file for a table; what cannot be guessed stands there as `FILL IN`.

    Raises:
        UserError: The table cannot be read.
    """
    delimiter = _delimiter(path)
    table = open_table(path, delimiter)
    sample: dict[str, list[Any]] = {name: [] for name in table.columns}
    # The first chunk is enough to guess by, and no larger than a block of the file.
    for chunk in islice(table.chunks(table.columns), 1):
        sample |= {name: values[:_SAMPLE_ROWS] for name, values in chunk.columns.items()}
    texts = {cell for values in sample.values() for cell in values if isinstance(cell, str)}
    missing = tuple(text for text in _MISSING if text in texts)
    columns = [describe(name, values, missing) for name, values in sample.items()]
    rows = max(map(len, sample.values()), default=0)
    roles = _roles(columns)
    features, unused = _features(columns, roles, rows)
    return _toml(path.name.split(".")[0], roles, features, unused, _table(delimiter, missing))


def _delimiter(path: Path) -> str:
    """Return the mark that a CSV file's header holds most of."""
    if not path.name.lower().endswith(CSV):
        return ","
    columns = open_table(path).columns
    header = ",".join(columns)
    return max(",;\t|", key=header.count)


def _roles(columns: list[Column]) -> dict[str, Column]:
    """Return the column for each role that one can play: the first that fits, each for one."""
    roles: dict[str, Column] = {}
    for role, names, fits in _ROLES:
        free = (column for column in columns if column not in roles.values())
        found = next(
            (
                column
                for column in free
                if re.fullmatch(names, column.name.lower()) and fits(column)
            ),
            None,
        )
        if found and role not in roles:
            roles[role] = found
    return roles


def _features(
    columns: list[Column], roles: dict[str, Column], rows: int
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the other columns by kind, and those that do not look like features."""
    features: dict[str, list[str]] = {"numeric": [], "categorical": [], "embedding": []}
    unused = []
    for column in columns:
        if column in roles.values():
            continue
        is_id = column.kind == "categorical" and column.distinct and rows >= _FEW
        if column.kind in features and not column.unit and not is_id:
            features[column.kind].append(column.name)
        else:
            unused.append(column.name)
    return features, unused


def _toml(
    stem: str,
    roles: dict[str, Column],
    features: dict[str, list[str]],
    unused: list[str],
    table: list[str],
) -> str:
    lines = [
        "# Guessed from the table: check each line. See docs/replay.md.",
        *("", "[service]", f"name = {_text(stem)}"),
        *("", "[model]", f"name = {_text(stem)}"),
        _named(roles, "model.version", "version_column") or 'version = "1"',
        *("", *_time(roles)),
        *("", *_prediction(roles)),
        *_outcome(roles),
        *("", "[features]"),
        *(f"{kind} = {_list(names)}" for kind, names in features.items() if names),
        *table,
    ]
    if unused:
        lines += ["", f"# Not used: {', '.join(map(_text, unused))}"]
    return "\n".join(lines) + "\n"


def _time(roles: dict[str, Column]) -> list[str]:
    column = roles.get("time")
    if column is None:
        order = "# No column of times was found: the rows' order is taken as time."
        return ["[time]", order, "start = 2026-01-01T00:00:00Z", 'interval = "1s"']
    return ["[time]", f"column = {_text(column.name)}", *_unit(column)]


def _prediction(roles: dict[str, Column]) -> list[str]:
    lines = ["[prediction]"]
    if identifier := _named(roles, "prediction.id", "id"):
        lines.append(identifier)
    score = _named(roles, "prediction.score", "score")
    lines.append(score or f'score = "{_FILL_IN}"  # the column of the probability, 0 to 1')
    if approved := _named(roles, "prediction.approved", "approved"):
        return [*lines, approved]
    return [*lines, "threshold = 0.5  # scores from here on are approved"]


def _outcome(roles: dict[str, Column]) -> list[str]:
    label = _named(roles, "outcome.label", "label")
    if not label:
        return []
    lines = ["", "[outcome]", label]
    if value := _named(roles, "outcome.value", "value"):
        lines.append(value)
    if column := roles.get("outcome.time"):
        return [*lines, f"time = {_text(column.name)}", *_unit(column)]
    return [*lines, '# delay = "1d"  # how long after the prediction the outcome became known']


def _table(delimiter: str, missing: tuple[str, ...]) -> list[str]:
    lines = [f"delimiter = {_text(delimiter)}"] if delimiter != "," else []
    if missing:
        lines.append(f"missing = {_list(missing)}  # texts that mean no value")
    return ["", "[table]", *lines] if lines else []


def _unit(column: Column) -> list[str]:
    return [f'unit = "{column.unit}"'] if column.unit else []


def _named(roles: dict[str, Column], role: str, key: str) -> str:
    return f"{key} = {_text(roles[role].name)}" if role in roles else ""


def _list(names: list[str] | tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, names))}]"


def _text(value: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's, but for DEL, which JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
