"""The type of a JSON object, as Elasticsearch and Kibana send and take it."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
