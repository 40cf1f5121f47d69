"""One run over a period: profile what is new, let each analyzer judge, store what it found.

Running it again, in parts, or after it was killed ends in the same documents: profiles and findings
have deterministic ids, and a finding depends on profiles only.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.alert_policy import INGEST
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.limit_rules import check_rules, under_rule
from mlmon.analyzers.base.window import HOUR, LAST, Window, floor, iso, joined, without
from mlmon.analyzers.baselines.accepted import AcceptedReferences
from mlmon.analyzers.baselines.accepted_store import AcceptedStore
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.event_logs.aggregations import within
from mlmon.analyzers.event_logs.logs import Logs, bounds_note
from mlmon.analyzers.event_logs.shipping_backlog import LATE
from mlmon.analyzers.log_coverage.incomplete_logs import with_completeness
from mlmon.analyzers.log_coverage.log_completeness import (
    ARRIVAL_DELAY,
    CLOCK_AHEAD,
    LogCompleteness,
)
from mlmon.analyzers.log_coverage.log_environment import LogEnvironments
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.sequence import KIND as SEQUENCE
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.findings_store import (
    FINDINGS_PER_WRITE,
    FindingStore,
    WrittenFindings,
)
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.elastic.errors import (
    ClusterError,
    ClusterUnreachableError,
    UserError,
    WrongValueError,
)
from mlmon.elastic.indices.names import all_logs
from mlmon.formatting import excerpt, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.needs import Needs
    from mlmon.analyzers.baselines.accepted import AcceptedReference
    from mlmon.analyzers.profiles.kind import ProfileKind
    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile
    from mlmon.analyzers.run.limit_set import LimitSet
    from mlmon.analyzers.settings import LimitRule
    from mlmon.elastic.client.cluster import Cluster

FAILURE = "evaluation"
"""The metric of the finding about a failed analyzer."""


@dataclass(slots=True)
class Analysis:
    """What a run did.

    Args:
        period: The windows that end in (start, end] were judged.
        profiles: Profiles made, by kind.
        written: Findings written, by analyzer.
        severities: Findings by severity.
        failures: What stopped an analyzer, by its name.
        withdrawn: Earlier findings that no longer hold.
        notes: What else a person should know: baselines that cannot be read, and what to do.
    """

    period: Window
    profiles: dict[str, int] = field(default_factory=dict)
    written: dict[str, WrittenFindings] = field(default_factory=dict)
    severities: Counter[Severity] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    withdrawn: int = 0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        total = sum(self.written.values(), WrittenFindings())
        return {
            "from": iso(self.period.start),
            "to": iso(self.period.end),
            "profiles": self.profiles,
            "findings": {
                "created": total.created,
                "revised": total.revised,
                "unchanged": total.unchanged,
                "withdrawn": self.withdrawn,
            },
            "severities": {severity.value: self.severities[severity] for severity in Severity},
            "failures": self.failures,
            "notes": self.notes,
        }


def analyze(
    cluster: Cluster,
    namespace: str,
    period: Window,
    *,
    now: datetime,
    analyzers: Sequence[Analyzer[Any]] | None = None,
    progress: Callable[[str], None] = lambda _doing: None,
    profiled: bool = False,
    failed: Mapping[str, str] | None = None,
) -> Analysis:
    """Judge every window that ends in (start, end] of a period and has ended by now.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        period: Time to judge.
        now: The present time, stored as the findings' time of creation.
        analyzers: Which to ask, by default all.
        progress: Called with what is being done.
        profiled: Whether the profiles are up to date already.
        failed: Kinds of profiles that could not be updated, and why.

    Raises:
        UserError: The period is empty or in the future, or nothing was logged in it or before.
    """
    chosen = discover() if analyzers is None else tuple(analyzers)
    period = Window(period.start, min(period.end, now))
    if period.start >= period.end:
        raise WrongValueError(
            f"There is no time between {iso(period.start)} and {iso(period.end)}",
            "Give --since before --until, both in the past.",
        )
    analysis = Analysis(period)
    sources = _Sources(cluster, namespace, chosen, period)
    sources.failed |= failed or {}
    analysis.notes += sources.unread
    if not profiled:
        sources.profile(now, progress, analysis)
    sources.read(now)
    if period.end > now - LATE and any(of.holds_despite_losses for of in chosen):
        sources.without_delay_until = Logs(cluster, namespace, now, {}).without_delay_until
    if not profiled and sources.empty:
        raise sources.nothing_logged()
    logs = _LogsBehind.of(sources.sequences)
    check_rules(logs.rules, chosen)
    found = _Found(FindingStore(cluster, namespace), analysis, now)
    for analyzer in chosen:
        progress(f"judging: {analyzer.name}")
        skip_reason = sources.skip_reason(analyzer)
        if skip_reason is None:
            found.take(analyzer, _judged(analyzer, sources.context(analyzer), logs, analysis))
        else:
            found.take(analyzer, iter([_failure(analyzer, skip_reason, analysis)]))
    found.store()
    return analysis


def judge_profiles(
    cluster: Cluster,
    namespace: str,
    period: Window,
    analyzer: Analyzer[Any],
    profiles: Sequence[Any],
    sequences: Sequence[SequenceProfile],
    without_delay_until: datetime,
) -> Analysis:
    """Judge a period by profiles that are not stored, as `analyze` would once they were.

    Args:
        cluster: Where findings are stored.
        namespace: Environment.
        period: Windows that end in (start, end] are judged; its end is the present time.
        analyzer: Which; it needs one kind of profile and no baselines.
        profiles: Its profiles, in order of time.
        sequences: Those of numbered lines, which name the environment of each service.
        without_delay_until: Until when no line means that none was written.
    """
    analysis = Analysis(period)
    context = AnalysisContext(period, profiles, without_delay_until=without_delay_until)
    logs = _LogsBehind.of(sequences)
    found = _Found(FindingStore(cluster, namespace), analysis, period.end)
    found.take(analyzer, _judged(analyzer, context, logs, analysis))
    found.store()
    return analysis


def judged_with(
    cluster: Cluster,
    namespace: str,
    period: Window,
    now: datetime,
    analyzers: Sequence[Analyzer[Any]],
    references: Sequence[AcceptedReference],
) -> list[Finding]:
    """Return what analyzers would find with some accepted references; nothing is stored.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        period: Time to judge.
        now: The present time.
        analyzers: Which to ask.
        references: In place of those that are stored.

    Raises:
        UserError: An analyzer cannot judge.
    """
    sources = _Sources(cluster, namespace, analyzers, period, references)
    sources.read(now)
    logs = _LogsBehind.of(sources.sequences)
    return [
        finding
        for analyzer in analyzers
        for finding in logs.stamped(iter(_evaluated(sources, analyzer)), analyzer)
    ]


def judged_under(
    cluster: Cluster, namespace: str, period: Window, now: datetime, sets: Sequence[LimitSet]
) -> Iterator[tuple[list[Finding], ...]]:
    """Yield what each analyzer would find under each of several sets of limits; store nothing.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        period: Time to judge.
        now: The present time.
        sets: The sets; an analyzer that several have judges once.

    Raises:
        UserError: An analyzer cannot judge.
    """
    every = dict.fromkeys(analyzer for limits in sets for analyzer in limits.analyzers)
    sources = _Sources(cluster, namespace, [*every], period)
    sources.read(now)
    logs = _LogsBehind.of(sources.sequences)
    for together in zip(*(limits.analyzers for limits in sets), strict=True):
        found = {analyzer: _evaluated(sources, analyzer) for analyzer in dict.fromkeys(together)}
        yield tuple(
            [*replace(logs, rules=limits.rules).stamped(iter(found[analyzer]), analyzer)]
            for limits, analyzer in zip(sets, together, strict=True)
        )


def _evaluated(sources: _Sources, analyzer: Analyzer[Any]) -> list[Finding]:
    """Return the findings of an analyzer, before the user's rules.

    Raises:
        UserError: It cannot judge.
    """
    if (skip_reason := sources.skip_reason(analyzer)) is not None:
        raise UserError(f"{analyzer.name} cannot judge: {skip_reason}")
    try:
        return list(analyzer.evaluate(sources.context(analyzer)))
    except ClusterUnreachableError:
        raise
    except Exception as error:
        raise UserError(f"{analyzer.name} cannot judge: {described(error)}") from error


class _Found:
    """What the analyzers of a run find, stored together: a request costs as much as many findings.

    Args:
        store: Where it is stored.
        analysis: What the run did; what is written and what fails is added to it.
        now: The time at which it is known.
    """

    def __init__(self, store: FindingStore, analysis: Analysis, now: datetime) -> None:
        self._store = store
        self._analysis = analysis
        self._now = now
        self._analyzers: dict[str, Analyzer[Any]] = {}
        self._waiting: list[Finding] = []
        self._keys = set[str]()

    def take(self, analyzer: Analyzer[Any], judged: Iterator[Finding]) -> None:
        """Take what an analyzer finds; store what is enough for a request."""
        name = analyzer.name
        self._analyzers[name] = analyzer
        self._analysis.written[name] = WrittenFindings()
        for finding in judged:
            self._analysis.severities[finding.severity] += 1
            self._waiting.append(finding)
            if len(self._waiting) >= FINDINGS_PER_WRITE:
                self._write()

    def store(self) -> None:
        """Store the rest, and withdraw what the analyzers no longer find."""
        self._write()
        names = self._analyzers.keys() - self._analysis.failures.keys()
        if _refusal(partial(self._withdraw, names)) is not None:
            for name in names:
                self._alone(name, partial(self._withdraw, {name}))

    def _write(self) -> None:
        """Store what waits: together, and each analyzer's alone where that is refused."""
        waiting, self._waiting = self._waiting, []
        if waiting and _refusal(partial(self._write_batch, waiting)) is not None:
            for name in dict.fromkeys(finding.analyzer for finding in waiting):
                own = [finding for finding in waiting if finding.analyzer == name]
                self._alone(name, partial(self._write_batch, own))

    def _write_batch(self, findings: Sequence[Finding]) -> None:
        written = self._store.write_batch(findings, self._now, self._keys)
        for name, of_analyzer in written.items():
            self._analysis.written[name] += of_analyzer

    def _withdraw(self, names: Collection[str]) -> None:
        period = self._analysis.period
        self._analysis.withdrawn += self._store.withdraw(names, period, self._keys, self._now)

    def _alone(self, name: str, write: Callable[[], None]) -> None:
        """Write; store that an analyzer failed where its findings are refused.

        If that is refused too, only the run's summary reports it. An index that takes no findings
        (of a closed month, for example) must not keep the others' from theirs.
        """
        if (refusal := _refusal(write)) is not None:
            failure = _failure(self._analyzers[name], described(refusal), self._analysis)
            self._analysis.severities[failure.severity] += 1
            _refusal(partial(self._write_batch, [failure]))


def _refusal(write: Callable[[], None]) -> ClusterError | None:
    """Write; return why it was refused, None where it was done.

    Raises:
        ClusterUnreachableError: The cluster is away: nobody's findings can be stored.
    """
    try:
        write()
    except ClusterUnreachableError:
        raise
    except ClusterError as error:
        return error
    return None


def described(error: Exception) -> str:
    """Return what an error is, for a person."""
    return f"{type(error).__name__}: {error}"


def times(
    analyzers: Iterable[Analyzer[Any]], period: Window, *, pooled: bool = False
) -> dict[str, list[Window]]:
    """Return which profiles of each kind some analyzers need to judge a period.

    Those of numbered lines are needed in any case: every finding carries the share that arrived.

    Args:
        analyzers: The analyzers.
        period: The time they judge.
        pooled: Whether those that may be read on demand are among them.
    """
    needed = {SEQUENCE: [Window(floor(period.start, HOUR) - ARRIVAL_DELAY, period.end)]}
    for analyzer in analyzers:
        for needs in analyzer.needs:
            windows = [*needed.get(needs.kind, []), *needs.windows(period)]
            windows += [needs.on_demand(period)] if pooled else []
            needed[needs.kind] = joined(windows)
    return needed


class _Sources:
    """The profiles and baselines of a run, each kind read once."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        analyzers: Sequence[Analyzer[Any]],
        period: Window,
        references: Sequence[AcceptedReference] | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._period = period
        unread: list[UserError] = []
        baselines = list(BaselineStore(cluster, namespace).all(unread=unread))
        self.unread = [f"{error.message}. {error.hint}" for error in unread]
        """Baselines that cannot be read, and what to do."""
        self._by_id = {baseline.id: baseline for baseline in baselines}
        newest = sorted(baselines, key=lambda baseline: (baseline.created, baseline.id))
        self._current = {baseline.model: baseline for baseline in newest}
        accepted = AcceptedStore(cluster, namespace).all() if references is None else references
        self._accepted = AcceptedReferences(accepted)
        self._store = ProfileStore(cluster, namespace)
        self._analyzers = analyzers
        self._times = times(analyzers, period)
        self._made = times(analyzers, period, pooled=True)
        self._read: dict[str, Sequence[Any]] = {}
        self._pooled: dict[Needs, Sequence[Any]] = {}
        self.without_delay_until: datetime | None = None
        """Until when no line means that none was written."""
        self.failed: dict[str, str] = {}
        """Kinds whose profiles could not be made or read, and why."""

    def profile(self, now: datetime, progress: Callable[[str], None], analysis: Analysis) -> None:
        """Bring the profiles up to the logs."""
        # What was acknowledged is counted, also where no refresh has made it visible yet.
        self._cluster.refresh(all_logs(self._namespace))
        logs = Logs(self._cluster, self._namespace, now, self._current)
        profiler = Profiler(logs, progress)
        for name in self._times:
            with noting(self.failed, name):
                analysis.profiles[name] = sum(
                    profiler.update(kinds()[name], window)
                    for window in self._needed(self._made[name], name, now)
                )
        analysis.notes += [*bounds_note(logs.left_out), *logs.notes]

    def read(self, now: datetime) -> None:
        """Read the profiles of every kind that could be made."""
        for name in self._times:
            if name in self.failed:
                continue
            kind = kinds()[name]
            with noting(self.failed, name):
                profiles = [
                    profile
                    for part, core in self._parts(kind, now)
                    for profile in self._store.read(kind, part, self._by_id, core)
                ]
                self._read[name] = kind.chosen(profiles, self._current)

    @property
    def empty(self) -> bool:
        """Whether there is no profile at all."""
        return not self.failed and not any(
            self._within(name, window) for name, needed in self._times.items() for window in needed
        )

    @property
    def sequences(self) -> Sequence[SequenceProfile]:
        """The profiles of numbered lines."""
        return self._read.get(SEQUENCE, ())

    def skip_reason(self, analyzer: Analyzer[Any]) -> str | None:
        """Return why an analyzer has nothing to judge, None if it has."""
        why = [
            f"profiles of kind {needs.kind}: {self.failed[needs.kind]}"
            for needs in analyzer.needs
            if needs.kind in self.failed
        ]
        return "; ".join(why) or None

    def context(self, analyzer: Analyzer[Any]) -> AnalysisContext[Any]:
        """Return what an analyzer judges: the profiles it needs, and no others."""
        found = {
            needs.kind: [
                profile
                for window in needs.windows(self._period)
                for profile in self._within(needs.kind, window)
            ]
            for needs in analyzer.needs
        }
        judged = analyzer.needs[0]
        profiles = found.pop(judged.kind)
        fetch = partial(self._with_part, judged, profiles)
        by_kind = {needs.kind: needs for needs in analyzer.needs}
        return AnalysisContext(
            self._period,
            profiles,
            self._current,
            found,
            fetch,
            lambda kind: self._on_demand(by_kind[kind]),
            self._accepted.moved,
            self.without_delay_until,
        )

    def _on_demand(self, needs: Needs) -> Sequence[Any]:
        """Return the complete profiles of the time that is pooled, in order; read once."""
        if needs not in self._pooled:
            kind, times = kinds()[needs.kind], self._times[needs.kind]
            reach = needs.on_demand(self._period)
            # What was read with all details already.
            complete = without(times, without(times, self._complete(kind)))
            missing = without([reach], complete)
            read = [
                profile
                for window in missing
                for profile in self._store.read(kind, window, self._by_id)
            ]
            known = [
                profile
                for window in without([reach], missing)
                for profile in self._within(needs.kind, window)
            ]
            ordered = sorted([*read, *known], key=lambda profile: profile.window)
            self._pooled[needs] = kind.chosen(ordered, self._current)
        return self._pooled[needs]

    def _with_part(self, needs: Needs, profiles: Sequence[Any], part: str) -> Sequence[Any]:
        """Return profiles in order of time; of those that hold their core only, read a part."""
        kind = kinds()[needs.kind]
        by_key = {profile.profile_key: profile for profile in profiles}
        for window in without(needs.windows(self._period), self._complete(kind)):
            read = self._store.read(kind, window, self._by_id, (*kind.core, part))
            by_key |= {profile.profile_key: profile for profile in kind.chosen(read, self._current)}
        return sorted(by_key.values(), key=lambda profile: profile.window)

    def _complete(self, kind: ProfileKind[Any]) -> list[Window]:
        """Return the time whose profiles are read completely."""
        if not kind.core:
            return self._times[kind.name]
        recent = Window(floor(self._period.start, HOUR) - kind.complete_for, LAST)
        return [recent]

    def _within(self, kind: str, time: Window) -> Sequence[Any]:
        return AnalysisContext(self._period, self._read[kind], self._current).within(time)

    def _needed(self, times: Sequence[Window], kind: str, now: datetime) -> list[Window]:
        """Return the time of the profiles of a kind: lines lost in a window show only later."""
        *earlier, last = times
        if kind == SEQUENCE:
            last = Window(last.start, min(now, last.end + CLOCK_AHEAD))
        return [*earlier, last]

    def _parts(self, kind: ProfileKind[Any], now: datetime) -> list[tuple[Window, tuple[str, ...]]]:
        """Return the time of the profiles to read in order, each with what of them: () is all."""
        needed = self._needed(self._times[kind.name], kind.name, now)
        if not kind.core:
            return [(window, ()) for window in needed]
        cores = without(needed, self._complete(kind))
        complete = without(needed, cores)
        return sorted([*((window, ()) for window in complete), *((w, kind.core) for w in cores)])

    def nothing_logged(self) -> UserError:
        """Return the error that names the time range of the events."""
        ends = {name: {name: {"field": "@timestamp"}} for name in ("min", "max")}
        answer = self._cluster.search(
            all_logs(self._namespace),
            {"size": 0, "query": within("@timestamp", lt=LAST), "aggs": ends},
        ).get("aggregations", {})
        first, last = (answer.get(name, {}).get("value_as_string") for name in ("min", "max"))
        known = (
            f"Events are known from {first} to {last}: choose --since and --until there."
            if first and last
            else f"Namespace {self._namespace} holds no events: ship logs with `mlmon ship`."
        )
        return UserError(
            f"Nothing was logged between {iso(self._period.start)} and {iso(self._period.end)}",
            known,
        )


def _judged(
    analyzer: Analyzer[Any], context: AnalysisContext[Any], logs: _LogsBehind, analysis: Analysis
) -> Iterator[Finding]:
    """Yield an analyzer's findings, and one about its failure if it fails."""
    try:
        yield from logs.stamped(analyzer.evaluate(context), analyzer)
    except ClusterUnreachableError:
        raise
    except Exception as error:  # noqa: BLE001 - the other analyzers go on
        yield _failure(analyzer, described(error), analysis)


def _failure(analyzer: Analyzer[Any], why: str, analysis: Analysis) -> Finding:
    """Note that an analyzer failed, and return the finding about it."""
    analysis.failures[analyzer.name] = why
    period = analysis.period
    return analyzer.unknown(
        FAILURE,
        None,
        period,
        f"{analyzer.name} failed from {moment(period.start)} to {moment(period.end)} "
        f"({excerpt(why)}); its findings of that time are incomplete.",
    )


@contextmanager
def noting(failed: dict[str, str], kind: str) -> Iterator[None]:
    """Note why a kind of profiles fails, so that the others go on.

    Raises:
        ClusterUnreachableError: The cluster is away: no kind will do better.
    """
    try:
        yield
    except ClusterUnreachableError:
        raise
    except Exception as error:  # noqa: BLE001 - the other kinds go on
        failed[kind] = described(error)


@dataclass(frozen=True, slots=True)
class _LogsBehind:
    """Completeness and environment of the logs behind findings, and the user's rules for them."""

    completeness: LogCompleteness
    environments: LogEnvironments
    rules: tuple[LimitRule, ...]

    @classmethod
    def of(cls, sequences: Sequence[SequenceProfile]) -> _LogsBehind:
        """Return what the profiles of numbered lines and the configuration say."""
        rules = AnalyzersSettings.load().rules
        return cls(LogCompleteness(sequences), LogEnvironments(sequences), rules)

    def stamped(self, findings: Iterator[Finding], analyzer: Analyzer[Any]) -> Iterator[Finding]:
        """Yield findings with their environment, as the completeness of their logs allows them."""
        for judged in findings:
            where = self.environments.of(judged.window, judged.service)
            wanted = under_rule(judged, self.rules, analyzer.limits.get(judged.metric))
            if wanted is None:
                continue
            finding = replace(wanted, environment=where)
            # Findings about the logs themselves are not weighed by them.
            if analyzer.alert_policy.layer != INGEST and not analyzer.holds_despite_losses:
                known = self.completeness.of(finding.window, finding.service)
                finding = with_completeness(finding, analyzer.limits.get(finding.metric), known)
            yield finding
