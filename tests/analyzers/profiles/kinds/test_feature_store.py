"""Measurements of stores are kept by the hour, as the log wrote them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.profiles.kinds.feature_store import StoreEvent
from mlmon.logging_config import Service, open_log


def test_measurements_are_kept(
    tmp_path: Path,
    start: datetime,
    ship: Callable[[list[dict[str, Any]]], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Two stores that the real log describes: counts, ages, and an age nobody knows."""
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    log = open_log(
        Service("trainer", environment="production"),
        path=tmp_path / "events.jsonl",
        clock=lambda: int(at.timestamp()) * 10**9,
    )
    log.feature_store(
        source="stats", entity="profile", total=600, covered=588, age_p50_s=5.0, age_p90_s=60.5
    )
    log.feature_store(source="texts", entity="job", total=40, covered=0)
    log.close()
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ship([json.loads(line) | {"event.ingested": at.isoformat()} for line in lines])
    day = Window(start, start + DAY)
    assert update("store", day) == 1
    assert update("store", day) == 0
    (profile,) = read("store", day)
    assert profile.events == (
        StoreEvent("stats", "profile", at, 600, 588, 5.0, 60.5, service="trainer"),
        StoreEvent("texts", "job", at, 40, 0, service="trainer"),
    )
