"""Traps: nothing is wrong, and no incident may be raised."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.scoreboard.faults.fault import Arrival, Fault, signs, spans, trap
from mlmon.scoreboard.simulation.job_runs import EXPORT
from mlmon.scoreboard.simulation.traffic import BUSIEST_HOUR, NIGHT

if TYPE_CHECKING:
    from mlmon.scoreboard.faults.fault import Affected
    from mlmon.scoreboard.simulation.job_runs import SimulatedRun
    from mlmon.scoreboard.simulation.requests import Floats, Requests

TIMELINE = "calm"


def _surge(progress: Floats, _hours: Floats) -> Floats:
    return np.full_like(progress, 4.0)


def _holiday(progress: Floats, _hours: Floats) -> Floats:
    return np.full_like(progress, 0.6)


def _shifted(hours: Floats, by: float) -> Floats:
    def rate(at: Floats) -> Floats:
        result: Floats = 1.0 + NIGHT * np.cos((at - BUSIEST_HOUR) / 24.0 * 2 * np.pi)
        return result

    return rate(hours + by) / rate(hours)


def _earlier(_progress: Floats, hours: Floats) -> Floats:
    return _shifted(hours, 1.0)


def _later(_progress: Floats, hours: Floats) -> Floats:
    return _shifted(hours, -1.0)


def _export_earlier(run: SimulatedRun, _progress: float) -> SimulatedRun:
    return replace(run, at=run.at - HOUR) if run.job == EXPORT else run


def _export_later(run: SimulatedRun, _progress: float) -> SimulatedRun:
    return replace(run, at=run.at + HOUR) if run.job == EXPORT else run


def _half_on_older(requests: Requests, affected: Affected) -> None:
    # The newest version is rolled back for everyone: no process stays behind another.
    requests.older[affected.rows] = True


def _rare_category(requests: Requests, affected: Affected) -> None:
    requests.categorical["channel"][affected.share(0.004)] = "podcast"


def _outlier(requests: Requests, affected: Affected) -> None:
    first = np.flatnonzero(affected.rows)[:1]
    requests.numeric["price"][first] = 1e9


def _labels_held(requests: Requests, affected: Affected) -> None:
    requests.label_delay_h[affected.rows] += 12.0


TRAPS = tuple(
    trap(fault)
    for fault in (
        Fault(
            "surge", "A marketing campaign: four times the traffic", TIMELINE, (), (),
            spans(6 * HOUR, DAY, small=6 * HOUR), traffic=_surge,
        ),
        Fault(
            "holiday", "A holiday: 60 % of the traffic", TIMELINE, (), (),
            spans(DAY, DAY, small=DAY), at_hour=0, weekday=3, traffic=_holiday,
        ),
        Fault(
            "weekend", "A weekend and its nights", TIMELINE, (), (),
            spans(2 * DAY, DAY, small=2 * DAY), at_hour=0, weekday=5,
        ),
        Fault(
            "clocks_forward", "Daylight-saving time begins", TIMELINE, (), (),
            spans(3 * DAY, DAY), at_hour=0, traffic=_earlier, job=_export_earlier,
        ),
        Fault(
            "clocks_back", "Daylight-saving time ends", TIMELINE, (), (),
            spans(3 * DAY, DAY), at_hour=0, traffic=_later, job=_export_later,
        ),
        Fault(
            "late_logs", "4 % of the lines arrive 40 minutes late", TIMELINE, (),
            signs("completeness late.*"), spans(12 * HOUR, DAY, small=2 * DAY),
            arrival=Arrival(late=0.04, late_by=40 * MINUTE),
        ),
        Fault(
            "shipper_away", "All lines of two hours arrive late", TIMELINE, (),
            signs("completeness late.*"), spans(2 * HOUR, DAY, small=2 * HOUR),
            arrival=Arrival(held=True),
        ),
        Fault(
            "late_labels", "A day's labels arrive 12 hours late", TIMELINE, (),
            signs("label_coverage"), spans(DAY, DAY, small=DAY), answers=_labels_held,
        ),
        Fault(
            "rare_category", "A rare category comes and goes", TIMELINE, (), (),
            spans(12 * HOUR, DAY, small=2 * DAY), inputs=_rare_category,
        ),
        Fault(
            "outlier", "One extreme value", TIMELINE, (), (),
            spans(HOUR, DAY, small=HOUR), inputs=_outlier,
        ),
        Fault(
            "second_shipper", "A second shipper ships the same files", TIMELINE, (), (),
            spans(12 * HOUR, DAY, small=12 * HOUR), arrival=Arrival(twice=True),
        ),
        Fault(
            "roll_back", "The newest version is rolled out and back", TIMELINE, (),
            signs("model_reload outdated.rate"), spans(12 * HOUR, DAY, small=12 * HOUR),
            answers=_half_on_older,
        ),
        Fault(
            "new_service", "A new service's first days", TIMELINE, (), (),
            spans(2 * DAY, DAY, small=7 * DAY), starts="service",
        ),
        Fault(
            "second_model", "A second model starts", TIMELINE, (), (),
            spans(2 * DAY, DAY, small=7 * DAY), starts="model",
        ),
        Fault(
            "backfill", "A month of logs is shipped at once", "backfill", (), (),
            spans(30 * DAY, DAY, small=30 * DAY), at_hour=-1, arrival=Arrival(held=True),
        ),
        Fault(
            "tiny_traffic", "Twelve predictions a day", "tiny", (), (),
            spans(7 * DAY, DAY, small=7 * DAY), at_hour=0, daily=12,
        ),
    )
)  # fmt: skip
