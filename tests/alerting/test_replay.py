"""A history of hard cases through real receivers, with mlmon and its node killed in between."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.analyzers.base.window import DAY, MINUTE, SECOND
from mlmon.elastic.indices import templates
from mlmon.elastic.node import node
from mlmon.elastic.settings import Settings, load_settings
from mlmon.elastic.system.folders import cache_folder
from tests.support.alerting_replay import (
    Embedded,
    Known,
    Receivers,
    by_hour,
    replay,
    report,
    report_cases,
)
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.finding import Finding

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FEATURE = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
OUTAGE = {"analyzer": "outage", "metric": "no_model.seconds", "service": "pricing"}
RELOAD = {"analyzer": "model_reload", "metric": "reload.failures", "model_name": "prices"}
JOB = {"analyzer": "job_health", "metric": "missed.runs", "service": "scheduler"}
FALLBACK = {"analyzer": "fallback_rate", "metric": "fallback.rate"}


def at(hour: float) -> timedelta:
    """Return how long after the start an hour of the history is."""
    return timedelta(hours=hour)


def history() -> list[Finding]:
    """Return the findings of four days.

    A feature breaks, and another one a day later, while the first is still broken; one grows worse.
    A service finds no model; that a reload failed before becomes known an hour later. A job dies;
    the fallbacks it causes go on for half a day after it runs again.
    """
    line = START + at(60) + 20 * SECOND
    known = {"onset_start": line, "onset_end": line}
    return [
        *spell("o" + "c" * 39 + "oooo", "price", **FEATURE),
        *spell("o" + "c" * 20 + "oooo", "age", start=START + at(29), **FEATURE),
        *spell("owwwccccoooo", "rating", start=START + at(10), **(FEATURE | {"model_name": "b"})),
        *spell("c" * 150 + "o", None, length=MINUTE, start=START + at(60), **OUTAGE),
        *spell("c", "prices", start=START + at(60.5), service="pricing", **RELOAD, **known),
        *spell("oo", "prices", start=START + at(61.5), service="pricing", **RELOAD),
        *spell("o" + "c" * 5 + "oooo", "refresh", start=START + at(70), **JOB),
        *spell("o" + "c" * 18 + "oooo", "stats", start=START + at(71), **FALLBACK),
    ]


@pytest.fixture
def embedded() -> Iterator[Embedded]:
    """A node that may be killed."""
    # Not pytest's own folder, which the node's unprivileged user may not enter.
    home = Path(tempfile.mkdtemp(prefix="mlmon-replay-"))
    home.chmod(0o755)
    settings = Settings(home=home, cache=cache_folder(load_settings()), node_port=9270)
    node.start(settings)
    try:
        with Embedded.opened(settings) as of:
            for _ in templates.install(of.cluster):
                pass
            yield of
    finally:
        node.stop(settings)
        shutil.rmtree(home)


def test_each_incident_is_one_message_at_its_start_and_one_at_its_end(
    embedded: Embedded, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Webhook, SMTP and Alertmanager each: whatever is killed or away for a while in between."""
    for name in ("MLMON_CONFIG", "MLMON_ALERTING_ALERTMANAGER_URL"):
        monkeypatch.setenv(name, "")  # and what the replay sets is gone after the test
    with Receivers.listening(tmp_path) as receivers:
        done = replay(embedded, namespace, by_hour(history()), tmp_path, receivers, [5])
        known = Known.of(embedded.cluster, namespace, START - DAY)
    assert (done.mlmon > 0, done.node) == (True, 1)
    ways = receivers.received()
    assert report(known, ways) == 0
    assert report_cases(known) == 0
    sent: dict[str, Any] = {
        way: sorted(kind for _, kind in counts.elements()) for way, counts in ways.items()
    }
    each = ["opened"] * 5 + ["resolved"] * 5
    assert sent["webhook"] == sent["e-mail"] == sorted([*each, "grew"])
    assert sent["Alertmanager"] == each
    titles = {incident.cause_reason.partition(" ")[0] for incident in known.incidents}
    assert titles == {"price", "age", "rating", "prices", "refresh"}
