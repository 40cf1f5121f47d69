"""All files of an export for Grafana, by their paths below its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.grafana.dashboards import dashboard_files
from mlmon.grafana.provisioning import provisioning_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.base.analyzer import Analyzer


def export_files(analyzers: Sequence[Analyzer[Any]], namespace: str) -> dict[str, str]:
    """Return the text of each file: dashboards, and what provisions them for a namespace."""
    found = {f"dashboards/{path}": text for path, text in dashboard_files(analyzers).items()}
    provisioned = provisioning_files(namespace).items()
    return found | {f"provisioning/{path}": text for path, text in provisioned}
