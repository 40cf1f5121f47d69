"""Rules of mlmon.toml change the limits of findings, or drop them."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.limit_rules import check_rules, rule_sentence, under_rule
from mlmon.analyzers.checks.concept_drift.concept_drift import ConceptDrift
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.settings import AnalyzersSettings, LimitRule
from mlmon.elastic.errors import WrongValueError
from tests.support.histories import spell

DRIFT = FeatureDrift.limits["ks.distance"]


def finding(low: float = 0.12, severity: Severity = Severity.WARNING) -> Finding:
    """Return a drift of a price, 0.04 of which may be chance."""
    (made,) = spell("w", analyzer="feature_drift", metric="ks.distance", model_name="autobid")
    return replace(
        made,
        value=low + 0.04,
        low=low,
        high=low + 0.08,
        warning=0.1,
        critical=0.2,
        severity=severity,
    )


def rule(**values: object) -> LimitRule:
    """Return a rule of feature drift."""
    return LimitRule.model_validate({"analyzer": "feature_drift", **values})


def test_limits_are_judged_again() -> None:
    """A higher limit calms, a lower one alarms; the sentence names the limit and its source."""
    calmed = under_rule(finding(), [rule(warning=0.17)], DRIFT)
    assert calmed is not None
    assert (calmed.severity, calmed.warning, calmed.critical) == (Severity.OK, 0.17, 0.2)
    assert calmed.reason.endswith("Limit by mlmon.toml: 0.17.")
    raised = under_rule(finding(), [rule(critical=0.12)], DRIFT)
    assert raised is not None
    assert raised.severity is Severity.CRITICAL
    quiet = finding(0.05, Severity.OK)
    alarmed = under_rule(quiet, [rule(warning=0.04)], DRIFT)
    assert alarmed is not None
    assert alarmed.severity is Severity.WARNING


def test_a_value_beyond_the_rules_limit_without_proof_is_unknown() -> None:
    """0.12 to 0.2 around 0.16 at a limit of 0.15; what its own limit left unknown is judged."""
    unproven = under_rule(finding(), [rule(warning=0.15)], DRIFT)
    assert unproven is not None
    assert unproven.severity is Severity.UNKNOWN
    assert "beyond the limit, not proven" in unproven.reason
    near = finding(0.08, Severity.UNKNOWN)
    calmed = under_rule(near, [rule(warning=0.15)], DRIFT)
    assert calmed is not None
    assert calmed.severity is Severity.OK
    still = under_rule(near, [rule(critical=0.3)], DRIFT)
    assert still is not None
    assert (still.severity, still.critical) == (Severity.UNKNOWN, 0.3)


@pytest.mark.parametrize("side", [1, -1])
def test_a_rule_holds_on_both_sides_of_a_gap(side: int) -> None:
    """A gap of 0.3 or of -0.3 keeps its verdict under limits that it passes either way."""
    gap = ConceptDrift.limits["estimate.gap"]
    ends = sorted([side * 0.25, side * 0.35])
    found = replace(
        finding(severity=Severity.CRITICAL), value=side * 0.3, low=ends[0], high=ends[1]
    )
    for warning, critical, severity in (
        (0.11, 0.21, Severity.CRITICAL),
        (0.11, 0.26, Severity.WARNING),
        (0.4, 0.5, Severity.OK),
    ):
        judged = under_rule(found, [rule(warning=warning, critical=critical)], gap)
        assert judged is not None
        assert judged.severity is severity


@pytest.mark.parametrize(
    "narrowed", [{"subject": "pri*"}, {"model": "autobid"}, {"metric": "ks.*"}, {"segment": "*"}]
)
def test_a_rule_is_narrowed(narrowed: dict[str, str]) -> None:
    """By subject, model, metric and segment, with patterns; others keep their verdict."""
    assert under_rule(finding(), [rule(enabled=False, **narrowed)], DRIFT) is None
    others = {name: f"no{value}no" for name, value in narrowed.items()}
    assert under_rule(finding(), [rule(enabled=False, **others)], DRIFT) == finding()


def test_the_last_rule_counts() -> None:
    """A general rule first, the exception after it."""
    rules = [rule(enabled=False), rule(subject="price", warning=0.1)]
    kept = under_rule(finding(), rules, DRIFT)
    assert kept is not None
    assert kept.severity is Severity.WARNING


@pytest.mark.parametrize("severity", [Severity.UNKNOWN, Severity.OK])
def test_what_is_held_back_stays_so(severity: Severity) -> None:
    """Without a verdict, or without significance, no limit makes an alarm."""
    held = under_rule(finding(0.12, severity), [rule(warning=0.01, critical=0.02)], DRIFT)
    assert held is not None
    assert held.severity is severity


def test_names_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt key, analyzer or metric is an error that names the nearest."""
    file = tmp_path / "mlmon.toml"
    monkeypatch.setenv("MLMON_CONFIG", str(file))
    for line, says in (
        ('analyzer = "feature_drift"\nwarnin = 0.1', "warning"),
        ('analyzer = "feature_drfit"', "feature_drift"),
    ):
        file.write_text(f"[[analyzers.rules]]\n{line}\n")
        with pytest.raises(WrongValueError, match=says):
            AnalyzersSettings.load()
    monkeypatch.delenv("MLMON_CONFIG")
    with pytest.raises(WrongValueError, match=r"did you mean 'ks\.distance'"):
        check_rules([rule(metric="ks.distanc")], [FeatureDrift()])
    with pytest.raises(WrongValueError, match="beyond critical"):
        check_rules([rule(metric="ks.distance", warning=0.5)], [FeatureDrift()])


def test_a_rule_says_what_is_in_force() -> None:
    """`mlmon analyzers` shows the limits, for what, and that they come from the file."""
    said = rule_sentence(rule(warning=0.15, subject="price"), DRIFT)
    assert said == "warning ≥ 0.15, critical ≥ 0.2 for subject price (mlmon.toml)"
    assert rule_sentence(rule(enabled=False), DRIFT) == "off (mlmon.toml)"
