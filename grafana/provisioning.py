"""Files with which Grafana provisions the data sources and dashboards by itself.

https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from mlmon.dashboards.model.sources import SOURCES
from mlmon.grafana.metrics_panels import PROMETHEUS
from mlmon.grafana.target import datasource, time_field

if TYPE_CHECKING:
    from mlmon.dashboards.model.source import DataSource

DASHBOARDS: Final = "/var/lib/grafana/dashboards/mlmon"
"""Where Grafana finds the dashboards: the folder that they are mounted to."""


def provisioning_files(namespace: str) -> dict[str, str]:
    """Return the text of each file by its path below Grafana's folder `provisioning`."""
    sources = [_elasticsearch(source, namespace) for source in SOURCES]
    sources.append(
        {
            "name": "mlmon Prometheus",
            "uid": PROMETHEUS.uid,
            "type": "prometheus",
            "access": "proxy",
            "url": "$MLMON_PROMETHEUS_URL",
        }
    )
    provider = {
        "name": "mlmon",
        "folder": "mlmon",
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": DASHBOARDS},
    }
    return {
        "datasources/mlmon.yml": _text({"apiVersion": 1, "datasources": sources}),
        "dashboards/mlmon.yml": _text({"apiVersion": 1, "providers": [provider]}),
    }


def _elasticsearch(source: DataSource, namespace: str) -> dict[str, Any]:
    return {
        "name": f"mlmon {source.title}",
        "uid": datasource(source).uid,
        "type": "elasticsearch",
        "access": "proxy",
        "url": "$MLMON_ELASTICSEARCH_URL",
        "basicAuth": True,
        "basicAuthUser": "$MLMON_GRAFANA_USERNAME",
        "secureJsonData": {"basicAuthPassword": "$MLMON_GRAFANA_PASSWORD"},
        "jsonData": {
            "index": source.index(namespace),
            "timeField": time_field(source),
            "logMessageField": "message",
            "logLevelField": "log.level",
        },
    }


def _text(content: dict[str, Any]) -> str:
    header = "# Written by `mlmon grafana export`. Grafana replaces $NAMES by its environment.\n"
    body: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return header + body
