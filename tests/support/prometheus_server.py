"""The real Prometheus of Debian, on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.loopback import free_port
from tests.support.receivers import until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class PrometheusServer:
    """A Prometheus at work."""

    url: str

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the values of an expression now, by their labels."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        return {
            tuple(sorted(series["metric"].items())): float(series["value"][1])
            for series in answer["data"]["result"]
        }

    def unhealthy_rules(self) -> list[str]:
        """Return the names of rules that were not evaluated yet, or failed."""
        groups = httpx.get(f"{self.url}/api/v1/rules").json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert rules
        return [rule["name"] for rule in rules if rule["health"] != "ok"]

    def until(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for what the next scrapes bring.

        Raises:
            AssertionError: It did not come in time.
        """
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "Prometheus never saw it"
            time.sleep(0.1)


@contextmanager
def prometheus_server(
    folder: Path, targets: Mapping[str, str], rules: Path
) -> Iterator[PrometheusServer]:
    """Run Prometheus, or skip the test where it is not installed.

    Args:
        folder: Where it may write.
        targets: Host and port of each job.
        rules: A file of rules.
    """
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian has it)")
    configuration = {
        "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in targets.items()
        ],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(configuration))
    port = free_port()
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until_ready(url)
        yield PrometheusServer(url)
    finally:
        process.terminate()
        process.wait(10)
