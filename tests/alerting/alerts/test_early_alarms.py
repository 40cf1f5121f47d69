"""What leaves no doubt opens an alert with one window, through the real node."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.policies.policy import policies
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.summary import summarise
from mlmon.analyzers.checks.data_quality import DataQuality
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.service_health.service_health import ServiceHealth
from mlmon.analyzers.profiles.kinds.access import AccessProfile, Endpoint, PathAccess
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.statistics.buckets import Buckets
from tests.support.latency_buckets import bucket_of

if TYPE_CHECKING:
    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

pa = pytest.importorskip("pyarrow")

START = datetime(2026, 3, 2, tzinfo=UTC)
FAULT = START + 8 * DAY + 10 * HOUR
"""A Tuesday at ten, after more than a week without a fault."""


def opened(
    cluster: Cluster, namespace: str, analyzer: Analyzer[Any], until: datetime
) -> tuple[list[Alert], list[Finding]]:
    """Judge the time around the fault; return the alerts, and the findings that are certain."""
    period = Window(FAULT - 2 * HOUR, until)
    done = analyze(cluster, namespace, period, now=until, analyzers=[analyzer], profiled=True)
    assert not done.failures
    evaluate(cluster, namespace, period.start, policies())
    findings = FindingStore(cluster, namespace).search(analyzer=analyzer.name)
    return [*AlertStore(cluster, namespace).open()], [one for one in findings if one.certain]


def answers(fault: str) -> list[AccessProfile]:
    """Return the requests of eight days and a half: nine in five minutes by day, two at night."""
    rng = np.random.default_rng(7)
    profiles = []
    for place in range(8 * 288 + 144):
        begin = START + place * 5 * MINUTE
        bad = begin >= FAULT
        size = 9 if 84 <= place % 288 < 228 else 2
        spent = rng.lognormal(np.log(20e6), 0.4, size) * (3.5 if bad and fault == "slow" else 1.0)
        failed = 2 if bad and fault == "failing" else 0
        path = PathAccess(
            size,
            Counter({200: size - failed} | ({500: failed} if failed else {})),
            size,
            float(spent.astype(int).sum()),
            float((spent.astype(int).astype(float) ** 2).sum()),
            Counter(bucket_of(int(one)) for one in spent),
            "api",
        )
        key = ProfileKey("access", Window(begin, begin + 5 * MINUTE))
        endpoint = Endpoint("api", "/predict")
        profiles.append(AccessProfile(key, SourceWatermark(size, begin), 1, {endpoint: path}))
    return profiles


@pytest.mark.parametrize(
    ("fault", "metric"), [("failing", "http.5xx.rate"), ("slow", "latency.mean")]
)
def test_a_quarter_of_an_hour_opens_an_alert(
    cluster: Cluster, namespace: str, fault: str, metric: str
) -> None:
    """Of a service with 1,500 requests a day, whose usual window is an hour."""
    store = ProfileStore(cluster, namespace)
    store.write(answers(fault), FAULT)
    store.refresh()
    alerts, certain = opened(cluster, namespace, ServiceHealth(), FAULT + 15 * MINUTE)
    (alert,) = [one for one in alerts if one.identity.metric == metric]
    assert FAULT < alert.opened <= FAULT + 15 * MINUTE
    assert alert.opened == min(one.end for one in certain if one.metric == metric)
    assert "certain: at a usual rate of" in alert.reason


def test_a_calm_service_opens_none(cluster: Cluster, namespace: str) -> None:
    """The same requests without a fault."""
    store = ProfileStore(cluster, namespace)
    store.write(answers(""), FAULT)
    store.refresh()
    assert opened(cluster, namespace, ServiceHealth(), FAULT + HOUR) == ([], [])


def predictions(baseline: Baseline, fault: str) -> list[PredictionProfile]:
    """Return eighty predictions an hour for eight days and a half."""
    rng = np.random.default_rng(8)
    profiles = []
    for hour in range(8 * 24 + 13):
        begin = START + hour * HOUR
        prices = rng.lognormal(3.0, 0.8, 80)
        bad = begin >= FAULT
        if bad and fault == "stuck":
            prices[:] = 39.9
        kept = prices[36:] if bad and fault == "missing" else prices
        profiles.append(
            PredictionProfile(
                ProfileKey(
                    "prediction", Window(begin, begin + HOUR), (*baseline.model, baseline.id)
                ),
                SourceWatermark(80, begin + HOUR),
                service="api",
                rows=80,
                numeric={"price": Buckets.from_values(kept, baseline.numeric["price"].edges)},
            )
        )
    return profiles


@pytest.mark.parametrize(
    ("analyzer", "fault", "metric"),
    [
        (DataQuality(), "missing", "missing.rate"),
        (FeatureDrift(), "stuck", "ks.distance"),
        (DataQuality(), "", None),
        (FeatureDrift(), "", None),
    ],
)
def test_two_hours_open_an_alert(
    cluster: Cluster, namespace: str, analyzer: Analyzer[Any], fault: str, metric: str | None
) -> None:
    """45 % missing values, and one value for all; without a fault there is none."""
    rows = np.random.default_rng(9).lognormal(3.0, 0.8, 20_000)
    known = summarise(pa.table({"price": rows}))
    baseline = Baseline("bids", "1", created=START, source="rows", metrics={}, **known)
    BaselineStore(cluster, namespace).write([baseline])
    store = ProfileStore(cluster, namespace)
    store.write(predictions(baseline, fault), FAULT)
    store.refresh()
    alerts, certain = opened(cluster, namespace, analyzer, FAULT + 2 * HOUR)
    if metric is None:
        assert (alerts, certain) == ([], [])
        return
    (alert,) = alerts
    assert (alert.identity.metric, alert.identity.subject) == (metric, "price")
    assert alert.opened == FAULT + 2 * HOUR
    assert [one.window for one in certain] == [Window(FAULT, FAULT + 2 * HOUR)]
