"""When alerts open, grow worse and end, told in letters and proven for any letters."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.alerting.alerts.alert import Alert, Ending, excess
from mlmon.alerting.alerts.state_machine import AlertStateMachine
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, LAST, MINUTE
from tests.support.histories import HISTORIES, START, gone_through, joined, rule, spell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.alerting.policies.policy import Policy
    from mlmon.analyzers.base.finding import Finding

RULES = st.builds(
    lambda after, more, clear, silence: rule(after, after + more, clear, silence=silence * HOUR),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 4),
    st.sampled_from([1, 3, 24]),
)


def firing(rule: Policy, findings: Iterable[Finding], at: datetime) -> dict[str, Severity]:
    """Return the series for which a rule holds at a moment, each with its level.

    Args:
        rule: The rule.
        findings: The latest findings, of any analyzer and in any order.
        at: The moment; windows that end later are not known then.
    """
    counting: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.analyzer == rule.id and finding.end <= at < rule.counts_until(finding):
            counting[finding.series].append(finding)
    levels = {series: rule.level(found) for series, found in counting.items()}
    return {series: level for series, level in levels.items() if level is not None}


def opened_alerts(of: Policy, letters: str) -> list[tuple[int, int | None, str]]:
    """Return each alert of a word: with which letter it opened and ended, and how bad it was."""
    return [
        (
            (alert.opened - START) // HOUR,
            alert.ended and (alert.ended - START) // HOUR,
            alert.severity.value,
        )
        for alert in gone_through(of, spell(letters), AlertStateMachine())
    ]


@pytest.mark.parametrize(
    ("value", "warning", "critical", "beyond"),
    [(0.3, 0.1, 0.2, 2), (-0.3, 0.1, 0.2, 2), (0.3, 0.8, 0.6, 2.5), (-0.4, 0.2, 0.1, 6)],
)
def test_how_far_beyond_the_limits(
    value: float, warning: float, critical: float, beyond: float
) -> None:
    """0 at the warning limit, 1 at the critical one, also where values below zero are as bad."""
    (bad,) = spell("c")
    found = replace(bad, value=value, warning=warning, critical=critical)
    assert excess(found) == pytest.approx(beyond)


@pytest.mark.parametrize(
    ("letters", "alerts"),
    [
        ("ooowoooo", []),
        ("ooowwooo", [(5, 8, "warning")]),
        ("ooowow", [(6, None, "warning")]),
        ("ooowoow", []),
        ("wwccoooo", [(2, 7, "critical")]),
        ("wwcoooo", [(2, 6, "warning")]),
        ("wwowooo", [(2, 7, "warning")]),
        ("wwoo", [(2, None, "warning")]),
        ("wwooowww", [(2, 5, "warning"), (7, None, "warning")]),
    ],
)
def test_two_of_three_open_and_three_calm_end(
    letters: str, alerts: list[tuple[int, int | None, str]]
) -> None:
    """Two windows of three raise it, to the level that two of three have; three `ok` end it."""
    assert opened_alerts(rule(after=2, of=3, clear=3), letters) == alerts


@pytest.mark.parametrize("unknown", ["u", "uuuuuuuuuu", "."])
def test_unknown_neither_raises_nor_clears(unknown: str) -> None:
    """However many windows without a verdict: none is an alarm, and none is calm."""
    of = rule(after=2, of=3, clear=3)
    assert opened_alerts(of, "w" + unknown * 3) == []
    assert opened_alerts(of, "wwoo" + unknown)[0][1] is None
    assert opened_alerts(of, f"ww{unknown}o{unknown}o{unknown}o")[0][1] == 5 + 3 * len(unknown)


def test_what_is_unknown_is_still_there() -> None:
    """Days without a verdict leave an alert open, and so do days without any finding."""
    of = rule(silence=DAY)
    (unknown,) = gone_through(of, spell("ww" + 48 * "u"), AlertStateMachine())
    assert unknown.ended is None
    assert unknown.last_finding - unknown.last_alarm == 48 * HOUR
    machine = AlertStateMachine()
    (silent,) = gone_through(of, spell("ww" + 10 * 24 * "." + "ww"), machine)
    assert (silent.ended, silent.opened) == (None, START + 2 * HOUR)
    assert machine.past(silent.last_finding + 14 * DAY) == []
    (over,) = machine.past(silent.last_finding + 14 * DAY + MINUTE)
    assert (over.ended, over.ending) == (silent.last_finding + 14 * DAY, Ending.ABSENCE)
    assert machine.alert is None


@pytest.mark.parametrize(
    ("judged_after", "ended_after"), [(HOUR, DAY), (3 * DAY, 3 * DAY), (20 * DAY, 14 * DAY)]
)
def test_a_replaced_version_ends_once_another_is_judged(
    judged_after: timedelta, ended_after: timedelta
) -> None:
    """After `silence` without a finding, at the first verdict on another version, or by the bound.

    What returns before that goes on as the same alert.
    """
    of, last = rule(silence=DAY), START + 2 * HOUR
    machine = AlertStateMachine(replaced=lambda _alert: last + judged_after)
    gone_through(of, spell("ww"), machine)
    assert machine.past(last + ended_after) == []
    (over,) = machine.past(last + ended_after + MINUTE)
    by_bound = ended_after == 14 * DAY
    assert over.ending is (Ending.ABSENCE if by_bound else Ending.REPLACED)
    assert over.ended == last + ended_after


def test_an_alert_shows_what_a_person_asks() -> None:
    """Since when, how bad, the sentence that made it so, how many windows, and when last."""
    (alert,) = gone_through(rule(), spell("owuccooo"), AlertStateMachine())
    assert alert.since == START + HOUR
    assert alert.opened == START + 4 * HOUR
    assert alert.severity is Severity.CRITICAL
    assert alert.severity_since == START + 5 * HOUR
    assert alert.reason == "price is c in window 5."
    assert alert.findings == 3
    assert alert.last_alarm == START + 5 * HOUR
    assert alert.ended == START + 8 * HOUR


@pytest.mark.parametrize(
    ("values", "window"), [((0.04, 0.38, 0.35), 3), ((0.04, 0.35, 0.38), 4), ((0.09, 0.2, 0.15), 3)]
)
def test_the_worst_window_is_named_also_where_a_later_one_decided(
    values: tuple[float, ...], window: int
) -> None:
    """Two critical windows of three make it critical; the first of them may be the worse one."""
    findings = [
        replace(finding, value=value, warning=0.02, critical=0.1)
        for finding, value in zip(spell("owcc"), (0.0, *values), strict=True)
    ]
    (alert,) = gone_through(rule(), findings, AlertStateMachine())
    assert alert.severity_since == START + 4 * HOUR
    assert alert.reason == f"price is c in window {window}."
    assert alert.excess == pytest.approx((max(values) - 0.02) / 0.08)


def test_where_windows_overlap_it_began_with_what_was_new() -> None:
    """A day's window that ends every hour says of its last hour what the one before did not."""
    of = rule(step=HOUR)
    (alert,) = gone_through(of, spell("oowwooo", length=DAY, step=HOUR), AlertStateMachine())
    assert alert.since == START + 2 * HOUR


def day(letter: str, hour: int, began: int | None = None, **known: Any) -> Finding:
    """Return a window that ends at an hour, and says in which hour it began.

    Args:
        letter: Its severity.
        hour: Its end, in hours after the start.
        began: The hour it says it began in; None if it does not say.
        known: Its length in days (`days`), and how well the onset is known (`known_to`).
    """
    end, length = START + hour * HOUR, known.get("days", 1) * DAY
    (finding,) = spell(letter, length=length, step=HOUR, start=end - HOUR)
    if began is None:
        return finding
    onset = START + began * HOUR
    return replace(finding, onset_start=onset, onset_end=onset + known.get("known_to", HOUR))


CALM = [day("o", hour) for hour in range(70, 74)]
"""Days that were ok, the last from hour 49 to hour 73."""


@pytest.mark.parametrize(
    ("findings", "onset"),
    [
        # Three days show an earlier fault; the day that is ok shows that it was over.
        ([*CALM, day("c", 74, 6, days=3), day("c", 75, 6, days=3)], (49, 74)),
        # A day that alarms later knows in which hour the new one began.
        (
            [
                *CALM,
                day("c", 74, 6, days=3),
                day("c", 75, 6, days=3),
                day("c", 76, 70),
                day("c", 77, 71),
            ],
            (70, 71),
        ),
        # One that points farther back still does not.
        ([*CALM, day("c", 74, 6, days=3), day("c", 75, 6, days=3), day("c", 76, 7)], (49, 74)),
        # Lines are taken at the opening only.
        (
            [
                *CALM,
                day("c", 74, 6, days=3),
                day("c", 75, 6, days=3),
                day("c", 76, 70, known_to=timedelta(0)),
            ],
            (49, 74),
        ),
        # A weak shift fills much of a day before it alarms.
        ([*CALM, day("c", 74, 52), day("c", 75, 52)], (52, 53)),
        ([*CALM, day("c", 74, 49), day("c", 75, 49)], (49, 50)),
        # A line that shows when it began is right.
        (
            [
                *CALM,
                day("c", 74, 6, days=3, known_to=timedelta(0)),
                day("c", 75, 6, days=3, known_to=timedelta(0)),
            ],
            (6, 6),
        ),
        # Nothing was ok before, or nothing is known of it.
        ([day("c", 74, 6, days=3), day("c", 75, 6, days=3)], (6, 7)),
        ([day("u", 73), day("c", 74, 6, days=3), day("c", 75, 6, days=3)], (6, 7)),
    ],
    ids=[
        "bounded",
        "refined",
        "not refined",
        "by a line",
        "weak",
        "edge",
        "line",
        "first",
        "unknown",
    ],
)
def test_a_problem_began_after_the_last_window_that_was_ok_began(
    findings: list[Finding], onset: tuple[int, int]
) -> None:
    """An earlier fault that is over is not the begin of the next one."""
    (alert,) = gone_through(rule(2, 3, step=HOUR), findings, AlertStateMachine())
    assert (alert.onset_start, alert.onset_end) == tuple(START + hour * HOUR for hour in onset)


def test_windows_that_do_not_overlap_bound_no_onset() -> None:
    """What was due at nine, and is missed at ten, was due at nine."""
    calm, missed = spell("oc")
    due = replace(missed, onset_start=calm.start - HOUR, onset_end=calm.start)
    (alert,) = gone_through(rule(1, 1), [calm, due], AlertStateMachine())
    assert alert.onset_start == calm.start - HOUR


def test_a_rule_on_critical_is_not_cleared_by_warnings() -> None:
    """What is bad without being bad enough raises nothing, and is no calm either."""
    of = rule(1, 1, 1, on="critical")
    assert opened_alerts(of, "wwcww") == [(3, None, "critical")]
    assert opened_alerts(of, "wwcwo") == [(3, 5, "critical")]


@given(HISTORIES, RULES)
def test_an_alert_is_open_while_its_rule_holds(histories: list[str], of: Policy) -> None:
    """It opens when the rule begins to hold; while it holds it is open, and as severe at least."""
    for number, letters in enumerate(histories):
        findings = spell(letters, f"subject {number}")
        alerts = gone_through(of, findings, AlertStateMachine())
        for hour in range(len(letters) + 1):
            at = START + hour * HOUR
            level = firing(of, findings, at).get(findings[0].series) if findings else None
            more = [alert for alert in alerts if alert.opened <= at < (alert.ended or LAST)]
            assert len(more) <= 1
            assert bool(more) or level is None
            assert not more or level is None or level.rank <= more[0].severity_at(at).rank
        for alert in alerts:
            assert firing(of, findings, alert.opened)[alert.series] is alert.severity_at(
                alert.opened
            )


@given(HISTORIES, RULES, st.integers(0, 12))
def test_resumed_it_goes_on_as_if_never_stopped(histories: list[str], of: Policy, cut: int) -> None:
    """From a stored alert and the findings that still count, the rest of the machine follows."""
    begin = START + cut * HOUR
    for number, letters in enumerate(histories):
        findings = spell(letters, f"subject {number}")
        whole = gone_through(of, findings, AlertStateMachine())
        first = AlertStateMachine()
        before = [finding for finding in findings if finding.end <= begin]
        ended = [alert for alert in gone_through(of, before, first) if alert is not first.alert]
        resumed = AlertStateMachine(begin, first.alert)
        near = [finding for finding in findings if finding.end > begin - of.reach]
        assert ended + gone_through(of, near, resumed) == whole


@given(HISTORIES, RULES)
def test_no_two_alerts_share_an_id(histories: list[str], of: Policy) -> None:
    """An id names rule, series and opening: nothing learned later changes it."""
    alerts = [
        alert
        for number, letters in enumerate(histories)
        for alert in gone_through(of, spell(letters, f"subject {number}"), AlertStateMachine())
    ]
    assert len({alert.id for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert replace(alert, severity=Severity.CRITICAL, calm=9, withdrawn=True).id == alert.id
        assert Alert.from_document(alert.to_document()) == alert


@given(HISTORIES, RULES, st.integers(0, 15), st.randoms())
def test_what_holds_depends_on_no_order(
    histories: list[str], of: Policy, hour: int, random: object
) -> None:
    """The same findings in any order, with those of other analyzers among them: the same."""
    findings = joined(histories)
    shuffled = [*findings, *joined(["cccccc"], analyzer="other")]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at = START + hour * HOUR
    assert firing(of, findings, at) == firing(of, shuffled, at)


@pytest.mark.parametrize(("warning", "critical", "sign"), [(0.1, 0.2, 1), (-0.1, -0.2, -1)])
def test_a_constant_value_near_its_limit_is_one_alert(
    warning: float, critical: float, sign: int
) -> None:
    """A shift that stays at 0.118 to 0.140 opens one alert, which ends when it is below 0.1."""
    values = [0.140, 0.138, *[0.118, 0.121, 0.119, 0.136, 0.140, 0.118] * 20, 0.05, 0.05, 0.05]
    error = 0.035
    findings = [
        replace(
            finding,
            value=sign * value,
            low=min(sign * (value - error), sign * (value + error)),
            high=max(sign * (value - error), sign * (value + error)),
            warning=warning,
            critical=critical,
            severity=Severity.WARNING if value - error >= 0.1 else Severity.OK,
        )
        for finding, value in zip(spell("o" * len(values)), values, strict=True)
    ]
    (alert,) = gone_through(rule(2, 3), findings, AlertStateMachine())
    assert alert.opened == findings[1].end
    assert alert.ended == findings[-1].end
