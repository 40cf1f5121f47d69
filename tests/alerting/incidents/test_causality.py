"""The graph of causes: complete, without a circle, and documented as it is."""

from pathlib import Path

import pytest

from mlmon.alerting.incidents.causality import DOWNSTREAM, PLACES, may_cause
from mlmon.analyzers.base.alert_policy import LAYERS
from tests.support.histories import all_alerts, changed, rule, spell


def test_every_layer_has_its_place_before_its_effects() -> None:
    """Layers are listed causes first, so no layer causes itself, over any number of steps."""
    assert tuple(PLACES) == LAYERS
    order = {layer: index for index, layer in enumerate(LAYERS)}
    for layer, place in PLACES.items():
        assert all(order[effect] > order[layer] for effect in place.causes)


def test_what_a_layer_may_cause_is_all_that_can_be_reached() -> None:
    """Each path of the graph, walked step by step, ends in an effect, but for what is spared."""
    for layer in LAYERS:
        reached, steps = set(), list(PLACES[layer].causes)
        while steps:
            effect = steps.pop()
            reached.add(effect)
            steps += PLACES[effect].causes
        assert DOWNSTREAM[layer] == reached - {*PLACES[layer].spares}
    assert DOWNSTREAM["ingest"] == frozenset()


def test_the_documented_graph_is_the_one_that_decides() -> None:
    """docs/alerting.md lists every edge, and no other."""
    text = (Path(__file__).parents[3] / "docs" / "alerting.md").read_text(encoding="utf-8")
    edges = (
        f"{layer} → {', '.join(place.causes)}" for layer, place in PLACES.items() if place.causes
    )
    assert f"(`alerting/incidents/causality.py`): {'; '.join(edges)}; and" in text


@pytest.mark.parametrize(
    ("environment", "causes"), [("production", True), ("staging", False), (None, True)]
)
def test_shared_layer_causes_within_its_environment(
    environment: str | None, *, causes: bool
) -> None:
    """A job serves every service of its environment; one of another environment causes nothing."""
    job_rule, fallback_rule = rule(after=1, layer="job"), rule(after=1, layer="fallback")
    [job] = all_alerts(job_rule, spell("w", "refresh", service="scheduler"))
    [fallback] = all_alerts(fallback_rule, spell("ow", "stats", service="api"))
    job = changed(job, environment=environment)
    assert may_cause(job, changed(fallback, environment="production")) is causes
