"""An object for Kibana or Elasticsearch: a kind, a stable id and a body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal["data-view", "saved-object", "dashboard", "connector", "rule", "watch"]
"""What the body is:

- `data-view`: the body of `POST /api/data_views/data_view`.
- `saved-object`: one line of an import, `{"type", "id", "attributes", "references", …}`.
- `dashboard`: the body of `PUT /api/dashboards/{id}` (9.5 and newer); the same dashboard is also
  there as a saved object of this id, for every version.
- `connector`: the body of `POST /api/actions/connector/{id}`; the id is a UUID. It holds no secret.
- `rule`: the body of `POST /api/alerting/rule/{id}`.
- `watch`: the body of `PUT _watcher/watch/{id}`, sent to Elasticsearch.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds, each before those that may name its ids."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One object for Kibana or Elasticsearch.

    Args:
        kind: What the body is.
        id: The same on every export, so that applying it again replaces it.
        body: JSON, without secrets.
    """

    kind: Kind
    id: str
    body: Mapping[str, Any]
