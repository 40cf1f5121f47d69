"""The data streams and indices of a namespace before its first document.

Kibana reads a field's type from an index and not from a template: until a dataset's first line,
each of its panels would say that the field was not found. So `mlmon setup` creates them empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.elastic.indices.index_tables import TABLES
from mlmon.elastic.indices.names import (
    DEAD_LETTER,
    FINDINGS,
    LABELS,
    PROFILES,
    SHIPPING,
    WAITING,
    all_months,
    data_stream,
    index_name,
    month_index,
)
from mlmon.elastic.indices.templates import TemplateChange
from mlmon.logging_config.schema.fields import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

BY_MONTH: Final = frozenset({PROFILES, LABELS, WAITING, FINDINGS})
"""Kinds of indices with one for each month."""


def create_missing(
    cluster: Cluster, namespace: str, now: datetime
) -> Iterator[tuple[str, TemplateChange]]:
    """Create what a namespace has not yet; yield each name and whether it was created.

    Args:
        cluster: The cluster, with mlmon's templates.
        namespace: The environment.
        now: The moment whose month is created.

    Raises:
        ClusterError: The cluster refused; what was yielded so far is there.
    """
    streams = [data_stream(name, namespace) for name in (*DATASETS, DEAD_LETTER, SHIPPING)]
    present = cluster.data_streams(",".join(streams)).keys()
    by_api = len(present) < len(streams) and cluster.capabilities().data_stream_api
    for stream in streams:
        created = stream not in present and (
            cluster.create_data_stream(stream) if by_api else cluster.start_data_stream(stream, now)
        )
        yield stream, _change(created=created)
    for kind in TABLES:
        yield _index(cluster, kind, namespace, now)


def _index(
    cluster: Cluster, kind: str, namespace: str, now: datetime
) -> tuple[str, TemplateChange]:
    """Create the index of a kind; one of an earlier month has its fields too."""
    name = month_index(kind, namespace, now) if kind in BY_MONTH else index_name(kind, namespace)
    present = cluster.indices(all_months(kind, namespace) if kind in BY_MONTH else name)
    if present:
        return present[-1], TemplateChange.UNCHANGED
    return name, _change(created=cluster.create_index(name))


def _change(*, created: bool) -> TemplateChange:
    return TemplateChange.CREATED if created else TemplateChange.UNCHANGED
