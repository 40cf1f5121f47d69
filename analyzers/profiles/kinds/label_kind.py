"""Label profiles: by hour of the prediction, model version and its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.labels.join import join_new
from mlmon.analyzers.profiles.kinds.label_query import (
    STEP,
    Judged,
    LabelQuery,
    outcomes_known,
    read_outcomes_known,
    with_errors,
)
from mlmon.analyzers.profiles.kinds.labels import (
    DATASET,
    KIND,
    MOST_ERRORS,
    LabelProfile,
    from_body,
)
from mlmon.analyzers.profiles.kinds.predictions import one_per_version
from mlmon.analyzers.profiles.version_kind import VersionKind, version_buckets, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

_PAGE = 2_000


class LabelKind(VersionKind[LabelProfile]):
    """Labelled predictions by hour, model version and baseline."""

    name = KIND
    dataset = DATASET
    step = STEP
    preparations = (join_new,)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour and version with labels, over its baseline."""
        profile_keys: dict[ProfileKey, SourceWatermark] = {}
        for window, bucket in logs.survey(DATASET, period, STEP, versions(outcomes_known())):
            for model, version in version_buckets(bucket).items():
                own = logs.baselines.get(model)
                profile_key = ProfileKey(KIND, window, (*model, own.id if own else ""))
                profile_keys[profile_key] = read_outcomes_known(version)
        return profile_keys

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[LabelProfile]:
        """Yield a profile for each hour with labels."""
        name, version, baseline_id = series
        query = LabelQuery((name, version), logs.by_id.get(baseline_id))
        for piece in part.split(max(1, MOST_BUCKETS // query.buckets) * STEP):
            found = list(query.profiles(logs.search(DATASET, query.body(piece))))
            errors = _errors(logs, query, piece, {each.window: n for each, n in found})
            for profile, _ in found:
                yield with_errors(profile, errors.get(profile.window, ()))

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> LabelProfile | None:
        """Return the profile of a stored body."""
        scope = self.scope(profile_key.series, baselines)
        if scope is None:
            return None
        return from_body(profile_key, watermark, revision, body, scope.baseline)

    def chosen(
        self, profiles: Iterable[LabelProfile], current: Mapping[tuple[str, str], Baseline]
    ) -> Sequence[LabelProfile]:
        """Return one profile per hour and version, over its current baseline where there is one."""
        return one_per_version(profiles, current)


def _errors(
    logs: Logs, query: LabelQuery, period: Window, counts: Mapping[Window, int]
) -> dict[Window, list[Judged]]:
    """Return each window's errors: all, or a sample drawn by the predictions' ids."""
    judged: dict[Window, list[Judged]] = {}
    small = [window for window, n in counts.items() if 0 < n <= MOST_ERRORS]
    if small:
        body = query.all_errors(period, small) | {"size": _PAGE}
        for hit in logs.scan(DATASET, body):
            each = Judged.of(hit)
            judged.setdefault(each.window, []).append(each)
    for window in (window for window, n in counts.items() if n > MOST_ERRORS):
        answer = logs.cluster.search(logs.index(DATASET), query.some_errors(window))
        judged[window] = [Judged.of(hit) for hit in answer["hits"]["hits"]]
    return judged
