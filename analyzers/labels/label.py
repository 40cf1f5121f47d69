"""One prediction with what came true of it. Pure.

Outcomes may come in any order, and more than once: in any order, and however they are divided
into batches that are themselves repeated, the label ends the same. The outcome logged last counts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import HOUR, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

MOST_SEEN = 100
"""Most outcomes of one prediction that are distinguished; more are not counted."""

_LONGEST_ID = 512
_DIGITS = 13


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction, as logged.

    Args:
        id: `ml.prediction.id`.
        at: When it was made.
        fields: Its other fields, of `PREDICTION_FIELDS` those it has.
        divided_by: The features that divide the traffic, as declared when it was looked up.
        segments: The parts of the traffic it belongs to by them, such as `country=DE`.
    """

    id: str
    at: datetime
    fields: tuple[tuple[str, Any], ...]
    divided_by: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


DIVIDED_BY, SEGMENTS = "label.divided_by", "label.segments"
"""A label that was joined before a feature was declared does not name it: nothing is guessed."""

PREDICTION_FIELDS = (
    "service.name",
    "service.environment",
    "ml.model.name",
    "ml.model.version",
    "ml.prediction.score",
    "ml.prediction.threshold",
    "ml.prediction.decision",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One event of `ml.outcome`.

    Args:
        id: The event's id.
        prediction_id: The prediction it is about.
        at: When it was logged, to the millisecond.
        label: What came true.
        value: What it was worth, None if unknown.
        created: When it became known, None if unknown.
        service: The service that logged it; a label does not keep it.
    """

    id: str
    prediction_id: str
    at: datetime
    label: bool
    value: float | None = None
    created: datetime | None = None
    service: str | None = field(default=None, compare=False)

    @property
    def order(self) -> tuple[datetime, int, str]:
        """The order that decides which one is last: the greatest.

        Within a millisecond it is the sequence number that ends the id: a longer one is later.
        """
        return self.at, len(self.id), self.id

    def differs(self, other: Outcome) -> bool:
        """Whether the two differ in label or value."""
        return (self.label, self.value) != (other.label, other.value)


@dataclass(frozen=True, slots=True)
class Label:
    """A prediction and its outcomes.

    Args:
        prediction: The prediction.
        counted: The outcome that counts: the last one.
        first_logged: When the first one was logged.
        seen: The ids of all of them, sorted, `MOST_SEEN` at most.
        contradicted: Whether they differ.
    """

    prediction: Prediction
    counted: Outcome
    first_logged: datetime
    seen: tuple[str, ...]
    contradicted: bool = False

    @classmethod
    def of(cls, prediction: Prediction, outcomes: Iterable[Outcome]) -> Label:
        """Return the label of a prediction by one or more outcomes."""
        first, *others = outcomes
        label = cls(prediction, first, first.at, (first.id,))
        return label.with_outcomes(others)

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> Label:
        """Return the label by these outcomes too; those it has seen change nothing."""
        return reduce(Label._with, outcomes, self)

    def _with(self, outcome: Outcome) -> Label:
        return replace(
            self,
            counted=max(self.counted, outcome, key=lambda answer: answer.order),
            first_logged=min(self.first_logged, outcome.at),
            # The least ids are kept, not the first ones: then the order of arrival is no matter.
            seen=tuple(sorted({*self.seen, outcome.id})[:MOST_SEEN]),
            contradicted=self.contradicted or self.counted.differs(outcome),
        )

    @property
    def wrong(self) -> bool | None:
        """Whether the decision was not what came true, None where none is logged."""
        decision = dict(self.prediction.fields).get("ml.prediction.decision")
        return None if decision is None else (decision == "approved") != self.counted.label

    def to_document(self, joined: datetime) -> dict[str, Any]:
        """Return the source of the label's document.

        Args:
            joined: When it was joined or changed.
        """
        counted = self.counted
        known = {
            "event.created": iso(counted.created) if counted.created else None,
            "ml.outcome.value": counted.value,
            "label.wrong": self.wrong,
            DIVIDED_BY: list(self.prediction.divided_by) or None,
            SEGMENTS: list(self.prediction.segments) or None,
        }
        return {
            "@timestamp": iso(self.prediction.at),
            "event.ingested": iso(joined),
            "ml.prediction.id": self.prediction.id,
            **dict(self.prediction.fields),
            "ml.outcome.label": counted.label,
            "label.learnt": iso(self.first_logged),
            "label.delay_hours": (self.first_logged - self.prediction.at) / HOUR,
            "label.outcomes": len(self.seen),
            "label.contradicted": self.contradicted,
            "label.draw": draw(self.prediction.id),
            "label.counted": counted.id,
            "label.counted_at": iso(counted.at),
            "label.seen": list(self.seen),
            **{name: value for name, value in known.items() if value is not None},
        }

    @classmethod
    def from_document(cls, source: dict[str, Any]) -> Label:
        """Read what `to_document` wrote."""
        created = source.get("event.created")
        prediction = Prediction(
            source["ml.prediction.id"],
            parse_time(source["@timestamp"]),
            tuple((name, source[name]) for name in PREDICTION_FIELDS if name in source),
            tuple(source.get(DIVIDED_BY, ())),
            tuple(source.get(SEGMENTS, ())),
        )
        counted = Outcome(
            source["label.counted"],
            prediction.id,
            parse_time(source["label.counted_at"]),
            source["ml.outcome.label"],
            source.get("ml.outcome.value"),
            parse_time(created) if created else None,
        )
        return cls(
            prediction,
            counted,
            parse_time(source["label.learnt"]),
            tuple(source["label.seen"]),
            source["label.contradicted"],
        )


def draw(prediction_id: str) -> float:
    """Return a number from 0 to 1 by which a sample is drawn: the same for the same id."""
    digits = hashlib.sha256(prediction_id.encode()).hexdigest()[:_DIGITS]
    return float(int(digits, 16) / 16**_DIGITS)


def document_id(prediction_id: str) -> str:
    """Return the `_id` of a label: the prediction's id, or its hash where that is none or too long.

    Elasticsearch takes ids of 1 to 512 bytes, and refuses a whole search that names another.
    """
    encoded = prediction_id.encode()
    usable = 0 < len(encoded) <= _LONGEST_ID
    return prediction_id if usable else hashlib.sha256(encoded).hexdigest()
