"""The real Evidently, NannyML and whylogs, each in an environment of its own, on a schedule."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.analyzers.base.window import MINUTE, iso
from mlmon.analyzers.report_settings import LIBRARIES, ReportsSettings
from mlmon.analyzers.sample.scheduled import scheduled_reports
from mlmon.elastic.client.cluster import Cluster
from tests.support.browser import started_browser
from tests.support.installations import UNREACHABLE, UV, build_wheel
from tests.support.serving import serving

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
ROWS = 400


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def environment(wheel: Path, library: str, tmp_path: Path) -> Path:
    """An environment with the extra of a library, as its pins want it."""
    folder = tmp_path / "environment"
    wanted = f"{wheel}[{library}]"
    for words in (
        ("venv", "-q", "--python", sys.executable, folder),
        ("pip", "install", "-q", "--python", folder, wanted),
    ):
        done = subprocess.run([UV, *words], capture_output=True, text=True, check=False)
        if done.returncode and any(reason in done.stderr for reason in UNREACHABLE):
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stderr
    return folder


def training_set(folder: Path) -> None:
    """Write a training set of 1,000 rows."""
    draw = np.random.default_rng(1)
    score = draw.uniform(size=1_000)
    table = pa.table(
        {
            "price": draw.normal(10, 2, 1_000),
            "country": draw.choice(["DE", "FR"], 1_000),
            "ml.prediction.score": score,
            "ml.outcome.label": draw.uniform(size=1_000) < score,
        }
    )
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "training_set.parquet")


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_real_library_writes_its_report(
    library: str,
    environment: Path,
    cluster: Cluster,
    namespace: str,
    ship: Callable[..., None],
    tmp_path: Path,
) -> None:
    """A drifted sample is compared in the library's environment; the browser draws the report.

    Its page has no origin and asks for nothing on the network.
    """
    draw = np.random.default_rng(2)
    ship(
        {
            "@timestamp": iso(NOW - (number + 1) * MINUTE),
            "event.dataset": "ml.prediction",
            "event.ingested": iso(NOW),
            "service.name": "api",
            "ml.model.name": "bids",
            "ml.model.version": "7",
            "ml.prediction.id": f"p-{number}",
            "ml.prediction.score": float(draw.uniform()),
            "ml.features.numeric.price": float(draw.normal(16, 2)),
            "ml.features.categorical.country": str(draw.choice(["DE", "FR"])),
        }
        for number in range(ROWS)
    )
    training_set(tmp_path / "models" / "7")
    known = {"models": tmp_path / "models", "timeout": "10m", library: environment}
    reports = scheduled_reports(
        cluster, namespace, ReportsSettings.load(**known), tmp_path / "reports"
    )
    (record,) = reports.write(NOW)
    assert (record.error, record.rows) == ("", ROWS)
    assert record.files
    with serving(cluster, namespace, people=None, reports=reports.folder) as server:
        asked: list[str] = []
        errors: list[str] = []
        with started_browser() as browser:
            page = browser.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{server.url}reports")
            page.get_by_role("link", name="Report", exact=True).click()
            page.wait_for_load_state("load")
            page.get_by_text("price").first.wait_for(state="attached", timeout=60_000)
            assert page.evaluate("window.origin") == "null"
        assert errors == []
        served = {url for url in asked if url.startswith(("http:", "https:"))}
        assert {url.split("/")[2] for url in served} == {server.url.split("/")[2]}
