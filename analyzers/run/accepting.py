"""References that a person may accept: what was counted since a change, part by part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import HOUR, Window, floor
from mlmon.analyzers.baselines.accepted import (
    AcceptedReference,
    write_categories,
    write_numbers,
)
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.drift.drift import KS_LIMITS
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import rows_needed
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.segment import segments_of
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.statistics.buckets import merge
from mlmon.elastic.errors import UserError
from mlmon.formatting import count, moment, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.base.reference_part import ReferencePart
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json


def movable_part(identity: FindingIdentity) -> ReferencePart | None:
    """Return the part of a baseline that a series is compared with, None where none can move."""
    if identity.model_name is None or identity.model_version is None:
        return None
    analyzer = next((one for one in discover() if one.name == identity.analyzer), None)
    return analyzer.reference_part(identity) if analyzer else None


def count_reference(
    cluster: Cluster,
    namespace: str,
    identity: FindingIdentity,
    begin: datetime,
    now: datetime,
    *,
    by: str,
    why: str = "",
    incident: str = "",
) -> AcceptedReference:
    """Count what a series would be compared with from now on.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        identity: The series.
        begin: The change point.
        now: When it is accepted.
        by: Who accepts it.
        why: Why.
        incident: The incident that is accepted.

    Raises:
        UserError: The series is compared with nothing that can move, or too little was counted.
    """
    part = movable_part(identity)
    model = identity.model_name or "", identity.model_version or ""
    if part is None:
        raise UserError(
            f"{identity.title} is compared with nothing that could be moved",
            "Features, scores, segments and measures compared with a version's evaluation can.",
        )
    baseline = BaselineStore(cluster, namespace).current(unread=[]).get(model)
    if baseline is None:
        raise UserError(f"There is no baseline for {' '.join(model)}", "See `mlmon baseline list`.")
    window = Window(floor(begin, HOUR), floor(now, HOUR))
    if window.start >= window.end:
        raise UserError(
            f"No full hour has passed since {moment(begin)}",
            "Accept the change once more traffic is known, or give an earlier --since.",
        )
    counted = _Counted(cluster, namespace, baseline, window)
    body, rows = counted.of(part, identity)
    return AcceptedReference(
        model, baseline.id, part, window, now, by, why, incident, body=body, rows=rows
    )


class _Counted:
    """What was counted over a baseline's edges in a time."""

    def __init__(
        self, cluster: Cluster, namespace: str, baseline: Baseline, window: Window
    ) -> None:
        self._findings = FindingStore(cluster, namespace)
        self._profiles = ProfileStore(cluster, namespace)
        self._baseline, self._window = baseline, window

    def of(self, part: ReferencePart, identity: FindingIdentity) -> tuple[Json, int]:
        """Return what a reference holds, and how many rows that is.

        Raises:
            UserError: It is too little to detect anything against.
        """
        if part.kind == "metric":
            return self._measured(identity)
        if part.kind == "segment":
            return self._segment(part)
        if part.kind == "feature" and part.name in self._baseline.categorical:
            return self._categories(part)
        return self._numbers(part)

    def _hours(self, kind: str) -> Sequence[Any]:
        known = {self._baseline.id: self._baseline}
        found = self._profiles.read(kinds()[kind], self._window, known)
        return [profile for profile in found if profile.baseline_id == self._baseline.id]

    def _numbers(self, part: ReferencePart) -> tuple[Json, int]:
        hours = self._hours("prediction")
        if part.kind == "score":
            parts = [hour.score for hour in hours if hour.model == self._baseline.model]
        else:
            parts = [hour.numeric.get(part.name) for hour in hours]
        known = [numbers for numbers in parts if numbers is not None]
        if not known:
            raise self._too_little(part, 0)
        numbers = merge(known)
        if rows_needed(KS_LIMITS.critical, numbers.n) is None:
            raise self._too_little(part, numbers.n)
        return {"numbers": write_numbers(numbers)}, numbers.n

    def _categories(self, part: ReferencePart) -> tuple[Json, int]:
        counts = Counter(dict.fromkeys(self._baseline.categorical[part.name].counts, 0))
        rest = 0
        for hour in self._hours("prediction"):
            if (categories := hour.categorical.get(part.name)) is not None:
                counts.update(categories.counts)
                counts.update(categories.unseen)
                rest += categories.other
        rows = counts.total() + rest
        if rows_needed(KS_LIMITS.critical, rows) is None:
            raise self._too_little(part, rows)
        return {"categories": write_categories(counts, rest)}, rows

    def _segment(self, part: ReferencePart) -> tuple[Json, int]:
        feature, _, value = part.name.partition("=")
        segments = segments_of(self._hours("segment"))
        found = segments.get(feature, {}).get(value)
        known = self._baseline.segments.get(feature, {}).get(value)
        rows = sum(found.scores) if found else 0
        if found is None or known is None or rows_needed(KS_LIMITS.critical, rows) is None:
            raise self._too_little(part, rows)
        return {"counts": list(found.scores)}, rows

    def _measured(self, identity: FindingIdentity) -> tuple[Json, int]:
        """Return the mean of a measure over its windows, weighted by their labels."""
        findings = [
            finding
            for finding in self._findings.search(
                since=self._window.start, until=self._window.end, series=[identity.series]
            )
            if finding.value is not None and finding.sample_count
        ]
        rows = sum(finding.sample_count or 0 for finding in findings)
        if not rows:
            raise UserError(
                f"{identity.title} has no value {span(self._window)}",
                "Accept the change once it was measured, or give an earlier --since.",
            )
        weighted = sum((finding.value or 0.0) * (finding.sample_count or 0) for finding in findings)
        return {"value": weighted / rows}, max(finding.sample_count or 0 for finding in findings)

    def _too_little(self, part: ReferencePart, rows: int) -> UserError:
        return UserError(
            f"Of {part.title} there are {count(rows, 'prediction')} {span(self._window)}: too few "
            "to compare later traffic with",
            "Accept the change once more traffic is known, or give an earlier --since.",
        )
