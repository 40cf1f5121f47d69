"""The HTTP interface answers 200, 400, 404, 405, 500 and 503, and logs each under one trace."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlmon.autobid.api import create_app
from mlmon.autobid.clock import SimulatedClock, to_datetime
from mlmon.autobid.examples import Dataset
from mlmon.autobid.load import draw_payloads
from mlmon.autobid.model import train
from mlmon.autobid.model_store import MODEL_FILE, ModelStore
from mlmon.autobid.prediction_service import PredictionService
from mlmon.autobid.profile_stats import StatsStore
from mlmon.autobid.routes import HEALTH_PATH, PREDICT_PATH, RELOAD_PATH
from mlmon.logging_config import AccessLog, EventLog

Events = Callable[[str], list[dict[str, Any]]]
TRACE = "0af7651916cd43dd8448eb211c80319c"
PAYLOAD = draw_payloads(seed=1, count=1)[0]


@pytest.fixture
def app(tmp_path: Path, log: EventLog, history: Dataset, clock: SimulatedClock) -> AccessLog:
    """An application with one model on disk, not loaded."""
    store = ModelStore(tmp_path / "models")
    store.publish(train(*history), *history, to_datetime(clock()))
    return create_app(PredictionService(store, StatsStore(), log), clock=clock)


def ask(app: AccessLog, method: str, path: str, **request: Any) -> httpx.Response:
    """Send one request through ASGI."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://autobid") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())


def test_without_a_model_it_answers_503(app: AccessLog, events: Events) -> None:
    """Before a reload, a good request is refused with the reason, and the event carries it."""
    response = ask(app, "POST", PREDICT_PATH, json=PAYLOAD)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "model_not_loaded"
    [event] = events("ml.access")
    assert event["http.response.status_code"] == 503
    assert event["error.code"] == "model_not_loaded"
    assert ask(app, "GET", HEALTH_PATH).json() == {"status": "ok", "model": None}


def test_a_loaded_model_predicts(app: AccessLog, events: Events) -> None:
    """After a reload the answer holds score and decision, and the events share its trace."""
    assert ask(app, "POST", RELOAD_PATH).json() == {"name": "autobid", "version": "1"}
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    response = ask(app, "POST", PREDICT_PATH, json=PAYLOAD, headers=headers)
    assert response.status_code == 200
    answer = response.json()
    assert 0.0 < answer["success_probability"] < 1.0
    assert answer["approved"] == (answer["success_probability"] >= answer["threshold"])
    assert answer["profile_historical_stats"] == "missing"
    assert answer["trace_id"] == TRACE
    [prediction], access = events("ml.prediction"), events("ml.access")[-1]
    assert prediction["ml.prediction.id"] == answer["prediction_id"]
    assert prediction["trace.id"] == access["trace.id"] == TRACE
    assert prediction["http.request.id"] == access["http.request.id"]
    assert access["event.duration"] > 0


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "body: Invalid JSON"),
        (b"{", "body: Invalid JSON"),
        (b"[1]", "body: Input should be an object"),
        (b'{"bid_price": "480"}', "bid_price: Input should be a valid number"),
    ],
)
def test_bad_input_is_answered_400(
    app: AccessLog, events: Events, body: bytes, complaint: str
) -> None:
    """What is wrong stands in the answer; no prediction is made, model loaded or not."""
    response = ask(app, "POST", PREDICT_PATH, content=body)
    assert response.status_code == 400
    assert complaint in response.json()["error"]["message"]
    assert events("ml.access")[-1]["error.code"] == "bad_input"
    assert events("ml.prediction") == []


@pytest.mark.parametrize("body", [b'{"version": 1}', b'{"versoin": "1"}', b"x"])
def test_a_bad_reload_is_answered_400(app: AccessLog, body: bytes) -> None:
    """A version is text, and nothing else is asked for."""
    assert ask(app, "POST", RELOAD_PATH, content=body).status_code == 400


def test_a_reload_of_nothing_is_answered_503(app: AccessLog, tmp_path: Path) -> None:
    """A version that is not there, or cut short, is a 503; the loaded model goes on serving."""
    ask(app, "POST", RELOAD_PATH)
    missing = ask(app, "POST", RELOAD_PATH, json={"version": "9"})
    assert missing.status_code == 503
    assert missing.json()["error"]["message"] == "there is no model 9"
    (tmp_path / "models" / "1" / MODEL_FILE).write_bytes(b"\x80")
    assert ask(app, "POST", RELOAD_PATH).json()["error"]["code"] == "model_not_readable"
    assert ask(app, "POST", PREDICT_PATH, json=PAYLOAD).status_code == 200


def test_other_paths_and_methods_are_refused(app: AccessLog) -> None:
    """They get 404 and 405 in the same form."""
    assert ask(app, "GET", "/nothing").json()["error"]["code"] == "not_found"
    assert ask(app, "GET", PREDICT_PATH).json()["error"]["code"] == "method_not_allowed"


def test_an_error_of_our_own_is_answered_500(
    app: AccessLog, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen exception is a 500 without details; the access event has type and trace."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("tops3cret")

    ask(app, "POST", RELOAD_PATH)
    monkeypatch.setattr(PredictionService, "score", fail)
    response = ask(app, "POST", PREDICT_PATH, json=PAYLOAD)
    assert response.status_code == 500
    assert "tops3cret" not in response.text
    event = events("ml.access")[-1]
    assert event["http.response.status_code"] == 500
    assert event["error.type"].endswith("ZeroDivisionError")


def test_metrics_count_requests(app: AccessLog) -> None:
    """Prometheus gets the number of requests by their answers."""
    ask(app, "POST", PREDICT_PATH, json=PAYLOAD)
    text = ask(app, "GET", "/metrics").text
    [line] = [
        line
        for line in text.splitlines()
        if line.startswith("http_requests_total") and PREDICT_PATH in line
    ]
    assert 'status="5xx"' in line
    assert math.isclose(float(line.split()[-1]), 1.0)
