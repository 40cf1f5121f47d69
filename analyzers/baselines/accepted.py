"""Accepted changes: references that a person moved from the training set to later traffic.

What was counted between the change point and the acceptance takes the place of a part of one
baseline, for windows that end after the acceptance. Earlier windows are compared with the training
set as they were, so a replay gives what was found at the time. The baseline keeps its id: profiles
are counted over its edges.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.analyzers.baselines.baseline import CategoryBaseline
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.json_object import Json

SCORE = "ml.prediction.score"
"""The scores' name among the finer counts of a baseline."""


@dataclass(frozen=True, slots=True)
class AcceptedReference:
    """One part of one baseline, moved by a person.

    Args:
        model: Name and version.
        baseline_id: The baseline whose part it moves.
        part: Which part.
        counted: The time it was counted of: from the change point on.
        accepted: When; windows that end later are compared with it.
        by: Who accepted it.
        why: Why.
        incident: The incident that was accepted; empty where none was.
        body: What was counted: `numbers`, `categories`, `counts` or `value`.
        rows: Predictions or labels behind it.
        revoked: When it was revoked; windows that end later are compared with training again.
        revoked_by: Who revoked it.
    """

    model: tuple[str, str]
    baseline_id: str
    part: ReferencePart
    counted: Window
    accepted: datetime
    by: str
    why: str
    incident: str
    body: Mapping[str, Any] = field(hash=False)
    rows: int = 0
    revoked: datetime | None = None
    revoked_by: str | None = None

    @property
    def id(self) -> str:
        """Equal for the same acceptance of the same part."""
        return digest([self.baseline_id, [*self.part], iso(self.accepted), self.by])

    @property
    def note(self) -> str:
        """Sentence part that says what a finding was compared with."""
        return f"compared with the time since {moment(self.counted.start)}, accepted by {self.by}"

    def holds(self, end: datetime) -> bool:
        """Return whether a window that ends then is compared with it."""
        return self.accepted < end and (self.revoked is None or end <= self.revoked)

    def moved(self, baseline: Baseline) -> Baseline:
        """Return a baseline with this part in place of its own."""
        kind, name = self.part
        known: dict[str, Any] = {"accepted": {**baseline.accepted, self.part: self}}
        if kind == "feature" and "numbers" in self.body:
            known["numeric"] = {**baseline.numeric, name: read_numbers(self.body["numbers"])}
        elif kind == "feature":
            categories = read_categories(self.body["categories"])
            known["categorical"] = {**baseline.categorical, name: categories}
        elif kind == "score":
            known["score"] = read_numbers(self.body["numbers"])
        elif kind == "metric":
            known["metrics"] = {**baseline.metrics, name: self.body["value"]}
        else:
            feature, _, value = name.partition("=")
            values = dict(baseline.segments[feature])
            values[value] = replace(values[value], scores=tuple(self.body["counts"]))
            known["segments"] = {**baseline.segments, feature: values}
        # Nothing finer was counted of the new part.
        gone = {"feature": name, "score": SCORE}.get(kind)
        known["finer"] = {each: of for each, of in baseline.finer.items() if each != gone}
        return baseline.with_parts(**known)

    def to_document(self) -> Json:
        """Return the document's source."""
        found: Json = {
            "@timestamp": iso(self.accepted),
            "ml.model.name": self.model[0],
            "ml.model.version": self.model[1],
            "baseline.id": self.baseline_id,
            "incident.id": self.incident or None,
            "reference.id": self.id,
            "reference.part": self.part.kind,
            "reference.name": self.part.name or None,
            "reference.begin": iso(self.counted.start),
            "reference.end": iso(self.counted.end),
            "reference.rows": self.rows,
            "reference.by": self.by,
            "reference.why": self.why or None,
            "reference.revoked": self.revoked and iso(self.revoked),
            "reference.revoked_by": self.revoked_by,
            "reference.body": dict(self.body),
        }
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_document(cls, document: Json) -> AcceptedReference:
        """Read what `to_document` wrote."""
        revoked = document.get("reference.revoked")
        return cls(
            (document["ml.model.name"], document["ml.model.version"]),
            document["baseline.id"],
            ReferencePart(document["reference.part"], document.get("reference.name", "")),
            Window(parse_time(document["reference.begin"]), parse_time(document["reference.end"])),
            parse_time(document["@timestamp"]),
            document["reference.by"],
            document.get("reference.why", ""),
            document.get("incident.id", ""),
            document["reference.body"],
            document["reference.rows"],
            parse_time(revoked) if revoked else None,
            document.get("reference.revoked_by"),
        )


class AcceptedReferences:
    """All accepted references, as analyzers ask for them: by baseline and end of window."""

    def __init__(self, references: Iterable[AcceptedReference] = ()) -> None:
        ordered = sorted(references, key=lambda reference: (reference.accepted, reference.id))
        self._of: dict[str, list[AcceptedReference]] = {}
        for reference in ordered:
            self._of.setdefault(reference.baseline_id, []).append(reference)
        self._moved: dict[tuple[str, ...], Baseline] = {}

    def moved(self, baseline: Baseline, end: datetime) -> Baseline:
        """Return a baseline as windows that end then are compared with it; the last one counts."""
        holding = [one for one in self._of.get(baseline.id, ()) if one.holds(end)]
        if not holding:
            return baseline
        key = (baseline.id, *(reference.id for reference in holding))
        if key not in self._moved:
            moved = baseline
            for reference in holding:
                moved = reference.moved(moved)
            self._moved[key] = moved
        return self._moved[key]


def write_numbers(numbers: Buckets) -> Json:
    """Return buckets as a JSON value."""
    return {name: getattr(numbers, name) for name in Buckets.__slots__}


def read_numbers(body: Mapping[str, Any]) -> Buckets:
    """Read what `write_numbers` wrote."""
    return Buckets(**{**body, "edges": tuple(body["edges"]), "counts": tuple(body["counts"])})


def write_categories(counts: Mapping[str, int], rest: int) -> Json:
    """Return categories as a JSON value."""
    return {"counts": dict(counts), "rest": rest}


def read_categories(body: Mapping[str, Any]) -> CategoryBaseline:
    """Read what `write_categories` wrote."""
    return CategoryBaseline(Counter(body["counts"]), rest=body["rest"])
