"""What the analyzer says of lines that are lost, repeated or late, in values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.checks.completeness import CompletenessOfLogs
from mlmon.analyzers.profiles.kinds.sequence import Missing, without_repeats
from tests.support.numbered_lines import START, Line, profiles_of, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile


def judged(
    profiles: Iterable[SequenceProfile], metric: str, hours: float = 24, start: float = 0
) -> list[Finding]:
    """Return the findings of a metric in some hours."""
    period = Window(START + start * HOUR, START + (start + hours) * HOUR)
    context = AnalysisContext(period, list(profiles))
    return [
        finding for finding in CompletenessOfLogs().evaluate(context) if finding.metric == metric
    ]


def test_nothing_is_missing() -> None:
    """Every line once and at once: each service gets that finding, hour by hour."""
    lines = [*written("a", range(1, 301), 3), *written("b", range(1, 31), 3, service="jobs")]
    for metric in ("lost.rate", "duplicated.rate", "late.rate"):
        found = judged(profiles_of(lines), metric)
        assert {(finding.value, finding.severity) for finding in found} == {(0.0, Severity.OK)}
        assert [finding.service for finding in found] == ["api"] * 3 + ["jobs"] * 3
    assert {finding.value for finding in judged(profiles_of(lines), "late.seconds")} == {2.0}


def test_the_missing_numbers_are_reported() -> None:
    """Twelve lines of 100 are lost: the process, the numbers, and who dropped some of them."""
    lines = [line for line in written("a", range(1, 101)) if line.number not in range(41, 53)]
    lines[40] = replace(lines[40], dropped=5)
    (profile,) = profiles_of(lines)
    named = replace(profile.processes[0], missing=(Missing(41, 52, 12),))
    (found,) = judged([replace(profile, processes=(named,))], "lost.rate")
    assert (found.value, found.sample_count, found.severity) == (0.12, 100, Severity.CRITICAL)
    assert found.reason == (
        "12 % of 100 lines that api wrote from 00:00 to 01:00 UTC on 2026-03-02 never arrived: "
        "41 to 52 of process a; the service dropped 5 (queue full); limit 10 %."
    )


def test_several_processes_lack_lines() -> None:
    """The process that lacks most is named, with three ranges; the others are counted."""
    gaps = {20, *range(30, 35), 50, 60, 70}
    lines = [line for line in written("a", range(1, 101)) if line.number not in gaps]
    others = [line for name in "bcd" for line in written(name, (1, 3))]
    (profile,) = profiles_of([*lines, *others])
    ranges = [Missing(20, 20, 1), Missing(30, 36, 5), *(Missing(n, n, 1) for n in (50, 60, 70))]
    named = replace(profile.processes[0], missing=tuple(ranges))
    whole = replace(profile, processes=(named, *profile.processes[1:]))
    (found,) = judged([whole], "lost.rate")
    assert found.value == pytest.approx(12 / 109)
    assert "number 20, 5 of 30 to 36, number 50, 2 other numbers of process a, " in found.reason
    assert found.reason.endswith("and 3 of 3 other processes; limit 10 %.")


def test_a_gap_before_the_hour_is_reported() -> None:
    """Lines lost around the full hour are named in the hour of the line after them."""
    lines = written("a", range(1, 241), 2)
    kept = [line for line in lines if line.number not in range(115, 125)]
    first, second = judged(profiles_of(kept), "lost.rate")
    assert (first.value, second.value) == (0.0, 10 / 126)
    assert "115 to 124 of process a" in second.reason


def test_a_loss_in_one_line_of_a_thousand_is_no_alarm() -> None:
    """The limits are one in a hundred and one in ten."""
    for gone, severity in ((1, "ok"), (10, "warning"), (99, "warning"), (100, "critical")):
        lines = [line for line in written("a", range(1, 1_001)) if not 1 < line.number < gone + 2]
        (found,) = judged(profiles_of(lines), "lost.rate")
        assert (found.value, found.severity) == (gone / 1_000, severity)


def test_repeated_lines() -> None:
    """Twenty of 120 documents repeat a line of the same five minutes."""
    (profile,) = profiles_of(written("a", range(1, 101)))
    processes = tuple(
        replace(
            process,
            stretches=tuple(replace(part, lines=part.lines + 20) for part in process.stretches[:1])
            + process.stretches[1:],
        )
        for process in profile.processes
    )
    twice = without_repeats(replace(profile, processes=processes), {})
    (found,) = judged([twice], "duplicated.rate")
    assert (found.value, found.sample_count) == (20 / 120, 120)
    assert found.severity is Severity.CRITICAL
    assert found.reason.startswith("17 % of 120 documents are duplicates of 100 lines")


def test_late_lines() -> None:
    """Thirty of the second hour's 100 lines took an hour, the others two seconds."""
    lines = written("a", range(1, 201), 2)
    late = [replace(line, seconds=3_600.0) for line in lines[150:180]]
    profiles = profiles_of([*lines[:150], *late, *lines[180:]])
    _, rate = judged(profiles, "late.rate")
    _, seconds = judged(profiles, "late.seconds")
    assert (rate.value, rate.severity) == (0.3, Severity.CRITICAL)
    assert seconds.value == pytest.approx(0.3 * 3_600 + 0.7 * 2)
    assert seconds.severity is Severity.CRITICAL
    assert "30 % of 100 lines" in rate.reason


def test_history_is_not_late() -> None:
    """Lines written before their service's logs were shipped at all are not judged for lateness."""
    shipped = START + 30 * HOUR
    history = [
        replace(line, seconds=(shipped - line.at).total_seconds())
        for line in written("a", range(1, 2_401), 24)
    ]
    heard = written("a", range(2_401, 2_501), 1, shipped + HOUR)
    profiles = profiles_of([*history, *heard])
    late = judged(profiles, "late.rate", hours=48)
    assert [(finding.start, finding.value) for finding in late] == [(shipped + HOUR, 0.0)]
    assert len(judged(profiles, "lost.rate", hours=48)) == 25


def test_a_shipper_that_stood_still_makes_lines_late() -> None:
    """Of a service that is heard, lines that arrive hours after they were written are late."""
    lines = written("a", range(1, 1_001), 10)
    caught_up = START + 9 * HOUR
    stood = [
        replace(line, seconds=(caught_up - line.at).total_seconds())
        if START + 5 * HOUR <= line.at < caught_up
        else line
        for line in lines
    ]
    found = judged(profiles_of(stood), "late.rate")
    assert [finding.value for finding in found[:8]] == [0, 0, 0, 0, 0, 1, 1, 1]
    # The lines of the last five minutes arrive at their end.
    assert found[8].value == pytest.approx(11 / 12, abs=0.01)
    assert found[9].value == 0


def test_small_services_are_judged_by_the_day() -> None:
    """Where the day before held few lines, so does the window that judges them: one a day."""
    lines = written("a", range(1, 97), 96, service="jobs")
    found = judged(profiles_of(lines), "lost.rate", hours=96)
    assert [finding.window.length for finding in found] == [HOUR] * 24 + [DAY] * 3
    assert [finding.sample_count for finding in found] == [1] * 24 + [24] * 3


def test_what_another_window_counted_is_not_lost_twice() -> None:
    """A line whose number was counted as lost the hour before takes nothing off this hour."""
    first = written("a", range(1, 100), 0.95)
    ahead = Line("a", 101, START + HOUR - timedelta(seconds=1))
    back = Line("a", 100, START + HOUR + timedelta(seconds=1))
    rest = written("a", range(103, 201), 0.5, START + HOUR + 10 * MINUTE)
    one, two = judged(profiles_of([*first, ahead, back, *rest]), "lost.rate")
    assert one.value == 1 / 101
    assert two.value == pytest.approx(1 / 100)


def test_a_service_without_a_name() -> None:
    """Lines that name no service are judged together, and said to be unnamed."""
    (found,) = judged(profiles_of(written("a", range(1, 11), service="")), "lost.rate")
    assert found.service is None
    assert "an unnamed service" in found.reason
