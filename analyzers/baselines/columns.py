"""The columns of a training set by what they are: numbers, categories, embeddings, or neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlmon.elastic.errors import UserError
from mlmon.logging_config.emit.feature_types import category_text, feature_name
from mlmon.logging_config.emit.redaction import is_secret_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


_PRECISIONS: dict[pa.DataType, type[np.floating[Any]]] = {
    pa.float32(): np.float32,
    pa.float16(): np.float16,
}


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of categories.

    Args:
        names: Its categories as Elasticsearch's keywords, sorted.
        codes: Each row's place in `names`, -1 for a row without a value.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BaselineColumns:
    """A table's columns, by name.

    Args:
        numbers: Numbers, NaN for a row without one.
        categories: Strings and booleans.
        embeddings: Lists of numbers, null for a row without one.
        passed_over: Names of the others, of those without any value, and of those named like a
            secret, whose values the log does not write either.
        precisions: The type of the numbers that have less than double precision.
    """

    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    categories: dict[str, Coded] = field(default_factory=dict)
    embeddings: dict[str, pa.Array] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    precisions: dict[str, type[np.floating[Any]]] = field(default_factory=dict)


def named_as_logged(table: pa.Table, kept: Collection[str] = ()) -> pa.Table:
    """Return a table with its columns named as the log names features, some kept as they are.

    Raises:
        UserError: Two columns get the same name.
    """
    names = [name if name in kept else feature_name(name) for name in table.column_names]
    for name in sorted({name for name in names if names.count(name) > 1}):
        met = [old for old, new in zip(table.column_names, names, strict=True) if new == name]
        raise UserError(
            f"The columns {' and '.join(map(repr, met))} are both logged as the feature {name}",
            "Rename one of them, in the training set and where the service logs its features.",
        )
    return table.rename_columns(names)


def read_columns(
    table: pa.Table, without: Collection[str] = (), logged: Mapping[str, str] | None = None
) -> BaselineColumns:
    """Sort a table's columns, but for some, by what they are.

    Args:
        table: The table.
        without: Columns that are left out.
        logged: `numeric` or `categorical` by feature, as the log has it so far: it decides what a
            column of booleans is, or of zeros and ones, which is how a CSV writes them.
    """
    types = logged or {}
    columns = BaselineColumns()
    for name in sorted(set(table.column_names) - set(without)):
        column = _as_logged(table.column(name).combine_chunks(), types.get(name))
        if is_secret_key(name):
            columns.passed_over.append(name)
        elif is_number(column.type) and np.isfinite(values := floats(column)).any():
            columns.numbers[name] = values
            if precision := _PRECISIONS.get(column.type):
                columns.precisions[name] = precision
        elif _is_category(column.type) and column.null_count < len(column):
            columns.categories[name] = _coded(column)
        elif _is_embedding(column.type) and column.null_count < len(column):
            columns.embeddings[name] = column
        else:
            columns.passed_over.append(name)
    return columns


def is_number(kind: pa.DataType) -> bool:
    """Whether a column holds numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def floats(column: pa.Array) -> NDArray[np.float64]:
    """Return a column of numbers, NaN for nulls."""
    # Not safe: integers beyond 2^53 are rounded, as Elasticsearch rounds them in a double field.
    return np.asarray(
        pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64
    )


def _is_category(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    )


def _is_embedding(kind: pa.DataType) -> bool:
    listed = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    return bool(listed and is_number(kind.value_type))


def _coded(column: pa.Array) -> Coded:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    found = [category_text(value) for value in encoded.dictionary.to_pylist()]
    names = tuple(sorted(set(found)))
    place = {name: index for index, name in enumerate(names)}
    sorted_places = np.array([place[name] for name in found] + [-1], dtype=np.int64)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return Coded(names, sorted_places[codes.astype(np.int64)])


def _as_logged(column: pa.Array, kind: str | None) -> pa.Array:
    """Return booleans and zeros and ones in the type that the log has; others as they are."""
    if kind == "numeric" and pa.types.is_boolean(column.type):
        return pc.cast(column, pa.uint8())
    if kind == "categorical" and is_number(column.type):
        known = floats(column)
        known = known[~np.isnan(known)]
        if known.size and np.isin(known, (0.0, 1.0)).all():
            return pc.equal(pc.cast(column, pa.float64(), safe=False), 1.0)
    return column
