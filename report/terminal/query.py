"""Which events of the logs are shown, and the search that finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.indices.names import data_stream
from mlmon.logging_config.emit.event_encoder import LEVELS
from mlmon.logging_config.schema.fields import DATASETS

if TYPE_CHECKING:
    from datetime import datetime

TEXTS = ("message", "error.message", "error.stack_trace")
INGESTED = "event.ingested"
_LABELS = "labels."


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are shown.

    Args:
        since: Logged at it or later.
        until: Logged before it, None for no end.
        level: Of this level or worse.
        service: Of this service.
        dataset: Of this dataset, such as `ml.access`.
        text: Words that stand next to each other in the message or the error.
        fields: (field, value) pairs, all of which have to be there; a value `*` is any.
    """

    since: datetime
    until: datetime | None = None
    level: str | None = None
    service: str | None = None
    dataset: str | None = None
    text: str | None = None
    fields: tuple[tuple[str, str], ...] = ()

    def query(self) -> dict[str, Any]:
        """Return the query."""
        time = {"gte": iso(self.since)} | ({"lt": iso(self.until)} if self.until else {})
        filters: list[dict[str, Any]] = [{"range": {"@timestamp": time}}]
        if self.level is not None:
            filters.append({"terms": {"log.level": list(LEVELS[LEVELS.index(self.level) :])}})
        if self.service is not None:
            filters.append({"term": {"service.name": self.service}})
        if self.text is not None:
            matches = [{"match_phrase": {field: self.text}} for field in TEXTS]
            filters.append({"bool": {"should": matches, "minimum_should_match": 1}})
        filters += [_has(name, value) for name, value in self.fields]
        return {"bool": {"filter": filters}}

    def streams(self, namespace: str) -> str:
        """Return the data streams to search."""
        return data_stream(self.dataset or "ml.*", namespace)


def _has(name: str, value: str) -> dict[str, Any]:
    return {"exists": {"field": name}} if value == "*" else {"term": {name: {"value": value}}}


def field_argument(text: str) -> tuple[str, str]:
    """Read `field=value`; a name that is in no table of fields is one of the labels.

    Raises:
        WrongValueError: There is no `=`.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise WrongValueError(
            f"{text!r} is no field and value", "Write it as ml.model.version=7, or field=* for any."
        )
    return (name if _is_mapped(name) else f"{_LABELS}{name}"), value.strip()


def _is_mapped(name: str) -> bool:
    if name.startswith(_LABELS):
        return True
    return any(
        name == field.name or (field.is_family and _in_family(name, field.name))
        for fields in DATASETS.values()
        for field in fields
    )


def _in_family(name: str, family: str) -> bool:
    before, _, after = family.partition("*")
    return name.startswith(before) and name.endswith(after) and len(name) > len(family) - 1


def level_argument(text: str) -> str:
    """Read a level.

    Raises:
        WrongValueError: There is no such level.
    """
    if text not in LEVELS:
        raise WrongValueError(f"{text!r} is no level", f"Choose one of: {', '.join(LEVELS)}.")
    return text


def dataset_argument(text: str) -> str:
    """Read a dataset, with or without `ml.` in front.

    Raises:
        WrongValueError: There is no such dataset.
    """
    name = text if text in DATASETS else f"ml.{text}"
    if name not in DATASETS:
        raise WrongValueError(f"{text!r} is no dataset", f"Choose one of: {', '.join(DATASETS)}.")
    return name
