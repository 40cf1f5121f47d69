"""Lifecycle policies in a cluster that has ILM: installed once, updated when they change."""

from collections.abc import Iterable, Iterator

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.index_facts import MARK
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.lifecycle import Lifecycle
from mlmon.elastic.indices.templates import TemplateChange


def install(
    cluster: Cluster, lifecycles: Iterable[Lifecycle]
) -> Iterator[tuple[Lifecycle, TemplateChange]]:
    """Install each policy, and yield what changed.

    Raises:
        UserError: A policy of that name was not made by mlmon.
        ClusterError: The credentials lack the privilege `manage_ilm`.
    """
    for lifecycle in lifecycles:
        change = pending(cluster, lifecycle)
        if change is not TemplateChange.UNCHANGED:
            cluster.put_lifecycle_policy(lifecycle.policy, lifecycle.body())
        yield lifecycle, change


def pending(cluster: Cluster, lifecycle: Lifecycle) -> TemplateChange:
    """Return the effect that installing a policy would have."""
    present = cluster.get_lifecycle_policy(lifecycle.policy)
    if present is None:
        return TemplateChange.CREATED
    meta = present.get("_meta", {})
    if not meta.items() >= MARK.items():
        raise UserError(
            f"The lifecycle policy {lifecycle.policy} was not made by mlmon",
            "Rename or delete it; mlmon does not overwrite what others made.",
        )
    same = meta == lifecycle.body()["policy"]["_meta"]
    return TemplateChange.UNCHANGED if same else TemplateChange.UPDATED
