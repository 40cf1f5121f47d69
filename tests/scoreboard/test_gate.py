"""The gate: two faults and two traps through log, shipper, node, analyzers and incidents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.faults.catalogue import chosen
from mlmon.scoreboard.faults.fault import FaultTime, Size
from mlmon.scoreboard.replay.replay import Replay
from mlmon.scoreboard.scoring.score import score
from mlmon.scoreboard.timelines.plan import plan_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.scoreboard.faults.fault import Fault

SEED = 101


PLACES = {
    "mlmon_dead": (14, 4),
    "unit_change": (8, 10),
    "outlier": (20, 1),
    "second_shipper": (21, 2),
}
"""Hour at which each begins, and how many hours it lasts."""
FOUND_WITHIN = {"mlmon_dead": 2 * HOUR, "unit_change": 10 * HOUR}


@pytest.mark.long
def test_gate(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two faults are found in time with their causes; two traps raise no incident."""
    monkeypatch.chdir(tmp_path)
    kinds = [_placed(kind) for kind in chosen([*PLACES])]
    timeline = plan_timeline("gate", Size.MEDIUM, SEED, kinds, warm_up=8 * HOUR)
    timeline = replace(timeline, end=timeline.begin + DAY)
    observed, _, _ = Replay(cluster, timeline, namespace).run()
    result = score(timeline, observed)
    assert [one.fault for one in result.found if not one.is_in_time] == []
    assert [one.fault for one in result.found if not one.is_cause_right] == []
    assert result.false == []


def _placed(kind: Fault) -> Fault:
    """Return a kind at its place in the gate's day."""
    hour, lasts = PLACES[kind.id]
    span = FaultTime(lasts * HOUR, FOUND_WITHIN.get(kind.id, DAY))
    return replace(kind, track=kind.id, at_hour=hour, spans=dict.fromkeys(Size, span))
