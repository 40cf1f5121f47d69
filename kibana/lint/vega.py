"""Rules for a picture in Vega: it asks indices that there are, for fields that they have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.kibana.lint.bundle import Bundle

Found = tuple[str, str]
_BY_FIELD = frozenset({"term", "terms", "range", "match", "exists"})


def vega_problems(spec: str, bundle: Bundle) -> Iterator[Found]:
    """Yield (path, message) of what is wrong with a specification."""
    try:
        data = json.loads(spec)["data"]
    except ValueError as error:
        yield "/spec", f"is not JSON: {error}"
        return
    url = data["url"]
    views = [id_ for id_, pattern in bundle.patterns.items() if pattern == url["index"]]
    if not views:
        yield "/spec", f"asks {url['index']}, which no data view has"
        return
    for field in sorted(set(_fields(url["body"]))):
        if not bundle.has_field(views[0], field):
            yield "/spec", f"{field} is in no index template of {views[0]}"
    path = data.get("format", {}).get("property", "")
    parts = path.removeprefix("aggregations.").split(".")
    if not path.startswith("aggregations.") or parts[0] not in url["body"].get("aggs", {}):
        yield "/spec", f"draws {path or 'nothing'}, which its search does not answer"


def _fields(body: Any) -> Iterator[str]:
    """Yield every field that a search body names."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "field" and isinstance(value, str):
                yield value
            elif key in _BY_FIELD and isinstance(value, dict) and "field" not in value:
                yield from value
            else:
                yield from _fields(value)
    elif isinstance(body, list):
        for each in body:
            yield from _fields(each)
