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

import httpx
import pytest

from mlmon.autobid import load, serve, train

REQUESTS = 60


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
    """Every answer a client counted is in the log after SIGTERM, with the bids on its trace."""
    assert server["model"] is None
    logs = tmp_path / "logs"
    arguments = ["--url", server["url"], "--requests", str(REQUESTS), "--logs", str(logs)]
    assert load.main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    metrics = httpx.get(f"{server['url']}/metrics").text
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
    counted = sum(
        float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("ml_predictions_total")
    )
    assert counted == len(predicted)


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
