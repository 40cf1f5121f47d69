"""The shipper's encoder on simulated time: each line carries the time at which it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.ingest.encode.line import LineEncoder
from mlmon.scoreboard.simulation.traffic import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from mlmon.ingest.encode.field_names import FieldNames

GRAIN_NS = 10_000_000_000
"""Times of arrival are rounded up to ten seconds."""


class PacedEncoder(LineEncoder):
    """Encodes lines that arrive at known times, in the order of the file that holds them.

    Args:
        arrivals: Time of arrival of each line, in nanoseconds since the epoch.
        namespace: As for `LineEncoder`, and so the following.
        datasets: Likewise.
        schema_version: Likewise.
        shipper_id: Likewise.
        field_names: Likewise.
    """

    def __init__(
        self,
        arrivals: Iterator[int],
        namespace: str,
        datasets: Collection[str],
        schema_version: int,
        shipper_id: str,
        field_names: Mapping[str, FieldNames],
    ) -> None:
        self._arrivals = arrivals
        self._arrived = -1
        super().__init__(namespace, datasets, schema_version, shipper_id, moment(0), field_names)

    def stamp(self, now: datetime) -> None:
        """Keep the simulated time; the first call, with the epoch, sets it."""
        if self._arrived < 0:
            super().stamp(now)

    def encode(self, line: bytes, fields: bytes = b"") -> bytes:
        """Encode a line with its own time of arrival."""
        arrived = -(-next(self._arrivals) // GRAIN_NS)
        if arrived != self._arrived:
            super().stamp(moment(arrived * GRAIN_NS))
            self._arrived = arrived
        return super().encode(line, fields)


def paced(arrivals: list[int]) -> Callable[..., LineEncoder]:
    """Return what makes an encoder for lines with these times of arrival."""

    def make(
        namespace: str,
        datasets: Collection[str],
        schema_version: int,
        shipper_id: str,
        _now: datetime,
        field_names: Mapping[str, FieldNames],
    ) -> LineEncoder:
        return PacedEncoder(
            iter(arrivals), namespace, datasets, schema_version, shipper_id, field_names
        )

    return make
