"""The torture run in short: `make torture` is the long one."""

from pathlib import Path

import pytest

from mlmon.elastic.client.cluster import Cluster
from tests.support.fault_injector import FaultInjector
from tests.support.torture.contenders import mlmon
from tests.support.torture.plan import ODDS, Plan

pytestmark = pytest.mark.long


def test_a_tortured_shipper_stores_every_line_once(cluster: Cluster, tmp_path: Path) -> None:
    """Kills, rotations, rollovers and faults at once: written and stored ids are the same, once."""
    plan = Plan(lines=2_400, kills=3, rotate_s=0.7, roll_s=1.5, longest_life_s=3.0, files=60)
    with FaultInjector(cluster.url, ODDS) as injector:
        verdict = mlmon(plan, cluster, injector.url, tmp_path)
    assert verdict.deeds["killed with SIGKILL"] >= 3
    assert sum(injector.faults.values()) > 0
    assert verdict.is_clean, verdict
