"""Cycles at their times, one after the other, until stopped."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import schedule

from mlmon.analyzers.base.window import DAY, MINUTE, SECOND, iso
from mlmon.analyzers.checks.job_health.job_health import CYCLE_JOB
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.cycle.fast_check import EVERY, FastCheck
from mlmon.analyzers.run.cycle.metrics import CycleMetrics
from mlmon.analyzers.run.cycle.own_log import Lines, open_own_log, send
from mlmon.analyzers.run.cycle.state import LEASE, BookmarkStore, Lease
from mlmon.analyzers.run.engine import described
from mlmon.analyzers.run.subscriber import NOBODY, CycleOutcome
from mlmon.elastic.errors import UserError
from mlmon.logging_config.sources.jobs import job_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from threading import Event

    from mlmon.analyzers.run.cycle.cycle import Cycle
    from mlmon.analyzers.run.cycle.side_command import SideCommand
    from mlmon.analyzers.run.subscriber import Subscriber, SubscriberResult
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.logging_config import EventLog


PAUSE = 2 * MINUTE
"""Where nothing was judged for so long, `mlmon run` did not run; perhaps no shipper either."""
FIRST_LINES, LAST_LINES = 5 * SECOND, MINUTE
"""So long the first cycle waits for lines, and so long at most while shippers report more."""


class _IncompleteCycleError(Exception):
    """Something of a cycle failed, and the rest is done."""


def report_failure(
    namespace: str,
    why: str,
    at: datetime,
    report: Callable[[str, dict[str, Any]], None],
    subscriber: Subscriber,
) -> None:
    """Let the subscriber know that a cycle was not completed, and report what it did.

    Args:
        namespace: Environment.
        why: What failed.
        at: When.
        report: Given a line for people and the same as a JSON value.
        subscriber: Who acts on it.
    """
    result = subscriber.cycle_ended(CycleOutcome(namespace, at, why, judged=False))
    if result.line:
        report(result.line, {"at": iso(at), "notice": result.line})


def _unjudged(cycle: Cycle) -> str:
    """Return what could not be judged in a cycle, as a sentence; empty where all was."""
    failed = [f"{name} failed: {why}" for name, why in cycle.failures.items()]
    return f"{'; '.join(failed)}." if failed else ""


def _failures(cycle: Cycle) -> str:
    """Return what failed in a cycle."""
    failed = [f"{name}: {why}" for name, why in cycle.failures.items()]
    failed += [result.problem or result.line for result in cycle.results if result.failed]
    return "; ".join(failed)


@dataclass(slots=True)
class Runner:
    """Runs cycles of one namespace.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        holder: Who runs, for the lease.
        clock: Returns the time.
        report: Called with one line about each cycle.
        progress: Called with what is being done.
        since: How long ago to begin where no cycle has run yet.
        as_json: Whether a cycle is reported as a JSON document, not a line for people.
        metrics: Counts the cycles.
        subscriber: Who acts on what is judged.
        side_command: A command that runs next to the cycles; None for none.
    """

    cluster: Cluster
    namespace: str
    holder: str
    clock: Callable[[], datetime]
    report: Callable[[str], None] = print
    progress: Callable[[str], None] = lambda _doing: None
    since: timedelta = DAY
    as_json: bool = False
    metrics: CycleMetrics = field(default_factory=CycleMetrics)
    subscriber: Subscriber = NOBODY
    side_command: SideCommand | None = None
    _every: timedelta | None = field(init=False, default=None)
    _fast: FastCheck = field(init=False)
    _checked: datetime | None = field(init=False, default=None)
    _check_failed: bool = field(init=False, default=False)
    _log: EventLog = field(init=False)
    _lines: Lines = field(init=False)

    def __post_init__(self) -> None:
        """Open mlmon's own log."""
        self._log, self._lines = open_own_log(self.namespace, version("mlmon"))
        self._fast = FastCheck(self.cluster, self.namespace, self.subscriber)

    def once(self) -> Cycle | None:
        """Run a cycle; return None where another process is at it.

        Raises:
            UserError: The cycle failed; it is logged as a failed run of the job, and what it had
                not done the next one does.
        """
        try:
            return self._once()
        except Exception as error:
            why = error.message if isinstance(error, UserError) else described(error)
            self.report_failure(why)
            raise

    def report_failure(self, why: str) -> None:
        """Let the subscriber know that a cycle was not completed."""
        report_failure(self.namespace, why, self.clock(), self._print, self.subscriber)

    def _once(self) -> Cycle | None:
        lease = Lease(self.cluster, self.namespace, self.holder)
        if (other := lease.take(self.clock())) is not None:
            until = iso(other.until)
            self._print(
                f"{other.holder} runs the cycles, until {until} at least",
                {"waits_for": other.holder, "until": until},
            )
            # What that one judges, this one need not miss; only that one shows that it does.
            waiting = CycleOutcome(self.namespace, self.clock(), "", judged=False)
            self._report(self.subscriber.cycle_ended(waiting))
            return None
        if lease.note:
            self._print(lease.note, {"at": iso(self.clock()), "notice": lease.note})
        begin = self.clock()
        cycle: Cycle | None = None
        try:
            # A cycle in which an analyzer or a delivery failed is a failed run of the job.
            with suppress(_IncompleteCycleError), self._logged() as records:
                cycle = run_cycle(
                    self.cluster,
                    self.namespace,
                    begin,
                    begin - self.since,
                    self._renewing(lease, begin),
                    self.subscriber,
                )
                records(cycle.profiles)
                outcome = CycleOutcome(
                    self.namespace, self.clock(), _unjudged(cycle), cycle.judged, self._every
                )
                cycle.results.append(self.subscriber.cycle_ended(outcome))
                if cycle.failed:
                    raise _IncompleteCycleError(_failures(cycle))
        finally:
            self.metrics.ended(cycle, begin, self.clock())
            lease.release(self.clock())
        if cycle is not None:
            self._print_cycle(cycle)
        return cycle

    @contextmanager
    def _logged(self) -> Iterator[Callable[[int], None]]:
        """Log a cycle as a run of a job, and store the lines however it ends."""
        try:
            with job_run(CYCLE_JOB, log=self._log) as run:

                def records(count: int) -> None:
                    run.records = count

                yield records
        finally:
            send(self._lines, self.cluster, self.namespace)

    def check(self) -> SubscriberResult | None:
        """Run a fast check; return what the subscriber did, None where nothing changed.

        What was put off and needs no Elasticsearch is done also where that is away.
        """
        lease = Lease(self.cluster, self.namespace, self.holder)
        try:
            if lease.take(self.clock()) is not None:
                return None
        except UserError:  # The cycle says what keeps it from its lease.
            return self._due(self.clock(), reachable=False)
        try:
            return self._check()
        finally:
            with suppress(UserError):
                lease.release(self.clock())

    def _check(self, since: datetime | None = None) -> SubscriberResult | None:
        """Run a fast check while the lease is held; one that fails is reported, not raised."""
        self._checked = now = self.clock()
        try:
            result = self._fast.run(now, since=since)
        except Exception as error:  # noqa: BLE001 - the next check, or the cycle, does the same
            why = error.message if isinstance(error, UserError) else described(error)
            if not self._check_failed:
                line = f"{iso(now)} the fast check failed: {why}; tried again"
                self._print(line, {"at": iso(now), "error": why})
            self._check_failed = True
            return self._due(now)
        self._check_failed = False
        if result is None or not result.line:
            return self._due(now)
        self._print(
            f"{iso(now)} fast check: {result.line}", {"at": iso(now), "fast": [result.line]}
        )
        return result

    def _due(self, now: datetime, *, reachable: bool = True) -> SubscriberResult | None:
        """Do what was put off, such as messages that were not taken; None where nothing was."""
        cluster = self.cluster if reachable else None
        try:
            result = self.subscriber.send_due(cluster, self.namespace, now)
        except UserError:  # tried again with the next check, and reported by the cycle
            return None
        self._report(result)
        return result if result.line else None

    def _report(self, result: SubscriberResult) -> None:
        if result.line:
            self._print(result.line, {"at": iso(self.clock()), "notice": result.line})

    def _renewing(self, lease: Lease, begin: datetime) -> Callable[[str], None]:
        """Return a progress that holds the lease and checks fast while something is being done."""
        renewed = self.clock()

        def progress(doing: str) -> None:
            nonlocal renewed
            if self.clock() - renewed > LEASE / 3:
                renewed = self.clock()
                lease.renew(renewed)
            if self._checked is not None and self.clock() - self._checked >= EVERY:
                self._check(since=begin)
            self.progress(doing)

        return progress

    def _print_cycle(self, cycle: Cycle) -> None:
        failed = "".join(f"; {name} failed: {why}" for name, why in cycle.failures.items())
        notes = "".join(f"; {note}" for note in cycle.notes)
        results = "".join(f"; {result.line}" for result in cycle.results if result.line)
        self._print(
            f"{iso(self.clock())} judged to {iso(cycle.period.end)}: {cycle.profiles} profiles, "
            f"{cycle.findings} findings new or revised{failed}{notes}{results}; {cycle.coverage}",
            cycle.to_json(),
        )

    def _print(self, line: str, known: dict[str, Any]) -> None:
        """Report a line for people, or the same as JSON."""
        self.report(json.dumps(known) if self.as_json else line)

    def _await_lines(self, stopping: Event) -> None:
        """At the start, or after a pause of the cycles, give shippers a moment for their lines.

        They may have paused, too. What a service wrote meanwhile would otherwise look like its
        silence.
        """
        begin = self.clock()
        with suppress(UserError):  # The first cycle says what is in the way.
            known = BookmarkStore(self.cluster, self.namespace).read()
            if known is not None and begin - known.judged < PAUSE:
                return
            before = f"since {iso(known.judged)}" if known is not None else "before"
            self._print(
                f"{iso(begin)} nothing was judged {before}: waiting for lines that are on their "
                "way",
                {"at": iso(begin), "notice": "waiting for lines that are on their way"},
            )
            wait = FIRST_LINES
            while not stopping.wait(wait.total_seconds()):
                now = self.clock()
                logs = Logs(self.cluster, self.namespace, now, {})
                if now - begin >= LAST_LINES or logs.caught_up:
                    return

    def until(self, stopping: Event, every: timedelta) -> None:
        """Run a cycle now and at every interval, also after one that failed."""
        self._every = every
        self._await_lines(stopping)
        if stopping.is_set():
            return

        def attempt() -> None:
            try:
                self.once()
            except Exception as error:  # noqa: BLE001 - it is logged as a failed run of the job
                why = error.message if isinstance(error, UserError) else described(error)
                at = iso(self.clock())
                self._print(f"{at} the cycle failed: {why}; tried again", {"at": at, "error": why})

        scheduler = schedule.Scheduler()
        scheduler.every(int(every.total_seconds())).seconds.do(attempt)
        scheduler.every(int(EVERY.total_seconds())).seconds.do(self.check)
        if self.side_command is not None:
            scheduler.every(int(EVERY.total_seconds())).seconds.do(self._poll, self.side_command)
        try:
            scheduler.run_all()
            while not stopping.is_set():
                scheduler.run_pending()
                # The next is due that long after the last one began; late ones begin at once.
                stopping.wait(max(0.0, min(scheduler.idle_seconds or 0.0, 1.0)))
        finally:
            if self.side_command is not None:
                self.side_command.stop()

    def _poll(self, side_command: SideCommand) -> None:
        """Report what the command next to the cycles printed; nothing it does stops them."""
        at = iso(self.clock())
        try:
            for line in side_command.poll():
                self._print(f"{at} {line}", {"at": at, "side_command": line})
        except OSError as error:
            self._print(f"{at} {error}", {"at": at, "error": str(error)})
