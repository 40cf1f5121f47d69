"""Outage: faults that leave no doubt, known within about a minute of the first bad line.

Requests are counted in bins of ten seconds, per path and for the service as a whole. A path fails
once every request to it has failed (5xx) for a minute, and so many failures in a row have a
probability below 1e-9 at its usual failure rate: that of the past week, at least 2 %. Where the
path failed more often than that in the last 15 minutes, hour or 6 hours before the run, that rate
counts, at the upper end of its confidence interval. Where few requests come, three failures prove
it if they lie in three bins of ten seconds, with five seconds at least between them (a client's
quick retries count once): the probability must be below 1e-7 at the upper end of the week's failure
rate without its two worst days. At 1.8 requests a minute that takes two minutes in about every
second outage; at one request in five minutes it takes a quarter of an hour. Where each was answered
with 503, no model is loaded.

A service is silent once it has had no request for 75 seconds at least, for twice the longest pause
at that time of day on days of the same sort (workdays, weekends) of the past week, and for a time
whose probability is below 1e-8 at the lowest hourly rate of those times (or what the last hour and
quarter of an hour allow at most, if that is less): 10 to 13 minutes at two requests a minute. Where
that takes more than 30 minutes, as below 0.6 requests a minute, or a week is not known,
`service_health` judges its traffic instead. Lines that usually take long to arrive make the pause
longer; while a shipper reports that it is 15 seconds to ten minutes behind, a silence since then is
not reported yet.

Where all of a service fails, its paths are not reported separately. An alarm is repeated each
minute, and ends when at least half of the requests have succeeded for five minutes. A silence is
repeated for a day, and ends only when requests have come again for a while, however long that
takes. `mlmon run` judges all of this every twenty seconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import timedelta
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import CONFIDENCE, Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PATH_LINES, Runbook
from mlmon.analyzers.base.window import (
    DAY,
    HOUR,
    MINUTE,
    Window,
    from_milliseconds,
    milliseconds,
)
from mlmon.analyzers.checks.outage.failing_runs import (
    FEWEST_SPACED,
    LASTED_MS,
    Failing,
    FailingRuns,
)
from mlmon.analyzers.checks.outage.silences import SHORTEST_MS, Silence, Silences
from mlmon.analyzers.profiles.kinds.pulse import (
    ALL_PATHS,
    PULSE_STEP,
    Bin,
    PulseProfile,
    ServicePulse,
)
from mlmon.analyzers.references.usual_rate import usual_rate
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, duration, moment, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding

FAILING, NO_MODEL, SILENT = "failing.seconds", "no_model.seconds", "silence.seconds"
PAST = 7 * DAY
LEAST_RATE, RATE_WITHOUT_HISTORY = 0.02, 0.5
KNOWN_REQUESTS = 100
RECENT = (15 * MINUTE, HOUR, 6 * HOUR)
"""Times before a run of failures whose failure rate counts too, each where it holds enough."""
RECENT_REQUESTS = 10
"""Fewer requests do not show another failure rate than the past week's."""
TOTAL_FAILURE = 30
"""Five minutes in which so many requests failed and none succeeded are an outage of their own: the
failures in a row that leave no doubt at `RATE_WITHOUT_HISTORY`."""
_HOUR_MS, _DAY_MS, _PAST_MS, _STEP_MS = (
    length // timedelta(milliseconds=1) for length in (HOUR, DAY, PAST, PULSE_STEP)
)
_Z = float(special.ndtri(0.9995))


class Outage(Analyzer[PulseProfile]):
    """Paths of which every request fails, and services without any request."""

    name = "outage"
    question = "Does every request fail, is no model loaded, or has a busy service fallen silent?"
    advice = (
        "Read the lines of that minute, `mlmon logs --dataset access --level warning --since 7d`. "
        "503 means that no model is loaded: publish a readable model file and reload. Failures "
        "that began with a release end with its rollback. Where a service is silent, ask whether "
        "it runs, then `mlmon ship status`: a shipper that stopped looks the same, and its lines "
        "come once it runs again."
    )
    runbooks: ClassVar = {
        "failing.seconds": Runbook(
            f"{PATH_LINES} --level error",
            "A release; a dependency that is down; a disk that is full.",
            "Read `error.code` and `error.message`; roll a release back, or bring the dependency "
            "back.",
        ),
        "no_model.seconds": Runbook(
            "--dataset access --field http.response.status_code=503",
            "A restart found the model's file cut short or missing.",
            "Publish a readable model file and reload; see `model_reload`.",
        ),
        "silence.seconds": Runbook(
            "--dataset access",
            "The service is down; nothing reaches it (load balancer, DNS); the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file: lines come "
            "once the shipper runs again, and the silence is withdrawn where there was none.",
        ),
    }
    needs = (Needs("pulse", PAST + DAY + 5 * HOUR),)
    metrics = (
        Metric(
            FAILING,
            "Total failure",
            "For how long has every request failed?",
            Limits(60, 60, meaning="seconds, and enough requests to leave no doubt"),
            unit="s",
        ),
        Metric(
            NO_MODEL,
            "No model loaded",
            "For how long has every request found no model loaded?",
            Limits(60, 60, meaning="seconds, and enough requests to leave no doubt"),
            unit="s",
        ),
        Metric(
            SILENT,
            "Silence",
            "For how long has a busy service had no request?",
            Limits(75, 75, meaning="seconds, and twice the longest usual pause"),
            unit="s",
            breakdown="service.name",
        ),
    )
    alert_policy = AlertPolicy(on="critical", after=1, of=1, layer="service", step=MINUTE, clear=1)
    holds_despite_losses = True

    def evaluate(self, context: AnalysisContext[PulseProfile]) -> Iterator[Finding]:
        """Yield the findings of each service: alarms by the minute, else one an hour."""
        pulses: dict[str, list[tuple[Window, ServicePulse]]] = {}
        bins: dict[str, dict[str, list[Bin]]] = {}
        for profile in context.profiles:
            for service, pulse in profile.services.items():
                pulses.setdefault(service, []).append((profile.window, pulse))
            for service, paths in profile.bins.items():
                for path, found in paths.items():
                    bins.setdefault(service, {}).setdefault(path, []).extend(found)
        for service, of in sorted(pulses.items()):
            # Of one that has been silent for hours, no bins are read.
            by_path = {ALL_PATHS: [], **bins.get(service, {})}
            yield from _Service(self, service, of, by_path).findings(
                context.period, context.without_delay_until
            )


class _Service:
    """The findings of one service."""

    def __init__(
        self,
        analyzer: Outage,
        service: str,
        pulses: Sequence[tuple[Window, ServicePulse]],
        bins: dict[str, list[Bin]],
    ) -> None:
        self._analyzer = analyzer
        self._service = service or None
        self._name = service or "an unnamed service"
        self._pulses = pulses
        self._windows = [milliseconds(window.start) for window, _ in pulses]
        self._bins = bins
        self._sums: dict[str, tuple[list[int], list[int]]] = {}
        self._numbers: dict[str, list[tuple[int, int]]] = {}
        self._rates: dict[tuple[str, int], float] = {}
        self._spaced_rates: dict[tuple[str, int], float | None] = {}

    def findings(self, period: Window, without_delay_until: datetime | None) -> Iterator[Finding]:
        """Yield every finding of a period.

        Args:
            period: The period.
            without_delay_until: Until when no line means that none was written; None where all
                lines have arrived.
        """
        after, until = milliseconds(period.start), milliseconds(period.end)
        runs = {
            path: FailingRuns(of, partial(self._rate, path), partial(self._spaced_rate, path))
            for path, of in sorted(self._bins.items())
        }
        of_all = runs[ALL_PATHS]
        several = len(runs) > 2  # noqa: PLR2004 - all together, and one path, are the same
        hours = [milliseconds(end) for end in period.ends(HOUR)]
        for path, found in runs.items():
            if path == ALL_PATHS and not several:
                continue
            for failing in found.alarms(after, until):
                if path == ALL_PATHS or not (several and of_all.at(failing.at)):
                    yield self._failing(path, failing)
            for at, since in found.recoveries(after, until):
                yield from self._recovered(path, at, since)
            for hour in hours:
                if found.succeeds_at(hour):
                    yield from self._succeeding(path, hour)
        yield from self._silences(after, until, hours, without_delay_until)

    def _silences(
        self, after: int, until: int, hours: Sequence[int], without_delay_until: datetime | None
    ) -> Iterator[Finding]:
        silences = Silences(self._bins[ALL_PATHS], self._pulses)
        known = until if without_delay_until is None else milliseconds(without_delay_until)
        for silence in silences.alarms(after, min(until, known)):
            yield self._silent(silence)
        for at, since in silences.recoveries(after, until):
            reason = f"{self._name} has had requests again since {_moment(since)}."
            yield self._ok(SILENT, None, at, 0.0, reason)
        for hour in hours:
            if usual := silences.longest_pause(hour):
                pause, limit = usual
                reason = (
                    f"The longest pause between requests to {self._name} took "
                    f"{duration(pause / 1_000)} in the hour before {_moment(hour)}; "
                    f"{duration(limit.length / 1_000)} would alarm."
                )
                yield self._ok(SILENT, None, hour, pause / 1_000, reason, limit.length / 1_000)

    def _failing(self, path: str, failing: Failing) -> Finding:
        seconds = (failing.at - failing.begin) / 1_000
        unavailable = failing.unavailable == failing.requests
        usual = self._usual(path, failing.at)
        usually = "" if usual is None else f"; {percent(usual)} failed in the 7 days before"
        what = "found no model loaded (503)" if unavailable else "failed (5xx)"
        # A few in a row may fail by chance where a part of all fails: it claims no more than those.
        reason = (
            f"All {failing.requests:,} requests to {path or self._name} since "
            f"{_moment(failing.since)} {what}, in {duration(seconds)}{usually}."
        )
        return self._finding(
            NO_MODEL if unavailable else FAILING,
            path or None,
            failing.at,
            Severity.CRITICAL,
            value=seconds,
            baseline_value=0.0,
            sample_count=failing.requests,
            warning=LASTED_MS / 1_000,
            critical=LASTED_MS / 1_000,
            reason=reason,
            **_onset(failing.since),
        )

    def _recovered(self, path: str, at: int, since: int) -> Iterator[Finding]:
        within = [bin_ for bin_ in self._bins[path] if since <= bin_.start < at]
        requests, failed = sum(b.requests for b in within), sum(b.failed for b in within)
        reason = (
            f"Requests to {path or self._name} succeed again since {_moment(since)}: "
            f"{requests - failed:,} of {requests:,}."
        )
        for metric in (FAILING, NO_MODEL):
            yield self._ok(metric, path or None, at, 0.0, reason, sample_count=requests)

    def _succeeding(self, path: str, hour: int) -> Iterator[Finding]:
        """Yield that a path is ok; of what can have alarmed in the past week only.

        Where requests stopped while they failed, and came again much later, this is the all clear.
        """
        of, begin = self._bins[path], hour - _HOUR_MS
        starts = [bin_.start for bin_ in of]
        within = of[bisect_left(starts, begin) : bisect_left(starts, hour)]
        requests = sum(bin_.requests for bin_ in within)
        reason = (
            f"{requests - sum(bin_.failed for bin_ in within):,} of "
            f"{count(requests, 'request')} to {path or self._name} succeeded in the hour before "
            f"{_moment(hour)}."
        )
        failed_lately = self._past(path, hour)[1] > 0
        if path != ALL_PATHS or failed_lately:
            yield self._ok(FAILING, path or None, hour, 0.0, reason, sample_count=requests)
        if failed_lately:
            yield self._ok(NO_MODEL, path or None, hour, 0.0, reason, sample_count=requests)

    def _silent(self, silence: Silence) -> Finding:
        seconds = (silence.at - silence.since) / 1_000
        limit = silence.limit
        reason = (
            f"{self._name} has had no request since {_moment(silence.since)}, for "
            f"{duration(seconds)}; the longest usual pause at this time is "
            f"{duration(limit.longest / 1_000)}, limit {duration(limit.length / 1_000)}. "
            "The service or its shipper is down."
        )
        return self._finding(
            SILENT,
            None,
            silence.at,
            Severity.CRITICAL,
            value=seconds,
            baseline_value=limit.longest / 1_000,
            warning=limit.length / 1_000,
            critical=limit.length / 1_000,
            reason=reason,
            **_onset(silence.since),
        )

    def _ok(
        self,
        metric: str,
        path: str | None,
        at: int,
        value: float,
        reason: str,
        limit: float | None = None,
        sample_count: int | None = None,
    ) -> Finding:
        default = SHORTEST_MS if metric == SILENT else LASTED_MS
        limit = default / 1_000 if limit is None else limit
        return self._finding(
            metric,
            path,
            at,
            Severity.OK,
            value=value,
            sample_count=sample_count,
            warning=limit,
            critical=limit,
            reason=reason,
        )

    def _finding(
        self, metric: str, path: str | None, at: int, severity: Severity, **known: object
    ) -> Finding:
        end = from_milliseconds(at)
        length = MINUTE if severity is Severity.CRITICAL else HOUR
        window = Window(end - length, end)
        return self._analyzer.finding(
            metric, path, window, severity, service=self._service, **known
        )

    def _usual(self, path: str, at: int) -> float | None:
        """Return the failure rate of the 7 days before a moment's hour; None without requests."""
        requests, failed = self._past(path, at // _HOUR_MS * _HOUR_MS)
        return failed / requests if requests else None

    def _rate(self, path: str, at: int, begin: int) -> float:
        """Return the failure rate that is reckoned with at a moment, of a run from `begin` on."""
        usual = self._usual_rate(path, at // _HOUR_MS * _HOUR_MS)
        return max(usual, self._recent_rate(path, begin, usual))

    def _spaced_rate(self, path: str, at: int, begin: int) -> float | None:
        """Return the same for spaced failures: of the week without its worst days."""
        hour = at // _HOUR_MS * _HOUR_MS
        if (path, hour) not in self._spaced_rates:
            ends = range(hour, hour - _PAST_MS, -_DAY_MS)
            days = [self._between(path, end - _DAY_MS, end) for end in ends]
            self._spaced_rates[path, hour] = usual_rate([(bad, of) for of, bad in days])
        usual = self._spaced_rates[path, hour]
        return (
            None
            if usual is None
            else max(usual, self._recent_rate(path, begin, usual, FEWEST_SPACED))
        )

    def _usual_rate(self, path: str, hour: int) -> float:
        """Return the upper end of the failure rate of the 7 days before an hour."""
        if (path, hour) not in self._rates:
            requests, failed = self._past(path, hour)
            if requests:
                rate = max(LEAST_RATE, wilson_interval(failed, requests, CONFIDENCE).high)
            else:
                rate = RATE_WITHOUT_HISTORY
            if requests < KNOWN_REQUESTS:
                rate = max(rate, RATE_WITHOUT_HISTORY)
            self._rates[path, hour] = rate
        return self._rates[path, hour]

    def _recent_rate(
        self, path: str, begin: int, usual: float, fewest: int = RECENT_REQUESTS
    ) -> float:
        """Return the upper end of the failure rate shortly before a run, 0 where it is as usual.

        Only windows that ended before the run count, so that later lines do not change the rate.
        Total failures do not count: they are what is looked for, and one success between two of
        them would otherwise hide the second.
        """
        known = self._requests_by_window(path)
        # The run may have begun before `begin`, which is at most an hour before the moment.
        last = bisect_right(self._windows, begin) - 1
        oldest = bisect_left(self._windows, begin - _DAY_MS)
        first = last
        while first > oldest and known[first - 1][0] == known[first - 1][1]:
            first -= 1
        last = first - 1 if first < last else last
        if last <= oldest:
            return 0.0
        end, highest = self._windows[last - 1] + _STEP_MS, 0.0
        for span in RECENT:
            start = bisect_left(self._windows, end - span // timedelta(milliseconds=1))
            counted = [
                (requests, failed)
                for requests, failed in known[start:last]
                if failed < requests or requests < TOTAL_FAILURE
            ]
            requests, failed = sum(n for n, _ in counted), sum(n for _, n in counted)
            if (
                requests >= fewest
                and failed
                and special.bdtrc(failed - 1, requests, usual) < 1 - CONFIDENCE
            ):
                highest = max(highest, wilson_interval(failed, requests, CONFIDENCE).high)
        return highest

    def _requests_by_window(self, path: str) -> list[tuple[int, int]]:
        """Return requests and failures of a path in each window."""
        if path not in self._numbers:
            self._numbers[path] = [
                (pulse.paths or {}).get(path, (0, 0)) for _, pulse in self._pulses
            ]
        return self._numbers[path]

    def _past(self, path: str, hour: int) -> tuple[int, int]:
        """Return requests and failures of a path in the 7 days before an hour."""
        return self._between(path, hour - _PAST_MS, hour)

    def _between(self, path: str, start: int, end: int) -> tuple[int, int]:
        """Return requests and failures of a path in a time, in milliseconds."""
        if path not in self._sums:
            requests, failed = zip(*self._requests_by_window(path), strict=True)
            self._sums[path] = (
                list(accumulate(requests, initial=0)),
                list(accumulate(failed, initial=0)),
            )
        first = bisect_left(self._windows, start)
        last = bisect_left(self._windows, end)
        requests_sums, failed_sums = self._sums[path]
        return requests_sums[last] - requests_sums[first], failed_sums[last] - failed_sums[first]


def _onset(at: int) -> dict[str, datetime]:
    """Return the moment at which it began: that of a line."""
    moment = from_milliseconds(at)
    return {"onset_start": moment, "onset_end": moment}


def _moment(at: int) -> str:
    return moment(from_milliseconds(at))
