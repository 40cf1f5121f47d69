"""Clock skew: events dated in the future or in an impossible past.

The timestamp of an event is compared with its arrival, hour of arrival by hour of arrival. An event
dated more than ten minutes after the end of that hour comes from a clock that is ahead, or that
writes local time as UTC; one dated more than ten years before it comes from a clock that was reset.
A clock that is behind by less looks like a late line: `completeness` counts those.

Events dated in the future are not judged before that time has come, and not at all if they were
dated ahead by more than a day or two. Events dated in the past are counted where they are dated,
never as present traffic. The check needs `event.ingested`, which mlmon's shipper adds; where the
shipper's own clock is behind, its lines look as if they were ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import INGEST, AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.profiles.kinds.clock import ARRIVAL_STEP, ClockProfile, Dates
from mlmon.formatting import count, moment, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.window import Window

AHEAD, BEHIND = "ahead.rate", "behind.rate"


class ClockSkew(Analyzer[ClockProfile]):
    """Events dated in the future or in an impossible past, per service."""

    name = "clock_skew"
    question = "Are timestamps of events plausible?"
    advice = (
        "Compare `date -u` on the machine of the process that the sentence names with a clock "
        "that is right, and start its time synchronisation (chrony, systemd-timesyncd). Ahead by "
        "whole hours, the process writes local time as UTC. If many services are ahead at once, "
        "the clock of the shipper's machine is behind. Lines that are dated wrongly are not "
        "judged: ship them again once their dates are fixed."
    )
    runbooks: ClassVar = {
        "": Runbook(
            "--service {subject}",
            "Time synchronisation is off; a process writes local time as UTC; the clock of the "
            "shipper's machine is behind.",
            "Start chrony or systemd-timesyncd. Keep the log file: correct its dates and ship it "
            "again.",
        )
    }
    needs = (Needs("clock", DAY),)
    metrics = (
        Metric(
            AHEAD,
            "Lines dated in the future",
            "Which share of lines is dated after its arrival?",
            Limits(0.001, 0.05, meaning="share of the lines that arrived in the hour"),
            unit="ratio",
        ),
        Metric(
            BEHIND,
            "Lines dated ten years back",
            "Which share of lines is dated ten years back or more?",
            Limits(0.001, 0.05, meaning="share of the lines that arrived in the hour"),
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=1, of=1, layer=INGEST)

    def evaluate(self, context: AnalysisContext[ClockProfile]) -> Iterator[Finding]:
        """Yield two findings per hour of arrival and service."""
        for window in context.windows(ARRIVAL_STEP):
            for profile in context.within(window):
                for service, dates in sorted(profile.services.items()):
                    yield self._judge(AHEAD, service, window, dates, dates.ahead, dates.latest)
                    yield self._judge(BEHIND, service, window, dates, dates.behind, dates.earliest)

    def _judge(
        self,
        metric: str,
        service: str,
        window: Window,
        dates: Dates,
        wrong: int,
        extreme: datetime | None,
    ) -> Finding:
        share = wrong / dates.events
        lines = f"{count(dates.events, 'line')} of {service or 'services without a name'}"
        arrived = f"{lines} that arrived {span(window)}"
        if wrong and extreme:
            which = "ahead, up to" if metric == AHEAD else "ten years back or more, from"
            processes = ", ".join(sorted(dates.processes))
            by = f", by the processes {processes}" if processes else ""
            reason = f"{percent(share)} of {arrived} are dated {which} {moment(extreme)}{by}."
        else:
            which = "ahead" if metric == AHEAD else "ten years back"
            reason = f"None of {arrived} is dated {which}."
        return self.finding(
            metric,
            service or None,
            window,
            self.limits[metric].judge(share, share),
            service=service or None,
            value=share,
            sample_count=dates.events,
            reason=reason,
        )
