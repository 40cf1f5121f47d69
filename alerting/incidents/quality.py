"""How good alerts were, by policy, from incidents and what people called them. Pure.

- Precision: of the incidents with feedback, the share that was no false alarm. An alert was right
  where its incident was (`fixed`, or a change that was accepted as `new_normal`). The interval is
  Wilson's with a confidence of 95 %.
- Time to detect: from an incident's start, as well as the data know it, to the moment its opening
  became known. Where that was more than a day after the window that showed it, the past was judged
  afterwards, and the incident is counted without a time.
- Time to acknowledge: from its opening until somebody took it first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, duration, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.statistics.interval import Interval
    from mlmon.elastic.json_object import Json

AFTERWARDS = DAY
"""Known so long after its window, an incident was not detected but judged afterwards."""
EVERY = "all"
"""What the sum over all policies is called."""


@dataclass(frozen=True, slots=True)
class AlertQuality:
    """How good the alerts of one policy were.

    Args:
        policy: Its name, that of its analyzer; `all` for all of them.
        incidents: Incidents with an alert of it.
        right: Of them, those that people called fixed, or accepted.
        wrong: Those that people called a false alarm.
        detected: Seconds to detection, of each incident that was not judged afterwards.
        acknowledged: Seconds to the first acknowledgement, of those that somebody took.
    """

    policy: str
    incidents: int
    right: int
    wrong: int
    detected: tuple[float, ...]
    acknowledged: tuple[float, ...]

    @property
    def judged(self) -> int:
        """Incidents with feedback."""
        return self.right + self.wrong

    @property
    def precision(self) -> Interval | None:
        """The interval of the share that was right; None without feedback."""
        return wilson_interval(self.right, self.judged) if self.judged else None

    @property
    def afterwards(self) -> int:
        """Incidents that became known more than a day after the window that showed them."""
        return self.incidents - len(self.detected)

    def to_json(self) -> Json:
        """Return it as a JSON value; times in seconds, None where nothing is known."""
        interval = self.precision
        return {
            "policy": self.policy,
            "incidents": self.incidents,
            "right": self.right,
            "false_alarms": self.wrong,
            "precision": self.right / self.judged if self.judged else None,
            "precision_low": interval.low if interval else None,
            "precision_high": interval.high if interval else None,
            "time_to_detect_s": median(self.detected) if self.detected else None,
            "judged_afterwards": self.afterwards,
            "acknowledged": len(self.acknowledged),
            "time_to_acknowledge_s": median(self.acknowledged) if self.acknowledged else None,
        }

    def sentence(self) -> str:
        """Return it in a sentence."""
        parts = [f"{self.policy}: {count(self.incidents, 'incident')}"]
        if (interval := self.precision) is not None:
            parts.append(
                f"{self.right} of {self.judged} with feedback were right "
                f"({percent(interval.low)} to {percent(interval.high)})"
            )
        else:
            parts.append("no feedback")
        if self.detected:
            parts.append(f"detected after {duration(timedelta(seconds=median(self.detected)))}")
        if self.afterwards:
            parts.append(f"{self.afterwards:,} judged more than a day afterwards")
        if self.acknowledged:
            taken = duration(timedelta(seconds=median(self.acknowledged)))
            parts.append(f"{len(self.acknowledged)} acknowledged after {taken}")
        return ", ".join(parts)


def alert_quality(
    incidents: Iterable[IncidentRecord], known: Mapping[str, datetime]
) -> list[AlertQuality]:
    """Return how good the alerts of all policies and of each were, the sum first.

    Args:
        incidents: Documents of incidents that were not withdrawn.
        known: When the opening of each became known, by its id; else it was when it opened.
    """
    by_policy: dict[str, list[IncidentRecord]] = defaultdict(list)
    for incident in incidents:
        by_policy[EVERY].append(incident)
        for policy in incident.analyzers:
            by_policy[policy].append(incident)
    ordered = sorted(by_policy, key=lambda policy: (policy != EVERY, policy))
    return [_quality(policy, by_policy[policy], known) for policy in ordered]


def _quality(
    policy: str, incidents: list[IncidentRecord], known: Mapping[str, datetime]
) -> AlertQuality:
    verdicts = [incident.feedback for incident in incidents]
    return AlertQuality(
        policy,
        len(incidents),
        sum(verdict in {Verdict.FIXED, Verdict.NEW_NORMAL} for verdict in verdicts),
        verdicts.count(Verdict.FALSE_ALARM),
        tuple(
            (max(at, incident.opened) - incident.start).total_seconds()
            for incident in incidents
            if (at := known.get(incident.id, incident.opened)) - incident.opened <= AFTERWARDS
        ),
        tuple(
            float(incident.acknowledged_after_seconds)
            for incident in incidents
            if incident.acknowledged_after_seconds is not None
        ),
    )
