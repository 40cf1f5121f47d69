"""Faults of the service: errors, latency, traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.scoreboard.faults.fault import Fault, signs, spans

if TYPE_CHECKING:
    from mlmon.scoreboard.faults.fault import Affected
    from mlmon.scoreboard.simulation.requests import Floats, Requests

TIMELINE, TRACK = "operations", "service"
IN_TIME = 15 * MINUTE
CERTAIN = 2 * MINUTE
"""Where nothing is left to doubt."""


def _server_errors(requests: Requests, affected: Affected) -> None:
    rows = affected.share(0.22)
    requests.status[rows] = 500
    requests.duration_ms[rows] = affected.rng.uniform(2_000.0, 5_000.0, int(rows.sum()))


def _one_client(requests: Requests, affected: Affected) -> None:
    requests.status[affected.rows & (requests.client == 1)] = 400


def _all_failing(requests: Requests, affected: Affected) -> None:
    requests.status[affected.rows] = 500


def _no_model(requests: Requests, affected: Affected) -> None:
    requests.status[affected.rows] = 503


def _slower(requests: Requests, affected: Affected) -> None:
    requests.duration_ms[affected.rows] *= 3.5


def _slower_tail(requests: Requests, affected: Affected) -> None:
    rows = affected.share(0.03)
    # The slowest three in a hundred take 4 % longer each day, beginning at five times the usual.
    factor = 5.0 * (1.0 + 2.0 * affected.progress)
    requests.duration_ms[rows] *= factor[rows]


def _silence(progress: Floats, _hours: Floats) -> Floats:
    return np.zeros_like(progress)


def _halved(progress: Floats, _hours: Floats) -> Floats:
    return np.full_like(progress, 0.5)


def _fading(progress: Floats, _hours: Floats) -> Floats:
    return 1.0 - 0.7 * progress


FAULTS = (
    Fault(
        "server_errors",
        "A fifth of the requests fails with 500",
        TIMELINE,
        ("service",),
        signs("service_health http.5xx.rate", "service_health latency.*", "outage"),
        spans(3 * HOUR, IN_TIME, small=2 * DAY),
        track=TRACK,
        answers=_server_errors,
    ),
    Fault(
        "one_client_400",
        "One client's requests are refused with 400",
        TIMELINE,
        ("service",),
        signs("service_health http.4??.rate"),
        spans(3 * HOUR, IN_TIME, small=2 * DAY),
        track=TRACK,
        answers=_one_client,
    ),
    Fault(
        "all_failing",
        "Every request fails with 500",
        TIMELINE,
        ("service",),
        signs("outage", "service_health http.5xx.rate"),
        spans(HOUR, CERTAIN, small=12 * HOUR),
        track=TRACK,
        answers=_all_failing,
    ),
    Fault(
        "no_model",
        "No model after a failed reload",
        TIMELINE,
        ("deployment", "service"),
        signs("outage", "model_reload", "service_health http.5*.rate"),
        spans(HOUR, CERTAIN, small=12 * HOUR),
        track=TRACK,
        answers=_no_model,
        reload_fails=True,
    ),
    Fault(
        "latency_regression",
        "Answers take 3.5 times as long",
        TIMELINE,
        ("service",),
        signs("service_health latency.*", "slow_change latency.*"),
        spans(6 * HOUR, IN_TIME, small=2 * DAY),
        track=TRACK,
        answers=_slower,
    ),
    Fault(
        "silence",
        "No requests at the busiest time",
        TIMELINE,
        ("service",),
        signs("outage silence*", "service_health traffic.*", "slow_change traffic.*"),
        spans(3 * HOUR, IN_TIME, small=36 * HOUR),
        track=TRACK,
        at_hour=12,
        traffic=_silence,
    ),
    Fault(
        "volume_halved",
        "Half of the usual requests",
        TIMELINE,
        ("service",),
        signs("service_health traffic.*", "slow_change traffic.*"),
        spans(48 * HOUR, DAY + 12 * HOUR),
        track=TRACK,
        at_hour=0,
        traffic=_halved,
    ),
    Fault(
        "p99_creep",
        "The slowest answers grow slower from day to day",
        "model",
        ("service",),
        signs("slow_change latency.*", "service_health latency.p99"),
        spans(14 * DAY, 14 * DAY, small=14 * DAY),
        at_hour=0,
        answers=_slower_tail,
        alongside=True,
    ),
    Fault(
        "fading_traffic",
        "Traffic falls by 5 % a day",
        "data",
        ("service",),
        signs("slow_change traffic.*", "service_health traffic.*"),
        spans(14 * DAY, 14 * DAY, small=14 * DAY),
        at_hour=0,
        traffic=_fading,
        alongside=True,
    ),
)
