"""The user's limits: rules of mlmon.toml that change or drop findings of an analyzer.

    [[analyzers.rules]]
    analyzer = "feature_drift"
    subject = "price"
    warning = 0.15
    critical = 0.3

    [[analyzers.rules]]
    analyzer = "service_health"
    subject = "/internal/*"
    enabled = false

A rule with limits judges the interval of the finding again. What an analyzer holds back although
its interval passes its own limit (no significance, explained by another analyzer) stays `ok`.
`unknown` stays `unknown`, unless only the nearness of its own limit kept it so.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity, not_proven
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.settings_file import settings_path, unknown_name
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.settings import LimitRule


def check_rules(rules: Iterable[LimitRule], analyzers: Iterable[Analyzer[Any]]) -> None:
    """Raise WrongValueError where a rule names a metric that its analyzer does not have.

    A pattern must match one, and limits must not be the wrong way round.
    """
    by_name = {analyzer.name: analyzer for analyzer in analyzers}
    for rule in rules:
        analyzer = by_name.get(rule.analyzer)
        if analyzer is None:
            continue
        matching = [name for name in analyzer.limits if fnmatchcase(name, rule.metric)]
        if not matching:
            found = unknown_name("metric", rule.metric, analyzer.limits)
            raise WrongValueError(
                f"{found} of {rule.analyzer}", f"Correct [[analyzers.rules]] of {settings_path()}."
            )
        for name in matching:
            _checked(rule, name, analyzer.limits[name])


def _checked(rule: LimitRule, metric: str, declared: Limits) -> None:
    limits = changed_limits(declared, rule)
    order = (limits.critical - limits.warning) * (1 if limits.bad == "above" else -1)
    if limits.judged and order < 0:
        raise WrongValueError(
            f"{rule.analyzer} {metric}: warning {limits.warning:g} lies beyond critical "
            f"{limits.critical:g}",
            "Give both limits in [[analyzers.rules]].",
        )


def changed_limits(declared: Limits, rule: LimitRule) -> Limits:
    """Return limits with those that a rule gives."""
    warning = declared.warning if rule.warning is None else rule.warning
    critical = declared.critical if rule.critical is None else rule.critical
    return replace(declared, warning=warning, critical=critical)


def rule_sentence(rule: LimitRule, declared: Limits) -> str:
    """Say what a rule sets for a metric, and for which findings."""
    fields = (("subject", rule.subject), ("model", rule.model), ("segment", rule.segment))
    narrowed = [f"{name} {pattern}" for name, pattern in fields if pattern != "*"]
    where = f" for {', '.join(narrowed)}" if narrowed else ""
    if not rule.enabled:
        return f"off{where} ({settings_path()})"
    limits = changed_limits(declared, rule)
    return (
        f"warning {limits.sign} {limits.warning:g}, critical {limits.sign} {limits.critical:g}"
        f"{where} ({settings_path()})"
    )


def rule_of(finding: Finding, rules: Sequence[LimitRule]) -> LimitRule | None:
    """Return the last rule that is for a finding, None if none is."""
    return next((rule for rule in reversed(rules) if _matches(rule, finding)), None)


def under_rule(
    finding: Finding, rules: Sequence[LimitRule], declared: Limits | None
) -> Finding | None:
    """Return a finding as the user's rules want it, None if they do not want it.

    Args:
        finding: As its analyzer judged it.
        rules: The rules, of which the last that matches counts.
        declared: The metric's limits.
    """
    rule = rule_of(finding, rules)
    if rule is None:
        return finding
    if not rule.enabled:
        return None
    if declared is None or (rule.warning is None and rule.critical is None):
        return finding
    own = replace(
        declared,
        warning=declared.warning if finding.warning is None else finding.warning,
        critical=declared.critical if finding.critical is None else finding.critical,
    )
    limits = changed_limits(own, rule)
    changed = replace(finding, warning=limits.warning, critical=limits.critical)
    return changed if finding.value is None else _judged(changed, finding.value, own, limits)


def _judged(finding: Finding, value: float, own: Limits, limits: Limits) -> Finding:
    """Return a finding judged by the user's limits, where its own ones decided the verdict."""
    low = value if finding.low is None else finding.low
    high = value if finding.high is None else finding.high
    unproven = own.judged and own.unproven(value, low, high)
    if finding.severity is Severity.UNKNOWN and not unproven:
        return finding
    if own.judged and own.judge(low, high).rank > finding.severity.rank:
        return finding
    severity = limits.judge(low, high)
    if severity is Severity.OK and limits.unproven(value, low, high):
        severity = Severity.UNKNOWN
    limit = limits.critical if severity is Severity.CRITICAL else limits.warning
    reason = f"{finding.reason} Limit by mlmon.toml: {number(limit)}."
    if severity is Severity.UNKNOWN and finding.severity is not Severity.UNKNOWN:
        reason = not_proven(reason)
    return replace(finding, severity=severity, reason=reason)


def _matches(rule: LimitRule, finding: Finding) -> bool:
    return rule.analyzer == finding.analyzer and all(
        fnmatchcase(value or "", pattern)
        for value, pattern in (
            (finding.metric, rule.metric),
            (finding.subject, rule.subject),
            (finding.model_name, rule.model),
            (finding.segment, rule.segment),
        )
    )
