"""The service as it is really run: uvicorn on loopback, real requests, SIGTERM."""

import json
import select
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlmon.analyzers.checks import discover
from mlmon.autobid import load, serve, train
from mlmon.prometheus.rules import rules_file
from mlmon.prometheus.rules_text import rules_text
from tests.support.prometheus_server import prometheus_server

REQUESTS = 60
SEEN = {
    "predictions": "sum by (decision) (ml_predictions_total)",
    "requests": 'sum by (status) (http_requests_total{handler=~"/ml/.*"})',
    "scores": "sum(ml_prediction_score_sum)",
    "runs": "sum by (job_name) (ml_job_runs_total)",
}


@pytest.fixture
def server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    """A server started without a model, with one on disk; what it announced."""
    assert train.main(["--models", str(tmp_path / "models"), "--rows", "1500"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "1"
    folders = ["--models", str(tmp_path / "models"), "--logs", str(tmp_path / "logs")]
    command = [sys.executable, "-m", "mlmon.autobid.serve", "--port", "0", "--cold", *folders]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready, "the server did not announce itself"
        yield json.loads(process.stdout.readline()) | {"process": process}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_real_requests_are_answered_and_logged(
    server: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every answer a client counted is in the log after SIGTERM, with the bids on its trace.

    A Prometheus that scrapes the service sees the same numbers, and evaluates every rule.
    """
    assert server["model"] is None
    logs = tmp_path / "logs"
    arguments = ["--url", server["url"], "--requests", str(REQUESTS), "--logs", str(logs)]
    assert load.main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    rules = tmp_path / "mlmon.rules.yml"
    content = rules_file(discover())
    for group in content["groups"]:
        del group["interval"]  # then they are evaluated as often as is scraped
    rules.write_text(rules_text(content))
    target = server["url"].removeprefix("http://")
    with prometheus_server(tmp_path, {"autobid": target}, rules) as scraping:
        scraping.until(lambda: bool(scraping.query("ml_predictions_total")))
        seen = {name: scraping.query(expression) for name, expression in SEEN.items()}
        scraping.until(lambda: not scraping.unhealthy_rules())
    server["process"].send_signal(signal.SIGTERM)
    server["process"].wait(timeout=30)

    assert set(report["statuses"]) == {"200", "400", "503"}
    api = [json.loads(line) for line in (logs / "autobid-api.jsonl").read_text().splitlines()]
    answered = Counter(
        str(event["http.response.status_code"])
        for event in api
        if event["event.dataset"] == "ml.access" and event["url.path"].startswith("/ml/")
    )
    assert answered == report["statuses"]
    predicted = {
        event["ml.prediction.id"]: event
        for event in api
        if event["event.dataset"] == "ml.prediction"
    }
    # One of the answered requests was the reload.
    assert len(predicted) == report["statuses"]["200"] - 1
    bids = [json.loads(line) for line in (logs / "autobidder.jsonl").read_text().splitlines()]
    assert len(bids) == report["bids"] > 0
    for bid in bids:
        assert predicted[bid["ml.prediction.id"]]["trace.id"] == bid["trace.id"]
    decisions = Counter(event["ml.prediction.decision"] for event in predicted.values())
    assert seen["predictions"] == {(("decision", name),): n for name, n in decisions.items()}
    groups = Counter(f"{status[0]}xx" for status in Counter(report["statuses"]).elements())
    assert seen["requests"] == {(("status", group),): n for group, n in groups.items()}
    total = sum(event["ml.prediction.score"] for event in predicted.values())
    assert seen["scores"][()] == pytest.approx(total)
    jobs = [json.loads(line) for line in (logs / "scheduler.jsonl").read_text().splitlines()]
    ended = Counter(event["ml.job.name"] for event in jobs if event["event.action"] == "ended")
    assert seen["runs"] == {(("job_name", name),): n for name, n in ended.items()}


def test_a_port_in_use_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a port that is taken the command ends with an error that names it, and logs nothing."""
    folders = ["--models", str(tmp_path / "models"), "--logs", str(tmp_path / "logs")]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            serve.main(["--port", port, *folders])
    assert ended.value.code == 1
    assert f"port {port} cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "logs").exists()


def test_nobody_answering_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a server, the load command ends with an error that names the address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert load.main(["--url", url, "--requests", "1"]) == 1
    assert url in capsys.readouterr().err
    assert load.main(["--url", "ftp://x", "--requests", "1"]) == 1
