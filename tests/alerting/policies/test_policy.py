"""Rules are made of what the analyzers declare, and listed nowhere else."""

from dataclasses import asdict, fields
from datetime import timedelta

import pytest

from mlmon.alerting.policies.policy import policies
from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.analyzers.checks import discover
from tests.support.histories import rule, spell


def test_each_analyzer_has_a_rule() -> None:
    """A rule holds what its analyzer declares, under the analyzer's name."""
    made = {policy.id: policy for policy in policies()}
    assert list(made) == [analyzer.name for analyzer in discover()]
    for analyzer in discover():
        of, alert = made[analyzer.name], analyzer.alert_policy
        assert of.least == alert.on
        assert {field.name: getattr(of, field.name) for field in fields(alert)} == asdict(alert)
        assert of.runbook == analyzer.runbook


@pytest.mark.parametrize(
    ("severities", "level"),
    [
        ("", None),
        ("w", None),
        ("ww", "warning"),
        ("wc", "warning"),
        ("cc", "critical"),
        ("wwcc", "critical"),
        ("ccuuoo", "critical"),
        ("uuuoooo", None),
    ],
)
def test_the_level_is_the_worst_that_enough_findings_have(
    severities: str, level: str | None
) -> None:
    """Two of that severity or worse; ok and unknown ones never count."""
    assert rule(after=2, of=9).level(spell(severities)) == level


@pytest.mark.parametrize(
    ("severities", "level"), [("w", "warning"), ("c", "critical"), ("o", None), ("u", None)]
)
def test_one_finding_that_is_certain_is_enough(severities: str, level: str | None) -> None:
    """Where two of three are asked for, one of them alone holds; only an alarm can be certain."""
    assert rule(after=2, of=3).level(spell(severities, certain=True)) == level
    assert rule(after=2, of=3).level(spell(severities)) is None


def test_a_certain_warning_does_not_make_a_critical_alert() -> None:
    """Of a critical finding that is not certain, one more is needed."""
    known = [*spell("w", certain=True), *spell(".c")]
    assert rule(after=2, of=3).level(known) == "warning"


def test_a_finding_counts_for_as_many_steps_as_windows_are_looked_at() -> None:
    """Steps are its own length where windows follow each other, else what is declared."""
    (finding,) = spell("w", length=15 * MINUTE)
    assert rule(of=3).counts_until(finding) - finding.end == 45 * MINUTE
    assert rule(of=3, step=HOUR).counts_until(finding) - finding.end == 3 * HOUR
    assert rule(of=3).reach == 3 * DAY


def test_a_series_is_not_gone_while_its_findings_count() -> None:
    """Silence shorter than a finding counts does not end an alert whose rule holds."""
    (finding,) = spell("w", length=DAY)
    of = rule(of=3, silence=HOUR)
    assert of.expires(finding) == of.counts_until(finding)


def test_levels_begin_with_what_is_declared() -> None:
    """A rule on critical has no alerts that are warnings."""
    assert rule().levels == (Severity.WARNING, Severity.CRITICAL)
    assert rule(on="critical").levels == (Severity.CRITICAL,)


@pytest.mark.parametrize(
    ("known", "message"),
    [({"clear": 0}, "never be open"), ({"step": timedelta(0)}, "step between windows")],
)
def test_an_alert_that_cannot_work_is_refused(known: dict[str, object], message: str) -> None:
    """An alert that is over before it is raised, or windows that never come."""
    with pytest.raises(ValueError, match=message):
        AlertPolicy("warning", 1, 1, "job", **known)  # type: ignore[arg-type]
