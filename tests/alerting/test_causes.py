"""What explains what: earlier layers of the same service or model, and never what is milder."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.alerting.alerts.alert import Alert
from mlmon.alerting.causes import explain, likely_causes
from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import HOUR
from tests.support.histories import START, all_episodes, changed, rule, spell


def alert(layer: str, begin: int = 0, **known: Any) -> Alert:
    """Return an open alert of a layer that opened some hours after the start."""
    (found,) = all_episodes(rule(1, 1, layer=layer, name=layer), spell("c", analyzer=layer))
    opened = START + begin * HOUR
    return changed(found, since=opened - HOUR, opened=opened, severity_since=opened, **known)


def explained(effect: Alert, *causes: Alert) -> tuple[str | None, str | None]:
    """Return by which layer an alert is explained, and by which inhibited."""
    layers = {cause.id: cause.layer for cause in causes}
    found = explain(effect, [*causes, effect])
    return layers.get(found.explained_by or ""), layers.get(found.inhibited_by or "")


@given(st.sampled_from(LAYERS), st.sampled_from(LAYERS))
def test_only_earlier_layers_explain(one: str, other: str) -> None:
    """Of two layers of one service the earlier one explains the other, but lost logs nothing."""
    found = explained(alert(other, 1), alert(one))
    earlier = LAYERS.index(one) < LAYERS.index(other)  # type: ignore[arg-type]
    assert found == ((one, one) if earlier and one != "ingest" else (None, None))


def test_the_first_of_the_chain_is_named() -> None:
    """Of job, fallback and feature, all open, the job is the likely first cause of the score."""
    causes = [alert("feature", 2), alert("job", 0), alert("fallback", 1)]
    assert explained(alert("score", 3), *causes) == ("job", "job")


@pytest.mark.parametrize(
    ("cause", "effect", "explains"),
    [
        ({"service": "api"}, {"service": "api"}, True),
        ({"service": "api"}, {"service": "other"}, False),
        ({"model_name": "a"}, {"model_name": "a"}, True),
        ({"model_name": "a", "service": "x"}, {"model_name": "a", "service": "y"}, True),
        ({"model_name": "a"}, {"model_name": "b"}, False),
        ({"model_name": "a"}, {"model_name": None}, True),
        ({"model_name": "a", "service": "x"}, {"model_name": None, "service": "y"}, False),
        ({"model_name": None}, {"model_name": "a"}, True),
        ({"model_name": None, "service": "x"}, {"model_name": "a", "service": "y"}, False),
    ],
)
def test_of_one_model_or_one_service(
    cause: dict[str, str], effect: dict[str, str], *, explains: bool
) -> None:
    """Two models have nothing in common; without a model on both sides the service decides."""
    found = explained(alert("feature", 1, **effect), alert("fallback", 0, **cause))
    assert found == (("fallback", "fallback") if explains else (None, None))


def test_a_job_serves_every_service() -> None:
    """A scheduler's job explains what goes wrong in the services that live on what it makes."""
    job = alert("job", 0, service="scheduler")
    assert explained(alert("fallback", 1, service="api"), job) == ("job", "job")
    gone = replace(job, withdrawn=True)
    assert explained(alert("fallback", 1, service="api"), gone) == (None, None)


def test_it_must_have_been_open_then() -> None:
    """What ended before, or began after, explains nothing."""
    effect = alert("score", 5)
    before = alert("job", 0, ended=START + 5 * HOUR)
    after = alert("job", 6)
    assert explained(effect, before, after) == (None, None)
    assert explained(effect, alert("job", 5)) == ("job", "job")
    assert explained(effect, alert("job", 0, ended=START + 6 * HOUR)) == ("job", "job")


def test_no_warning_hides_what_is_critical() -> None:
    """A milder cause explains and does not inhibit; neither does one that grew critical later."""
    mild = alert("job", 0, severity=Severity.WARNING)
    assert explained(alert("score", 1), mild) == ("job", None)
    assert explained(alert("score", 1, severity=Severity.WARNING), mild) == ("job", "job")
    later = replace(alert("job", 0), severity_since=START + 2 * HOUR)
    assert explained(alert("score", 1), later) == ("job", None)
    bad = alert("fallback", 0)
    assert explained(alert("score", 1), mild, bad) == ("job", "fallback")


def test_the_likely_first_cause_stands_first() -> None:
    """What nothing explains comes first, the worst and oldest of it before all."""
    job, late = alert("job", 2), alert("service", 5)
    mild = alert("business", 0, severity=Severity.WARNING)
    effect = explain(alert("score", 3), [job])
    assert likely_causes([effect, mild, late, job]) == [job, late, mild]
    assert likely_causes([effect]) == [effect]
