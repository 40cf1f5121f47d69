"""What a finding is about: the value that findings, alerts, the report and links share.

Findings of one identity follow each other in time and form a series. Alerts are raised per series,
in mlmon as in Kibana and Watcher, which group by one keyword. People read that keyword there, so it
is words and not a digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmon.formatting import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

# Elasticsearch does not index a keyword of more than 1024 characters.
_LONGEST = 1_000
_PLAIN = re.compile(r"[^\s\"=]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingIdentity:
    """A metric of an analyzer, and what it was measured on.

    The environment is not part of it: windows whose events name several environments have none, and
    their findings belong to the same series.

    Args:
        analyzer: Name of the analyzer.
        metric: `Metric.name`.
        subject: What was measured: a path, a feature, a source, a job.
        segment: Part of the traffic, None for all of it.
        service: `service.name` of the events.
        model_name: Model, None where the metric belongs to none.
        model_version: Its version.
    """

    analyzer: str
    metric: str
    subject: str | None = None
    segment: str | None = None
    service: str | None = None
    model_name: str | None = None
    model_version: str | None = None

    @property
    def series(self) -> str:
        """The series' name, different for different identities.

        >>> FindingIdentity(analyzer="data_quality", metric="m", subject="job title").series
        'data_quality m subject="job title"'
        """
        named = (
            f"{key}={_quoted(value)}"
            for key, value in (
                ("subject", self.subject),
                ("segment", self.segment),
                ("service", self.service),
                ("model", self.model_name),
                ("version", self.model_version),
            )
            if value is not None
        )
        name = " ".join([_quoted(self.analyzer), _quoted(self.metric), *named])
        if len(name) <= _LONGEST:
            return name
        return f"{name[: _LONGEST - 24]}… {hashlib.sha256(name.encode()).hexdigest()[:20]}"

    def __lt__(self, other: FindingIdentity) -> bool:
        return self.series < other.series

    @property
    def title(self) -> str:
        """The identity as people read it, such as `data_quality missing.rate of age, autobid 3`."""
        of = f" of {self.subject}" if self.subject else ""
        where = f" where {self.segment}" if self.segment else ""
        model = " ".join(part for part in (self.model_name, self.model_version) if part)
        title = f"{self.analyzer} {self.metric}{of}{where}{f', {model}' if model else ''}"
        return one_line(title)  # a subject may be any path that a client requests

    @property
    def label(self) -> str:
        """The subject with its segment; `all` where there is no subject."""
        return " · ".join(part for part in (self.subject or "all", self.segment) if part)

    def across_versions(self) -> FindingIdentity:
        """Return the same identity without the model, so that a series outlasts a version."""
        return replace(self, model_name=None, model_version=None)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> FindingIdentity:
        """Read the fields that `fields` gave; other fields are passed over."""
        return cls(**{name: document.get(field) for name, field in IDENTITY_FIELDS.items()})  # type: ignore[arg-type]

    def fields(self) -> dict[str, str]:
        """Return the fields of the findings' documents that hold it, with their values."""
        values = ((field, getattr(self, name)) for name, field in IDENTITY_FIELDS.items())
        return {field: value for field, value in values if value is not None}


IDENTITY_FIELDS = {
    "analyzer": "finding.analyzer",
    "metric": "finding.metric",
    "subject": "finding.subject",
    "segment": "finding.segment",
    "service": "service.name",
    "model_name": "ml.model.name",
    "model_version": "ml.model.version",
}
"""The document's field of each attribute of an identity."""


class Identified:
    """A value with an identity, whose parts it gives by their own names."""

    __slots__ = ()
    identity: FindingIdentity

    @property
    def series(self) -> str:
        """Name of its series."""
        return self.identity.series

    @property
    def analyzer(self) -> str:
        """Name of the analyzer."""
        return self.identity.analyzer

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self.identity.metric

    @property
    def subject(self) -> str | None:
        """The metric that was measured."""
        return self.identity.subject

    @property
    def segment(self) -> str | None:
        """Part of the traffic."""
        return self.identity.segment

    @property
    def service(self) -> str | None:
        """`service.name` of the events."""
        return self.identity.service

    @property
    def model_name(self) -> str | None:
        """The model."""
        return self.identity.model_name

    @property
    def model_version(self) -> str | None:
        """The model's version."""
        return self.identity.model_version


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
