"""Which features divide the traffic into segments, as `mlmon.toml` declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


def declared_segments(section: Mapping[str, Any]) -> list[str]:
    """Read `segments` of the table `[analyzers]`: a list of feature names; none by default.

    Raises:
        UserError: It is something else, or the table holds a key nobody reads.
    """
    if unknown := section.keys() - {"segments"}:
        raise UserError(
            f"[analyzers] of mlmon.toml holds {', '.join(sorted(unknown))}, which nothing reads",
            'It may hold: segments = ["country", "device"].',
        )
    names = section.get("segments", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"segments of [analyzers] is {names!r}, no list of feature names",
            'Write it as segments = ["country", "device"].',
        )
    return names
