"""What a person sees of a long run."""

import io
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from mlmon.ingest.progress import ShipProgress
from mlmon.ingest.shipper import ShipRequest
from mlmon.ingest.state.counts import RunCounts
from mlmon.ingest.state.health import Health
from mlmon.ingest.state.state_folder import StateFolder


def health(stored: int) -> Health:
    """Return the health of a run that has stored so many lines."""
    counts = RunCounts(read=stored, stored=stored, bytes=stored * 100)
    return Health(datetime.now(UTC), "shipper", 1, running=True, waiting_for="", counts=counts)


@pytest.mark.parametrize(("seconds", "is_shown"), [(1.9, False), (2.1, True)])
def test_a_run_of_more_than_two_seconds_shows_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, *, is_shown: bool
) -> None:
    """A short run stays quiet; a longer one shows its counts from the second second on."""
    (tmp_path / "a.jsonl").write_bytes(b"{}\n" * 1_000)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    request = ShipRequest([str(tmp_path)], "test", StateFolder(tmp_path / "state"), tmp_path / "l")
    screen = io.StringIO()
    with ShipProgress(request) as progress:
        progress.console = Console(file=screen, force_terminal=True, width=120)
        now += seconds
        progress.show_health(health(1_234))
    assert ("1,234 stored, 0 duplicate, 0 rejected" in screen.getvalue()) == is_shown
