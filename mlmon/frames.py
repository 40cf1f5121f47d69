"""Findings, alerts, profiles and predictions as pandas DataFrames, for notebooks.

    from mlmon import frames

    frames.findings(since="14d", severity="warning")
    for frame in frames.iter_predictions(since="90d", chunksize=100_000):
        ...

Each function connects by the command line's settings (`MLMON_ELASTICSEARCH_URL`, `mlmon.toml`,
else the embedded node) and reads one namespace. A period is given by `since` and `until`: a
datetime (UTC without a zone), an ISO time, how long ago (`14d`, `6h`), or `now`. Frames hold times
in UTC.

The functions named `iter_…` yield the same rows in order as frames of `chunksize` rows, and hold
one of them in memory: use them for results that do not fit into it.

They raise `mlmon.elastic.errors.UserError` where the cluster cannot be reached, and
`WrongValueError` for a value that cannot be read.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

try:
    import pandas as pd
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'mlmon.frames needs the extra "pipeline": pip install "mlmon[pipeline]"', name=error.name
    ) from error

from mlmon.alerting.alerts.alert import ALERT_FIELDS
from mlmon.alerting.alerts.store import AlertStore
from mlmon.analyzers.base.finding import FINDING_FIELDS, Severity
from mlmon.analyzers.base.identity import IDENTITY_FIELDS
from mlmon.analyzers.base.time_argument import check_order, time_argument
from mlmon.analyzers.base.window import EPOCH, Window
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.sample.draw import batches, sample
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmon.elastic.client.cluster import Cluster

__all__ = [
    "alerts",
    "findings",
    "iter_findings",
    "iter_predictions",
    "iter_profiles",
    "predictions",
    "profiles",
]

When: TypeAlias = str | datetime

CHUNKSIZE = 50_000
SEVERITIES = [str(severity) for severity in Severity]

_FINDING_COLUMNS = ["series", *FINDING_FIELDS]
_ALERT_COLUMNS = [
    "id",
    "status",
    "title",
    *IDENTITY_FIELDS,
    *(name for name in ALERT_FIELDS if name != "withdrawn"),
]
_PROFILE_COLUMNS = ["kind", "start", "end", "revision", "documents", "ingested"]
_TIMES = {
    "start",
    "end",
    "created",
    "since",
    "opened",
    "severity_since",
    "last_alarm",
    "last_finding",
    "expires",
    "ended",
    "ingested",
}


def findings(
    since: When | None = None,
    until: When | None = None,
    *,
    severity: str | None = None,
    analyzer: str | None = None,
    metric: str | None = None,
    as_of: When | None = None,
    namespace: str | None = None,
) -> pd.DataFrame:
    """Return findings, one a row, in order of their window's end.

    Columns are the attributes of `mlmon.analyzers.base.finding.Finding` and `series`, which is the
    same for findings that follow each other in time. `severity` is an ordered category.

    Args:
        since: Windows that end after it; None for all.
        until: Windows that end at it or before; None for all.
        severity: `ok`, `unknown`, `critical`, or `warning`, which includes critical.
        analyzer: Name of an analyzer.
        metric: Name of a metric.
        as_of: What was known then.
        namespace: Environment; by default that of the settings.
    """
    chunks = iter_findings(
        since,
        until,
        severity=severity,
        analyzer=analyzer,
        metric=metric,
        as_of=as_of,
        namespace=namespace,
    )
    return _whole(chunks, _finding_frame([]))


def iter_findings(
    since: When | None = None,
    until: When | None = None,
    *,
    severity: str | None = None,
    analyzer: str | None = None,
    metric: str | None = None,
    as_of: When | None = None,
    namespace: str | None = None,
    chunksize: int = CHUNKSIZE,
) -> Iterator[pd.DataFrame]:
    """Yield what `findings` returns as frames of `chunksize` rows; the last has fewer."""
    first, last, known = _moment(since), _moment(until), _moment(as_of)
    check_order(first, last)
    level = None if severity is None else _severity(severity)
    with _opened(namespace) as (cluster, name):
        found = FindingStore(cluster, name).search(
            since=first, until=last, severity=level, analyzer=analyzer, metric=metric, as_of=known
        )
        for chunk in _chunks(found, chunksize):
            yield _finding_frame(chunk)


def alerts(
    since: When | None = None, until: When | None = None, *, namespace: str | None = None
) -> pd.DataFrame:
    """Return alerts, one a row, the oldest first: open ones and closed ones, not withdrawn ones.

    Columns are the attributes of `mlmon.alerting.alerts.alert.Alert`, and `id`, `status`, `title`.

    Args:
        since: Alerts that were open after it; None for all.
        until: Alerts that opened by then; None for all.
        namespace: Environment; by default that of the settings.
    """
    first, last = _moment(since), _moment(until)
    check_order(first, last)
    with _opened(namespace) as (cluster, name):
        found = list(AlertStore(cluster, name).overlapping(first or EPOCH, last))
    return _typed(_frame(found, _ALERT_COLUMNS))


def profiles(
    kind: str, since: When = "7d", until: When = "now", *, namespace: str | None = None
) -> pd.DataFrame:
    """Return the latest profiles of a kind, one a row, in order of time.

    Columns: kind, start and end of the window, revision, documents (events counted), ingested (when
    the last of them arrived), what separates profiles of one window (`ml.model.name`, …), and
    what was counted. Nested counts become columns with dots; lists stay lists.

    Args:
        kind: Such as `access`, `prediction`, `fallback` or `job`.
        since: Start of the period.
        until: End of the period.
        namespace: Environment; by default that of the settings.
    """
    chunks = iter_profiles(kind, since, until, namespace=namespace)
    return _whole(chunks, _profile_frame([]))


def iter_profiles(
    kind: str,
    since: When = "7d",
    until: When = "now",
    *,
    namespace: str | None = None,
    chunksize: int = CHUNKSIZE,
) -> Iterator[pd.DataFrame]:
    """Yield what `profiles` returns as frames of `chunksize` rows; the last has fewer.

    A frame has the columns that its own rows have.
    """
    if kind not in kinds():
        raise WrongValueError(
            f"There are no profiles of kind {kind!r}", f"There are: {', '.join(kinds())}."
        )
    period = _period(since, until)
    with _opened(namespace) as (cluster, name):
        for chunk in _chunks(ProfileStore(cluster, name).stored(kind, period), chunksize):
            rows = [
                {
                    "kind": stored.profile_key.kind,
                    "start": stored.profile_key.window.start,
                    "end": stored.profile_key.window.end,
                    "revision": stored.stamp.revision,
                    "documents": stored.stamp.watermark.documents,
                    "ingested": stored.stamp.watermark.ingested,
                    **kinds()[kind].described(stored.profile_key),
                    **stored.body,
                }
                for stored in chunk
            ]
            yield _profile_frame(rows)


def predictions(
    since: When = "7d",
    until: When = "now",
    *,
    rows: int = 10_000,
    model: str | None = None,
    model_version: str | None = None,
    namespace: str | None = None,
) -> pd.DataFrame:
    """Return a sample of predictions with their outcomes, in order of time.

    The sample is uniform and deterministic: the same predictions give the same rows, and a larger
    sample holds the smaller one. Columns: `@timestamp`, ids, model, score, threshold and decision
    by their fields' names, each feature by its own name, and `ml.outcome.label` and
    `ml.outcome.value`, missing while unknown.

    Args:
        since: Start of the period.
        until: End of the period.
        rows: Maximum number of predictions.
        model: Name of a model.
        model_version: Version of a model.
        namespace: Environment; by default that of the settings.
    """
    period = _period(since, until)
    with _opened(namespace) as (cluster, name):
        drawn = sample(cluster, name, period, rows, model=_model(model, model_version))
    frame: pd.DataFrame = drawn.to_pandas()
    return frame


def iter_predictions(
    since: When = "7d",
    until: When = "now",
    *,
    model: str | None = None,
    model_version: str | None = None,
    namespace: str | None = None,
    chunksize: int = CHUNKSIZE,
) -> Iterator[pd.DataFrame]:
    """Yield all predictions of a period, not a sample, as frames of `chunksize` rows.

    Columns are those of `predictions`, with the features that the frame's own rows have.
    """
    period = _period(since, until)
    with _opened(namespace) as (cluster, name):
        wanted = _model(model, model_version)
        for batch in batches(cluster, name, period, chunksize, model=wanted):
            yield batch.to_pandas()


@contextmanager
def _opened(namespace: str | None) -> Iterator[tuple[Cluster, str]]:
    """Open the cluster of the settings; yield it and the namespace."""
    settings = load_settings(namespace=namespace)
    with connect(settings) as cluster:
        yield cluster, settings.namespace


def _moment(when: When | None) -> datetime | None:
    if when is None:
        return None
    if isinstance(when, datetime):
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return time_argument(when, datetime.now(UTC))


def _period(since: When, until: When) -> Window:
    first, last = _moment(since) or EPOCH, _moment(until) or datetime.now(UTC)
    check_order(first, last)
    return Window(first, last)


def _severity(name: str) -> Severity:
    if name not in SEVERITIES:
        raise WrongValueError(
            f"{name!r} is no severity", f"Choose one of: {', '.join(SEVERITIES)}."
        )
    return Severity(name)


def _model(name: str | None, version: str | None) -> dict[str, str]:
    wanted = {"ml.model.name": name, "ml.model.version": version}
    return {field: value for field, value in wanted.items() if value is not None}


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the items in lists of `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _whole(chunks: Iterator[pd.DataFrame], empty: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all chunks as one frame, or the empty one where there is no chunk."""
    frames = list(chunks)
    if len(frames) < 2:  # noqa: PLR2004 - there is nothing to join
        return frames[0] if frames else empty
    return _typed(pd.concat(frames, ignore_index=True))


def _finding_frame(found: list[Any]) -> pd.DataFrame:
    return _typed(_frame(found, _FINDING_COLUMNS))


def _profile_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.json_normalize(rows) if rows else pd.DataFrame(columns=pd.Index(_PROFILE_COLUMNS))
    return _typed(frame)


def _frame(items: list[Any], columns: list[str]) -> pd.DataFrame:
    """Return objects as rows of their attributes."""
    return pd.DataFrame(
        {name: [getattr(item, name) for item in items] for name in columns},
        columns=pd.Index(columns),
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose times are times and whose severities are in order."""
    for name in _TIMES & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    if "severity" in frame.columns:
        levels = [None if level is None else str(level) for level in frame["severity"]]
        frame["severity"] = pd.Categorical(levels, categories=SEVERITIES, ordered=True)
    return frame
