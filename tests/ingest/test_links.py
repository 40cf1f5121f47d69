"""Logs that a path names over a link, as Kubernetes and releases do."""

import gzip
from pathlib import Path

import pytest

from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship


def append(path: Path, lines: bytes) -> None:
    """Add lines to a file."""
    with path.open("ab") as file:
        file.write(lines)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_target_that_was_rotated_between_two_runs_is_found(
    ship: Ship, log: NumberedLog, *, compressed: bool
) -> None:
    """Kubelet renames the file behind the link of `/var/log/containers`, where nobody is named."""
    pod, links = ship.folder / "pods", ship.folder / "containers"
    pod.mkdir()
    links.mkdir()
    target = pod / "0.log"
    target.write_bytes(log.lines(5))
    (links / "pod.log").symlink_to(target)
    assert ship("containers/*.log").stored == 5
    append(target, log.lines(5))
    rotated = target.rename(pod / "0.log.20260101-120000")
    if compressed:
        compress(rotated)
    target.write_bytes(log.lines(5))
    assert ship("containers/*.log").read == 10
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_folder_that_a_link_names_no_more_is_searched(ship: Ship, log: NumberedLog) -> None:
    """A release moved `current` to its own folder; lines of the old one had not been read."""
    for release in ("1", "2"):
        (ship.folder / "releases" / release).mkdir(parents=True)
    current = ship.folder / "current"
    current.symlink_to("releases/1")
    (current / "app.jsonl").write_bytes(log.lines(5))
    assert ship("current/app.jsonl").stored == 5
    append(current / "app.jsonl", log.lines(5))
    current.unlink()
    current.symlink_to("releases/2")
    (current / "app.jsonl").write_bytes(log.lines(5))
    assert ship("current/app.jsonl").read == 10
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def compress(path: Path) -> None:
    """Replace a file by its compressed form, as kubelet does with all but the newest."""
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
